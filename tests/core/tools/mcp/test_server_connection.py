"""The official SDK's client with a real server: in the process, over stdio, and over streamable HTTP."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from mcp.client.client import Client

from core.domain.clock import SystemClock
from core.ports.tools import SourceLink, ToolError
from core.tools.mcp import server_connection
from core.tools.mcp.config import McpServerConfig
from core.tools.mcp.server import error_kind
from core.tools.mcp.server_connection import SdkSession, connect_mcp
from core.tools.mcp.servers import McpServers
from tests.core.tools.mcp.demo_server import PIXEL, build_server

SCRIPT = str(Path(__file__).with_name("demo_server.py"))
LIMIT_S = 100.0


async def test_the_sdks_client_lists_and_calls() -> None:
    """Text, image and link arrive; a tool that fails says why; the read-only mark is seen."""
    async with asyncio.timeout(LIMIT_S), Client(build_server()) as client:
        session = SdkSession("shop", client)
        listed = {tool.name: tool for tool in await session.list_tools()}
        assert listed["stock"].read_only
        assert not listed["order"].read_only
        assert "in stock" in listed["stock"].description
        assert (await session.call("stock", {"article": "mug"})).text.endswith("\n\n7 mug")
        picture = await session.call("picture", {})
        assert picture.images[0].base64 == PIXEL
        assert picture.sources == (SourceLink(url="https://shop.example.com/mug", title="The mug"),)
        with pytest.raises(ToolError, match="no such article"):
            await session.call("stock", {"article": "unknown"})
        with pytest.raises(ToolError):
            await session.call("stock", {"wrong": 1})


async def test_a_private_address_is_refused_unless_it_is_named() -> None:
    """We chose: an address of the operator's own network needs his word in the file."""
    with pytest.raises(Exception) as refused:  # noqa: PT011 - the SDK wraps it in a group
        async with connect_mcp(McpServerConfig(name="shop", url="http://127.0.0.1:9/mcp")):
            pass
    assert error_kind(refused.value) == "AddressRefused"


@pytest.mark.parametrize("head", ["Content-Encoding: gzip\r\n", ""])
async def test_a_response_without_an_end_is_not_read_on(head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a compressed one begun, which could hide a thousand times its size."""
    monkeypatch.setattr(server_connection, "MAX_RESPONSE_BYTES", 100_000)
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        with contextlib.suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"HTTP/1.1 200 OK\r\n{head}Content-Type: application/json\r\n\r\n".encode())
            while not writer.is_closing():
                writer.write(bytes(10_000))
                await writer.drain()
                sent += 10_000
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/mcp"
    async with asyncio.timeout(LIMIT_S), listener:
        with pytest.raises(Exception):  # noqa: B017, PT011 - the SDK wraps it in groups of its own
            async with connect_mcp(McpServerConfig(name="shop", url=url, private_address=True)):
                pass
    assert sent < 50_000_000  # what the sockets' buffers hold


def unused_port() -> int:
    """A port that nothing listens on; a server that comes back needs the same one."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def http_server(port: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """The demo server as a process that listens on a port."""
    process = await asyncio.create_subprocess_exec(sys.executable, SCRIPT, str(port), cwd=Path.cwd())
    try:
        async with httpx.AsyncClient() as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    await client.get(f"http://127.0.0.1:{port}/")
                    break
                await asyncio.sleep(0.05)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def reachable(servers: McpServers, *, wanted: bool = True) -> None:
    """Wait until the server can be called, or cannot."""
    while bool(servers.unreachable) is wanted:  # noqa: ASYNC110 - of another process, which sets no event here
        await asyncio.sleep(0.02)


@pytest.mark.slow
@pytest.mark.real_time
async def test_a_killed_child_process_is_started_again() -> None:
    """Killed in the middle of a call over stdio: the call ends, and the next one reaches a new process."""
    config = McpServerConfig(name="shop", command=sys.executable, args=(SCRIPT,), trusted=True)
    servers = McpServers([config], connect_mcp, SystemClock())
    servers.start()
    try:
        async with asyncio.timeout(LIMIT_S):
            await reachable(servers)
            tools = {tool.name: tool for tool in servers.groups()[0].tools}
            with pytest.raises(ToolError, match="unknown"):
                await tools["shop__crash"].run("{}")
            await reachable(servers, wanted=False)
            await reachable(servers)
            assert "7 mug" in (await tools["shop__stock"].run('{"article": "mug"}')).text
    finally:
        await servers.close()


@pytest.mark.slow
@pytest.mark.real_time
async def test_a_killed_http_server_is_connected_again() -> None:
    """Killed in the middle of a call over HTTP: the call ends, and a server that comes back is used again."""
    port = unused_port()
    url = f"http://127.0.0.1:{port}/mcp"
    config = McpServerConfig(name="shop", url=url, private_address=True, trusted=True)
    servers = McpServers([config], connect_mcp, SystemClock())
    try:
        async with asyncio.timeout(2 * LIMIT_S):
            async with http_server(port):
                servers.start()
                await reachable(servers)
                tools = {tool.name: tool for tool in servers.groups()[0].tools}
                with pytest.raises(ToolError, match="unknown"):
                    await tools["shop__crash"].run("{}")
                await reachable(servers, wanted=False)
            async with http_server(port):
                await reachable(servers)
                assert "7 mug" in (await tools["shop__stock"].run('{"article": "mug"}')).text
    finally:
        await servers.close()
