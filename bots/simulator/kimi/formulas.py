"""Kimi's official tools: two formulas that answer from a small, made-up web.

Refuses what the real ones refuse: unknown formulas, unknown functions, arguments that are no JSON
text or do not fit.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import orjson
from starlette.requests import Request

from bots.simulator.kimi.refusal import Refusal, Refused, invalid

Web: TypeAlias = Callable[[str, Mapping[str, Any]], str]
"""From a function's name and arguments to what it puts out."""


def _function(name: str, description: str, argument: str, about: str) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": description,
            "parameters": {
                "type": "object",
                "properties": {argument: {"type": "string", "description": about}},
                "required": [argument],
            },
        },
    }


FORMULAS: Mapping[str, dict[str, Any]] = {
    "moonshot/web-search:latest": _function("web_search", "Search the web.", "query", "What to search for."),
    "moonshot/fetch:latest": _function("fetch", "Read a web page.", "url", "The page's address."),
}


def made_up_web(name: str, arguments: Mapping[str, Any]) -> str:
    """Return two pages for any search, and a sentence for any page."""
    if name == "fetch":
        return f"The page {arguments['url']} of the stand-in's made-up web says: the moon is up."
    query = arguments["query"]
    pages = [
        {"title": f"{query}: an overview", "url": "https://moon.example/overview", "summary": "It is so."},
        {"title": f"{query} in practice", "url": "https://tea.example/practice", "summary": "It works."},
    ]
    return orjson.dumps(pages).decode()


@dataclass(slots=True)
class Formulas:
    """The endpoints ``/formulas/{uri}/tools`` and ``/formulas/{uri}/fibers``."""

    web: Web = made_up_web
    encrypted: bool = False  #: hand results out so that only Kimi could read them
    failing: list[str] = field(default_factory=list)  #: the next fibers fail with these words
    delay_s: float = 0.0  #: for which a fiber runs
    fibers: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)  #: (function, arguments)

    async def tools(self, request: Request) -> dict[str, object]:
        """Describe a formula's functions."""
        return {"object": "list", "data": [_known(request)]}

    async def fiber(self, request: Request) -> dict[str, object]:
        """Run a function."""
        function = _known(request)["function"]
        name, arguments = _asked(await request.body())
        if name != function["name"]:
            raise Refused(invalid(f"Invalid request: function {name} not found in formula"))
        missing = [one for one in function["parameters"]["required"] if one not in arguments]
        if missing:
            raise Refused(invalid(f"Invalid request: missing required argument {missing[0]}"))
        self.fibers.append((name, arguments))
        await asyncio.sleep(self.delay_s)
        if self.failing:
            return {"status": "failed", "error": self.failing.pop(0)}
        key = "encrypted_output" if self.encrypted else "output"
        return {"status": "succeeded", "context": {key: self.web(name, arguments)}}


def _known(request: Request) -> dict[str, Any]:
    uri = request.path_params["uri"]
    if uri not in FORMULAS:
        raise Refused(
            Refusal(status=404, type="resource_not_found_error", message=f"formula {uri} not found")
        )
    return FORMULAS[uri]


def _asked(body: bytes) -> tuple[str, Mapping[str, Any]]:
    """Return the function's name and arguments; these come as a JSON text within the JSON."""
    try:
        match orjson.loads(body):
            case {"name": str(name), "arguments": str(text)} if isinstance(
                arguments := orjson.loads(text or "{}"), dict
            ):
                return name, arguments
    except orjson.JSONDecodeError:
        pass
    raise Refused(invalid("Invalid request: name and arguments must be strings, arguments a JSON object"))
