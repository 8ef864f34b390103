"""What Kimi may do besides writing: official formulas, and an operator's own functions."""

from core.tools.own import OwnTools, tool
from core.tools.port import Source, Tool, ToolFault, ToolResult

__all__ = ["OwnTools", "Source", "Tool", "ToolFault", "ToolResult", "tool"]
