"""All MCP servers of a deployment."""

import asyncio
from collections.abc import Collection, Sequence

from core.domain.clock import Clock
from core.ports.tools import Tool
from core.tools.mcp.config import McpServerConfig
from core.tools.mcp.server import Connect, McpServer


class McpServers:
    """The servers that ``mcp.json`` names, each supervised by itself."""

    def __init__(self, configs: Sequence[McpServerConfig], connect: Connect, clock: Clock) -> None:
        """Build them; :meth:`start` connects."""
        self._servers = tuple(McpServer(config, connect, clock) for config in configs)

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in the file's order."""
        return tuple(server.config.name for server in self._servers)

    @property
    def unreachable(self) -> tuple[str, ...]:
        """Names of those that cannot be called now."""
        return tuple(server.config.name for server in self._servers if not server.is_connected)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        for server in self._servers:
            server.start()

    async def close(self) -> None:
        """Close all connections."""
        await asyncio.gather(*(server.close() for server in self._servers))

    async def wait_until_tried(self) -> None:
        """Wait, a few seconds at most, until each has been tried: the first answer needs their tools."""
        await asyncio.gather(*(server.wait_until_tried() for server in self._servers))

    def tools_of(self, names: Collection[str]) -> tuple[Tool, ...]:
        """Return the tools of some servers, as listed last."""
        return tuple(tool for server in self._servers if server.config.name in names for tool in server.tools)

    def unreachable_text(self, names: Collection[str]) -> str:
        """Return a sentence for the model that names those of some servers that cannot be called; else ""."""
        missing = [name for name in self.unreachable if name in names]
        if not missing:
            return ""
        return (
            f"The tools of {', '.join(missing)} cannot be used at the moment. If the answer would need them, "
            "say so in a few words; else do not mention it."
        )
