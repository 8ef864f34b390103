"""One supervised MCP server: connected, lost in the middle of a call, connected again."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.domain.clock import Clock
from core.ports.tools import Tool, ToolError, ToolResult
from core.tools.mcp.config import McpServerConfig
from core.tools.mcp.server import CALL_TIMEOUT_S, MAX_DEFINITIONS_BYTES, ListedTool, McpSession
from core.tools.mcp.servers import McpServers
from core.tools.selection import ToolSelection

pytestmark = pytest.mark.virtual_time

CONFIG = McpServerConfig(name="shop", command="x", trusted=True)
SHOP = ToolSelection(words=("shop",))


class Shop:
    """A server that can be stopped; counts its connections."""

    def __init__(self) -> None:
        self.is_up, self.connections, self.tools = True, 0, ("stock",)
        self.about = ""
        self.hangs = asyncio.Event()  # set while a call is running that never ends
        self._stopped = asyncio.Event()

    @contextlib.asynccontextmanager
    async def connect(self, config: McpServerConfig) -> AsyncIterator[McpSession]:
        """Connect, as the SDK does: a connection that breaks cancels whoever holds it."""
        if not self.is_up:
            raise ConnectionError
        self.connections += 1
        self._stopped = asyncio.Event()
        try:
            yield self
        finally:
            self._stopped.set()

    async def list_tools(self) -> Sequence[ListedTool]:
        """List the tools."""
        if not self.is_up:
            raise ConnectionError
        return [ListedTool(name=name, description=self.about, read_only=True) for name in self.tools]

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Call a tool."""
        if arguments.get("article") == "hang":
            self.hangs.set()
            await asyncio.Event().wait()
        if not self.is_up:
            raise ConnectionError
        return ToolResult(text=str(dict(arguments)))


def tools_of(servers: McpServers) -> tuple[Tool, ...]:
    """The tools of the only server."""
    (group,) = servers.groups()
    return group.tools


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def running(shop: Shop, clock: Clock) -> AsyncIterator[McpServers]:
    """The server's supervisor, started."""
    servers = McpServers([CONFIG], shop.connect, clock)
    servers.start()
    await settle()
    try:
        yield servers
    finally:
        await servers.close()


async def test_its_tools_are_offered_and_called(loop_clock: Clock) -> None:
    """A tool carries its server's name; its arguments reach the server."""
    async with running(Shop(), loop_clock) as servers:
        (stock,) = tools_of(servers)
        assert stock.name == "shop__stock"
        assert (await stock.run('{"article": "mug"}')).text == "{'article': 'mug'}"
        assert servers.unreachable_text(SHOP) == ""


async def test_a_server_that_is_down_is_told_to_model_and_log_and_tried_again(loop_clock: Clock) -> None:
    """Its log line comes once, not with every try; a start without it does not wait."""
    shop = Shop()
    shop.is_up = False
    with capture_logs() as logs:
        async with running(shop, loop_clock) as servers:
            assert "shop" in servers.unreachable_text(SHOP)
            assert servers.unreachable_text(ToolSelection(words=("other",))) == ""
            await loop_clock.sleep(100)
            shop.is_up = True
            await loop_clock.sleep(61)
            assert servers.unreachable == ()
    assert [one["event"] for one in logs] == ["mcp.disconnected", "mcp.connected"]


async def test_a_server_that_fails_in_a_call_is_found_dead_and_connected_again(loop_clock: Clock) -> None:
    """The model hears that it is unknown whether the call was carried out."""
    shop = Shop()
    async with running(shop, loop_clock) as servers:
        (stock,) = tools_of(servers)
        shop.is_up = False
        with pytest.raises(ToolError, match="unknown"):
            await stock.run("{}")
        await settle()
        assert servers.unreachable == ("shop",)
        assert tools_of(servers) == (stock,)
        with pytest.raises(ToolError, match="cannot be reached"):
            await stock.run("{}")
        shop.is_up = True
        await loop_clock.sleep(3)
        assert (await stock.run("{}")).text == "{}"
        assert shop.connections == 2


async def test_a_call_does_not_outlive_the_connection(loop_clock: Clock) -> None:
    """A server that dies unseen is found by the next listing; the call that waits for it ends then."""
    shop = Shop()
    async with running(shop, loop_clock) as servers:
        (stock,) = tools_of(servers)
        calling = asyncio.ensure_future(stock.run('{"article": "hang"}'))
        await shop.hangs.wait()
        shop.is_up = False
        await loop_clock.sleep(61)
        with pytest.raises(ToolError, match="ended meanwhile"):
            await calling


async def test_new_tools_appear_within_a_minute(loop_clock: Clock) -> None:
    """The server is listed again every minute."""
    shop = Shop()
    async with running(shop, loop_clock) as servers:
        shop.tools = ("stock", "price")
        await loop_clock.sleep(61)
        assert [tool.name for tool in tools_of(servers)] == ["shop__stock", "shop__price"]


async def test_a_call_without_an_end_is_given_up(loop_clock: Clock) -> None:
    """The server is looked at again; whether it did it is unknown (we chose two minutes)."""
    shop = Shop()
    async with running(shop, loop_clock) as servers:
        (stock,) = tools_of(servers)
        began_at = loop_clock.time()
        with pytest.raises(ToolError, match="unknown"):
            await stock.run('{"article": "hang"}')
        assert loop_clock.time() - began_at == pytest.approx(CALL_TIMEOUT_S)


async def test_the_tools_of_a_server_fill_no_request(loop_clock: Clock) -> None:
    """Sixty long descriptions are more than a model should read with each question."""
    shop = Shop()
    shop.about, shop.tools = "x" * 5_000, tuple(f"t{at}" for at in range(60))
    shop.tools = shop.tools * 2
    with capture_logs() as logs:
        async with running(shop, loop_clock) as servers:
            tools = tools_of(servers)
    assert len(tools) == 60
    assert sum(len(tool.definition["function"]["description"]) for tool in tools) <= MAX_DEFINITIONS_BYTES
    assert {"mcp.tools_left_out"} <= {one["event"] for one in logs}
