"""MCP stage: servers of tools for Kimi."""

import os
from collections.abc import Sequence

from core.domain.clock import Clock
from core.domain.errors import SettingsError
from core.settings import Settings
from core.tools.mcp.config import McpServerConfig, load_mcp_servers
from core.tools.mcp.server import Connect
from core.tools.mcp.servers import McpServers


def build_mcp(settings: Settings, clock: Clock) -> McpServers | None:
    """Return the servers of the data folder's ``mcp.json``; None if it names none.

    Raises:
        SettingsError: the file has faults, or the SDK is not installed.
    """
    configs: Sequence[McpServerConfig] = load_mcp_servers(settings.data_dir, os.environ)
    return McpServers(configs, load_connector(), clock) if configs else None


def load_connector() -> Connect:
    """Import the SDK, which takes two seconds, and return what connects with it.

    Raises:
        SettingsError: it is not installed.
    """
    try:
        from core.tools.mcp.server_connection import connect_mcp
    except ImportError as exc:
        advice = "pip install 'moonthread[mcp]', or the image with EXTRA=mcp"
        raise SettingsError([f"mcp.json needs the package mcp: {advice}"]) from exc
    return connect_mcp
