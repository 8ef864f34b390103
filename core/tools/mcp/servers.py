"""All MCP servers of a deployment."""

import asyncio
from collections.abc import Mapping, Sequence

from core.domain.clock import Clock
from core.tools.mcp.config import McpServerConfig
from core.tools.mcp.server import Connect, McpServer
from core.tools.selection import ToolGroup, ToolSelection


class McpServers:
    """The servers that ``mcp.json`` names, each supervised by itself."""

    def __init__(self, configs: Sequence[McpServerConfig], connect: Connect, clock: Clock) -> None:
        """Build them; :meth:`start` connects."""
        self._servers = tuple(McpServer(config, connect, clock) for config in configs)

    @property
    def unreachable(self) -> tuple[str, ...]:
        """Names of those that cannot be called now."""
        return tuple(server.config.name for server in self._servers if not server.is_connected)

    def states(self) -> Mapping[str, bool]:
        """Return whether each server can be called now, by name."""
        return {server.config.name: server.is_connected for server in self._servers}

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

    def groups(self) -> tuple[ToolGroup, ...]:
        """Return the tools of each server, as listed last."""
        return tuple(
            ToolGroup(name=server.config.name, tools=server.tools, is_reachable=server.is_connected)
            for server in self._servers
        )

    def unreachable_text(self, selection: ToolSelection) -> str:
        """Return a sentence for the model that names the selected servers that cannot be called; else ""."""
        missing = [name for name in self.unreachable if selection.uses_server(name)]
        if not missing:
            return ""
        return (
            f"The tools of {', '.join(missing)} cannot be used at the moment. If the answer would need them, "
            "say so in a few words; else do not mention it."
        )
