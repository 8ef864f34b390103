"""Tools that Kimi may call: Moonshot's official formulas and the operator's own functions."""

from core.ports.tools import SourceLink, Tool, ToolError, ToolResult
from core.tools.custom_tools import CustomTools, tool

__all__ = ["CustomTools", "SourceLink", "Tool", "ToolError", "ToolResult", "tool"]
