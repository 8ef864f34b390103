"""Kimi's official tools, which Moonshot runs: web search, fetch and others.

``GET /formulas/{uri}/tools`` describes a formula's functions, ``POST /formulas/{uri}/fibers`` runs
one; what it returns is handed to the model as it is, encrypted or not
(https://platform.kimi.com/docs/guide/use-official-tools).
"""

import re
from collections.abc import Sequence
from typing import Any, Protocol

import structlog

from core.kimi import KimiError
from core.kimi.decode import decode
from core.ports.tools import SourceLink, Tool, ToolError, ToolResult

log = structlog.get_logger(__name__)

WEB_SEARCH = "moonshot/web-search:latest"
FETCH = "moonshot/fetch:latest"
BUILTIN = "$web_search"
MOST_SOURCES = 8  #: links under one answer

_ADDRESS = re.compile(r"https?://[^\s<>\"'`)\]}，。；、]+")


class Asks(Protocol):
    """What a formula needs of :class:`core.kimi.AsyncKimi`."""

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """Ask an endpoint and return its JSON. Raises KimiError."""


async def _given_back(arguments: str) -> ToolResult:
    """Return the arguments: the search runs at Kimi when it gets them back."""
    return ToolResult(text=arguments)


#: The older web search, built into the chat API, for providers without formulas. Its model must not
#: think (https://platform.moonshot.cn/docs/guide/use-web-search).
BUILTIN_SEARCH = Tool(
    name=BUILTIN,
    definition={"type": "builtin_function", "function": {"name": BUILTIN}},
    run=_given_back,
)


async def tools_of(kimi: Asks, uri: str) -> Sequence[Tool]:
    """Return the functions of a formula.

    Raises:
        core.kimi.KimiError: the provider has no formulas, or not this one.
    """
    match await kimi.ask("GET", f"/formulas/{uri}/tools"):
        case {"data": list(definitions)} | {"tools": list(definitions)}:
            pass
        case _:
            definitions = []
    return [
        _tool(kimi, uri, definition)
        for definition in definitions
        if isinstance(definition, dict) and isinstance(definition.get("function"), dict)
    ]


def _tool(kimi: Asks, uri: str, definition: dict[str, Any]) -> Tool:
    name = str(definition["function"].get("name", ""))

    async def run(arguments: str) -> ToolResult:
        try:
            fiber = await kimi.ask("POST", f"/formulas/{uri}/fibers", {"name": name, "arguments": arguments})
        except KimiError as exc:
            log.info("formula_failed", tool=name, code=exc.code)
            raise ToolError(f"{name} is not available now") from exc
        return result_of(name, fiber, arguments)

    return Tool(name=name, definition=definition, run=run)


def result_of(name: str, fiber: object, arguments: str) -> ToolResult:
    """Return what a fiber found.

    Raises:
        ToolError: it did not succeed.
    """
    match fiber:
        case {"status": "succeeded", "context": {"output": str(text)}}:
            return ToolResult(text=text, sources=sources_in(text) or _fetched(name, arguments))
        case {"status": "succeeded", "context": {"encrypted_output": str(text)}}:
            return ToolResult(text=text, sources=_fetched(name, arguments))
        case {"context": {"error": str(error)}} | {"error": str(error)}:
            raise ToolError(f"{name} failed: {error[:300]}")
        case _:
            raise ToolError(f"{name} failed")


def sources_in(text: str) -> tuple[SourceLink, ...]:
    """Return the pages that a readable result names, each once, in order."""
    found: dict[str, SourceLink] = {}
    try:
        listed = decode(text.encode())
    except ValueError:
        listed = None
    for entry in _entries(listed):
        match entry:
            case {"url": str(url), "title": str(title)} if _ADDRESS.fullmatch(url):
                found.setdefault(url, SourceLink(url=url, title=title.strip()))
            case {"url": str(url)} if _ADDRESS.fullmatch(url):
                found.setdefault(url, SourceLink(url=url))
    if not found:
        for address in _ADDRESS.findall(text):
            found.setdefault(address, SourceLink(url=address.rstrip(".,;:!?")))
    return tuple(found.values())[:MOST_SOURCES]


def _entries(listed: object) -> list[Any]:
    match listed:
        case list():
            return listed
        case {"results": list(entries)} | {"data": list(entries)} | {"search_results": list(entries)}:
            return entries
        case _:
            return []


def _fetched(name: str, arguments: str) -> tuple[SourceLink, ...]:
    """A page that was fetched is a source, even where its text comes encrypted."""
    return sources_in(arguments) if "fetch" in name else ()
