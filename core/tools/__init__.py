"""What Kimi may do besides writing: official formulas, and an operator's own functions."""

from core.ports.tools import Source, Tool, ToolFault, ToolResult
from core.tools.own import OwnTools, tool

__all__ = ["OwnTools", "Source", "Tool", "ToolFault", "ToolResult", "tool"]
