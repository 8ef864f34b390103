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
from core.kimi.json_decoding import decode_json
from core.ports.tools import SourceLink, Tool, ToolError, ToolResult

log = structlog.get_logger(__name__)

WEB_SEARCH_URI = "moonshot/web-search:latest"
FETCH_URI = "moonshot/fetch:latest"
BUILTIN_SEARCH_NAME = "$web_search"
MAX_SOURCES = 8  #: links under one answer

_URL = re.compile(r"https?://[^\s<>\"'`)\]}，。；、]+")


class KimiApi(Protocol):
    """What a formula needs of :class:`core.kimi.AsyncKimi`."""

    async def request_json(self, method: str, path: str, body: object = None) -> Any:
        """Ask an endpoint and return its JSON. Raises KimiError."""


async def _echo_arguments(arguments: str) -> ToolResult:
    """Return the arguments: the search runs at Kimi when it gets them back."""
    return ToolResult(text=arguments)


#: The older web search, built into the chat API, for providers without formulas. Its model must not
#: think (https://platform.moonshot.cn/docs/guide/use-web-search).
BUILTIN_SEARCH = Tool(
    name=BUILTIN_SEARCH_NAME,
    definition={"type": "builtin_function", "function": {"name": BUILTIN_SEARCH_NAME}},
    run=_echo_arguments,
)


async def load_formula_tools(kimi: KimiApi, uri: str) -> Sequence[Tool]:
    """Return the functions of a formula.

    Raises:
        core.kimi.KimiError: the provider has no formulas, or not this one.
    """
    match await kimi.request_json("GET", f"/formulas/{uri}/tools"):
        case {"data": list(definitions)} | {"tools": list(definitions)}:
            pass
        case _:
            definitions = []
    return [
        _build_tool(kimi, uri, definition)
        for definition in definitions
        if isinstance(definition, dict) and isinstance(definition.get("function"), dict)
    ]


def _build_tool(kimi: KimiApi, uri: str, definition: dict[str, Any]) -> Tool:
    name = str(definition["function"].get("name", ""))

    async def run(arguments: str) -> ToolResult:
        try:
            fiber = await kimi.request_json(
                "POST", f"/formulas/{uri}/fibers", {"name": name, "arguments": arguments}
            )
        except KimiError as exc:
            log.info("tool.formula_failed", tool=name, code=exc.code)
            raise ToolError(f"{name} is not available now") from exc
        return parse_fiber(name, fiber, arguments)

    return Tool(name=name, definition=definition, run=run)


def parse_fiber(name: str, fiber: object, arguments: str) -> ToolResult:
    """Return what a fiber found.

    Raises:
        ToolError: it did not succeed.
    """
    match fiber:
        case {"status": "succeeded", "context": {"output": str(text)}}:
            return ToolResult(text=text, sources=extract_sources(text) or _fetched_source(name, arguments))
        case {"status": "succeeded", "context": {"encrypted_output": str(text)}}:
            return ToolResult(text=text, sources=_fetched_source(name, arguments))
        case {"context": {"error": str(error)}} | {"error": str(error)}:
            raise ToolError(f"{name} failed: {error[:300]}")
        case _:
            raise ToolError(f"{name} failed")


def extract_sources(text: str) -> tuple[SourceLink, ...]:
    """Return the pages that a readable result names, each once, in order."""
    found: dict[str, SourceLink] = {}
    try:
        listed = decode_json(text.encode())
    except ValueError:
        listed = None
    for entry in _result_entries(listed):
        match entry:
            case {"url": str(url), "title": str(title)} if _URL.fullmatch(url):
                found.setdefault(url, SourceLink(url=url, title=title.strip()))
            case {"url": str(url)} if _URL.fullmatch(url):
                found.setdefault(url, SourceLink(url=url))
    if not found:
        for address in _URL.findall(text):
            found.setdefault(address, SourceLink(url=address.rstrip(".,;:!?")))
    return tuple(found.values())[:MAX_SOURCES]


def _result_entries(value: object) -> list[Any]:
    match value:
        case list():
            return value
        case {"results": list(entries)} | {"data": list(entries)} | {"search_results": list(entries)}:
            return entries
        case _:
            return []


def _fetched_source(name: str, arguments: str) -> tuple[SourceLink, ...]:
    """A page that was fetched is a source, even where its text comes encrypted."""
    return extract_sources(arguments) if "fetch" in name else ()
