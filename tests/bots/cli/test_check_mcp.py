"""``moonthread check`` and ``mcp.json``: its faults, servers out of reach, tools that lose arguments."""

import contextlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bots.check_result import CheckResult
from bots.cli.check_mcp import check_server
from core.ports.tools import Approval, ToolResult
from core.tools.mcp.config import McpServerConfig
from core.tools.mcp.server import ListedTool, McpSession

OBJECT = {"type": "object", "properties": {"article": {"type": "string"}}}


class Session:
    """A server that lists these tools."""

    def __init__(self, tools: Sequence[ListedTool]) -> None:
        self.tools = tools

    async def list_tools(self) -> Sequence[ListedTool]:
        """List them."""
        return self.tools

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Nobody calls."""
        return ToolResult(text="")


async def checked(*tools: ListedTool, **config: Any) -> CheckResult:
    """Check a server that has these tools."""

    @contextlib.asynccontextmanager
    async def connect(_: McpServerConfig) -> AsyncIterator[McpSession]:
        yield Session(tools)

    return await check_server(McpServerConfig(name="shop", command="x", **config), connect)


async def test_every_fault_of_the_file_is_a_line(moonthread: Any) -> None:
    """All servers' faults at once, as the start would name them."""
    data = moonthread.folder / "data"
    data.mkdir(mode=0o700)
    moonthread.environ["MOONTHREAD_DATA_DIR"] = str(data)
    servers = {"a": {"command": "x", "args": "y"}, "b": {}, "c": {"url": "${NOPE}"}}
    (data / "mcp.json").write_text(json.dumps({"mcpServers": servers}), encoding="utf-8")

    done = await moonthread("check")

    assert done.status == 1
    assert "✗ mcp.json: a: args: Input should be a valid list\n" in done.out
    assert '✗ mcp.json: b: it needs either "command" or "url"\n' in done.out
    assert "✗ mcp.json: c: the variable NOPE is not set\n" in done.out


async def test_tools_are_counted_by_how_they_may_be_called() -> None:
    """What a trusted server declares read-only is free; a name in "approval" that it lacks is told."""
    tools = (ListedTool(name="stock", schema=OBJECT, read_only=True), ListedTool(name="order", schema=OBJECT))
    assert await checked(*tools, trusted=True) == CheckResult(
        "ok", "MCP server shop: 2 tools (1 free, 1 ask)"
    )
    found = await checked(*tools, approval={"orders": Approval.NEVER})
    assert (found.level, found.advice) == (
        "warning",
        '"approval" names tools that it does not have: orders.',
    )
    assert (await checked()).summary == "MCP server shop: no tools"


@pytest.mark.parametrize(
    ("schema", "is_told"),
    [
        (OBJECT, False),
        ({}, False),
        ({"type": "object"}, False),
        ({"$ref": "#/$defs/a", "$defs": {"a": OBJECT}}, False),
        ({"type": "string"}, True),
        ({"type": "object", "properties": {f"p{at}": {"type": "string"} for at in range(100)}}, True),
        ({"$ref": "#/$defs/gone"}, True),
        ({"type": "object", "properties": {"a": {"enum": ["x" * 20_000]}}}, True),
        ({"type": "object", "properties": []}, True),
    ],
)
async def test_a_tool_whose_arguments_kimi_cannot_know_is_told(schema: dict[str, Any], is_told: bool) -> None:
    """It is still offered: the server checks its arguments, and the description may name them."""
    found = await checked(ListedTool(name="stock", schema=schema))
    assert ("The arguments of stock" in found.advice) is is_told


@pytest.mark.parametrize(
    ("config", "advice"),
    [
        ({"command": "moonthread-no-such-program"}, "Run 'moonthread-no-such-program' by hand"),
        ({"url": "http://127.0.0.1:9/mcp"}, '"privateAddress": true'),
    ],
)
async def test_a_server_that_cannot_be_reached_is_a_fault(
    config: dict[str, str], advice: str, tmp_path: Path
) -> None:
    """The line names the kind of the error and the usual reason, and no secret of the file."""
    from core.tools.mcp.server_connection import connect_mcp

    server = McpServerConfig(name="shop", env={"TOKEN": "secret"}, cwd=str(tmp_path), **config)
    found = await check_server(server, connect_mcp)
    assert found.level == "fault"
    assert found.summary.startswith("MCP server shop: ")
    assert advice in found.advice
    assert "secret" not in f"{found.summary}{found.advice}"
