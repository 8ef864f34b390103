"""What Kimi may do besides writing: official formulas, and an operator's own functions."""

from core.ports.tools import SourceLink, Tool, ToolError, ToolResult
from core.tools.custom_tools import CustomTools, tool

__all__ = ["CustomTools", "SourceLink", "Tool", "ToolError", "ToolResult", "tool"]
