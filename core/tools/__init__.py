"""What Kimi may do besides writing: official formulas, and an operator's own functions."""

from core.ports.tools import SourceLink, Tool, ToolError, ToolResult
from core.tools.own import OwnTools, tool

__all__ = ["OwnTools", "SourceLink", "Tool", "ToolError", "ToolResult", "tool"]
