"""Connects to MCP servers with the official SDK. Importing this module imports the SDK."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import httpx2
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import INVALID_PARAMS, METHOD_NOT_FOUND

from core.ports.tools import ToolError, ToolResult
from core.tools.mcp.config import McpServerConfig
from core.tools.mcp.public_addresses import public_address
from core.tools.mcp.results import parse_result
from core.tools.mcp.server import ListedTool, McpSession

MAX_PAGES: Final = 10  #: of a list of tools
CONNECT_TIMEOUT_S: Final = 10.0
READ_TIMEOUT_S: Final = 60.0
MAX_RESPONSE_BYTES: Final = 20 * 1024 * 1024  #: a few pictures
_ANSWERED: Final = frozenset({INVALID_PARAMS, METHOD_NOT_FOUND})  #: errors that a living server sends


class ResponseTooLarge(OSError):
    """A server's response has more than ``MAX_RESPONSE_BYTES``."""


class BoundedTransport(httpx2.AsyncHTTPTransport):
    """HTTP that reads so many bytes of a response, and none that is compressed, which could hide more."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request."""
        request.headers["Accept-Encoding"] = "identity"
        response = await super().handle_async_request(request)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            await response.aclose()
            raise ResponseTooLarge("a compressed response")
        if isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _BoundedStream(response.stream)
        return response


class _BoundedStream(httpx2.AsyncByteStream):
    """The body of a response."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MAX_RESPONSE_BYTES:
                raise ResponseTooLarge(f"more than {MAX_RESPONSE_BYTES:,} bytes")
            yield chunk

    async def aclose(self) -> None:
        """Close the response."""
        await self._stream.aclose()


class PublicAddressTransport(BoundedTransport):
    """HTTP that connects to public addresses only, each request to the very address that was checked."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request.

        Raises:
            AddressRefused: its host has an address that is not public.
        """
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        address = await public_address(host, port)
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=address)
        return await super().handle_async_request(request)


@contextlib.asynccontextmanager
async def connect_mcp(config: McpServerConfig) -> AsyncIterator[McpSession]:
    """Open a connection to a server; its child process ends with it.

    Raises:
        Exception: of any kind, for the server or the network may fail in any way.
    """
    if config.command:
        child = StdioServerParameters(
            command=config.command, args=list(config.args), env=dict(config.env), cwd=config.cwd or None
        )
        async with Client(child) as client:
            yield SdkSession(config.name, client)
        return
    transport = BoundedTransport() if config.private_address else PublicAddressTransport()
    timeout = httpx2.Timeout(CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S)
    async with (
        httpx2.AsyncClient(
            headers=dict(config.headers), transport=transport, timeout=timeout, trust_env=False
        ) as http,
        Client(streamable_http_client(config.url, http_client=http)) as client,
    ):
        yield SdkSession(config.name, client)


class SdkSession:
    """The SDK's client behind our port."""

    def __init__(self, server: str, client: Client) -> None:
        self._server = server
        self._client = client

    async def list_tools(self) -> Sequence[ListedTool]:
        """Return the server's tools, of all pages."""
        listed: list[ListedTool] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await self._client.list_tools(cursor=cursor, cache_mode="bypass")
            listed += [
                ListedTool(
                    name=tool.name,
                    description=tool.description or tool.title or "",
                    schema=tool.input_schema,
                    read_only=bool(tool.annotations and tool.annotations.read_only_hint),
                )
                for tool in page.tools
            ]
            cursor = page.next_cursor
            if not cursor:
                break
        return listed

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> ToolResult:
        """Call a tool; see :class:`core.tools.mcp.server.McpSession`."""
        try:
            result = await self._client.call_tool(tool, dict(arguments))
        except MCPError as exc:
            if exc.error.code in _ANSWERED:
                raise ToolError(exc.error.message[:300]) from exc
            raise
        content = [block.model_dump(mode="json", by_alias=True) for block in result.content]
        return parse_result(self._server, content, result.structured_content, is_error=result.is_error)
