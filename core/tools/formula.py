"""Moonshot's official tools, called formulas: web search, fetch and others.

``GET /formulas/{uri}/tools`` describes a formula's functions, ``POST /formulas/{uri}/fibers`` runs
one; the model receives the result unchanged, encrypted or not
(https://platform.kimi.com/docs/guide/use-official-tools).
"""

import re
from collections.abc import Sequence
from typing import Any, Final, Protocol

import structlog

from core.kimi import KimiError
from core.kimi.json_decoding import decode_json
from core.ports.tools import SourceLink, Tool, ToolError, ToolResult

log = structlog.get_logger(__name__)

WEB_SEARCH_URI = "moonshot/web-search:latest"
FETCH_URI = "moonshot/fetch:latest"
BUILTIN_SEARCH_NAME = "$web_search"
MAX_SOURCES: Final = 8  #: links below one answer

_URL = re.compile(r"https?://[^\s<>\"'`)\]}，。；、]+")


class KimiApi(Protocol):
    """The method of :class:`core.kimi.AsyncKimi` that formulas use."""

    async def request_json(self, method: str, path: str, body: object = None) -> Any:
        """Call an endpoint and return its JSON.

        Raises:
            KimiError: of any kind.
        """


async def _echo_arguments(arguments: str) -> ToolResult:
    """Return the arguments: Kimi runs the search when it receives them."""
    return ToolResult(text=arguments)


#: The older web search, built into the chat API, for providers without formulas. Only models that do
#: not think may use it (https://platform.moonshot.cn/docs/guide/use-web-search).
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
    """Return the result of a fiber, one run of a formula's function.

    Raises:
        ToolError: the run failed.
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
    """Return the pages that an unencrypted result lists, each once, in order."""
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
    """Return the page that a fetch was called with; it is a source even if its text is encrypted."""
    return extract_sources(arguments) if "fetch" in name else ()
