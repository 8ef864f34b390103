"""An MCP server for tests, on the SDK's server side; started as a process it speaks one transport.

``python demo_server.py`` speaks stdio, ``python demo_server.py PORT`` streamable HTTP.
"""

import os
import signal
import sys

from mcp.server.mcpserver import MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import ContentBlock, ImageContent, ResourceLink, TextContent, ToolAnnotations

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def build_server() -> MCPServer:
    """Return a server with a tool of every kind."""
    server = MCPServer("shop", log_level="ERROR")

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    async def stock(article: str, size: str | None = None) -> str:
        """Return how many pieces of an article are in stock."""
        if article == "unknown":
            raise ToolError("there is no such article")
        return f"7 {article} {size or ''}".strip()

    @server.tool(annotations=ToolAnnotations(read_only_hint=True), structured_output=False)
    async def picture() -> list[ContentBlock]:
        """Return a text, an image and a link."""
        return [
            TextContent(text="A mug."),
            ImageContent(data=PIXEL, mime_type="image/png"),
            ResourceLink(name="mug", title="The mug", uri="https://shop.example.com/mug"),
        ]

    @server.tool()
    async def order(article: str) -> str:
        """Order an article."""
        return f"ordered {article}"

    @server.tool(annotations=ToolAnnotations(read_only_hint=True))
    async def crash() -> str:
        """End the server's process in the middle of the call."""
        os.kill(os.getpid(), signal.SIGKILL)
        return "never"

    return server


if __name__ == "__main__":
    if len(sys.argv) > 1:
        build_server().run("streamable-http", port=int(sys.argv[1]))
    else:
        build_server().run("stdio")
