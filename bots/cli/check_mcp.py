"""The check of ``moonthread check`` for the MCP servers that ``mcp.json`` names."""

import asyncio
import os
from collections import Counter
from collections.abc import Iterator, Sequence

from bots.check_result import CheckResult
from bots.composition.mcp_wiring import load_connector
from core.domain.errors import SettingsError
from core.ports.tools import Approval
from core.settings import Settings
from core.tools.mcp.config import CONFIG_FILE, McpServerConfig, load_mcp_servers
from core.tools.mcp.schemas import loses_arguments, tool_definition
from core.tools.mcp.server import MAX_TOOLS, Connect, ListedTool, error_kind

TIMEOUT_S = 30.0


def is_configured(settings: Settings) -> bool:
    """Return whether the data folder has an ``mcp.json``."""
    return (settings.data_dir / CONFIG_FILE).exists()


async def run_checks(settings: Settings) -> list[CheckResult]:
    """Connect to each server and list its tools."""
    try:
        configs = load_mcp_servers(settings.data_dir, os.environ)
        connect = load_connector() if configs else None
    except SettingsError as error:
        return [CheckResult("fault", fault) for fault in error.faults]
    if connect is None:
        return [CheckResult("ok", f"{CONFIG_FILE}: names no server")]
    return [*await asyncio.gather(*(check_server(config, connect) for config in configs))]


async def check_server(config: McpServerConfig, connect: Connect) -> CheckResult:
    """Connect to one server; a fault names the kind of the error and the usual reason for it."""
    try:
        async with asyncio.timeout(TIMEOUT_S), connect(config) as session:
            tools = await session.list_tools()
    except Exception as error:  # noqa: BLE001 - the server's process, network or library may fail in any way
        advice = f'Run {config.command!r} by hand and look at its "env".'
        if not config.command:
            advice = 'Check "url" and "headers"; an address of your own network needs "privateAddress": true.'
        return CheckResult("fault", f"MCP server {config.name}: {error_kind(error)}", advice)
    return result_of(config, tools)


def result_of(config: McpServerConfig, tools: Sequence[ListedTool]) -> CheckResult:
    """Return what a server's tools are; a warning names those that Kimi cannot call as they are meant."""
    modes = Counter(config.approval_of(tool.name, read_only=tool.read_only) for tool in tools)
    counted = ", ".join(f"{modes[mode]} {mode}" for mode in Approval if modes[mode])
    summary = (
        f"MCP server {config.name}: {len(tools)} tools ({counted})"
        if tools
        else (f"MCP server {config.name}: no tools")
    )
    advice = [*_advice(config, tools)]
    return CheckResult("warning" if advice or not tools else "ok", summary, " ".join(advice))


def _advice(config: McpServerConfig, tools: Sequence[ListedTool]) -> Iterator[str]:
    unknown = sorted(set(config.approval) - {"*"} - {tool.name for tool in tools})
    if unknown:
        yield f'"approval" names tools that it does not have: {", ".join(unknown)}.'
    unusable = [
        tool.name
        for tool in tools
        if loses_arguments(tool_definition(tool.name, tool.description, tool.schema), tool.schema)
    ]
    if unusable:
        yield (
            f"The arguments of {', '.join(unusable)} are too many for Kimi, or no JSON object: "
            'it knows them from the description alone; "approval" with "never" leaves a tool out.'
        )
    if len(tools) > MAX_TOOLS:
        yield f"Only the first {MAX_TOOLS} tools are offered."
