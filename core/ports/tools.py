"""A tool as the chat service sees it, whoever runs it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any


class ToolError(Exception):
    """The tool could not do it; the text is told to the model, which then goes on without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLink:
    """A page that an answer rests on."""

    url: str  #: http or https
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool found; ``text`` goes to the model and nowhere else."""

    text: str
    sources: tuple[SourceLink, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One function that the model may call."""

    name: str  #: as Kimi takes it: a letter, then letters, digits, "_" and "-", at most 64
    definition: Mapping[str, Any]  #: the whole ``{"type": "function", …}`` for the request
    run: Callable[[str], Awaitable[ToolResult]]
    """Takes the arguments as the model wrote them, a JSON text. Raises :class:`ToolError`."""
