"""The tool port: a function that the model may call."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ToolError(Exception):
    """The tool failed; the model receives the text and answers without the result."""


class Approval(StrEnum):
    """Whether the model may call a tool by itself."""

    FREE = "free"  #: it may
    ASK = "ask"  #: a person has to approve each call
    NEVER = "never"  #: the tool is not offered


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceLink:
    """A page that an answer is based on."""

    url: str  #: http or https
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageData:
    """An image that a tool returned."""

    media_type: str  #: such as "image/png"
    base64: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """The result of a tool."""

    text: str  #: for the model only
    sources: tuple[SourceLink, ...] = ()
    images: tuple[ImageData, ...] = ()  #: for the model only; a model that reads no images does not get them


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One function that the model may call."""

    name: str  #: a letter, then letters, digits, "_" and "-", 64 characters at most (Kimi's rule)
    definition: Mapping[str, Any]  #: the whole ``{"type": "function", …}`` for the request
    run: Callable[[str], Awaitable[ToolResult]]
    """Receives the arguments as the model wrote them, a JSON text. Raises :class:`ToolError`."""
    server: str = ""  #: name of the MCP server that has it; "" for every other tool
    approval: Approval = Approval.FREE
