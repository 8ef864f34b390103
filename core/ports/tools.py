"""The tool port: a function that the model may call."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any


class ToolError(Exception):
    """The tool failed; the model receives the text and answers without the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLink:
    """A page that an answer is based on."""

    url: str  #: http or https
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """The result of a tool."""

    text: str  #: for the model only
    sources: tuple[SourceLink, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One function that the model may call."""

    name: str  #: a letter, then letters, digits, "_" and "-", 64 characters at most (Kimi's rule)
    definition: Mapping[str, Any]  #: the whole ``{"type": "function", …}`` for the request
    run: Callable[[str], Awaitable[ToolResult]]
    """Receives the arguments as the model wrote them, a JSON text. Raises :class:`ToolError`."""
