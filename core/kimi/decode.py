"""JSON from the wire."""

import json
from typing import Any

import orjson

from core.kimi.errors import KimiEndpointMissing


def decode(data: bytes) -> Any:
    """Return the value of a JSON text.

    What orjson refuses, some servers send: raw control characters inside strings, and halves of
    surrogate pairs, which become U+FFFD here because no text store takes them.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            return mended(json.loads(data, strict=False))
        except RecursionError as exc:
            raise ValueError("nested too deeply") from exc


def json_from(body: bytes, *, request_id: str = "") -> Any:
    """Return the value of an endpoint's answer.

    Raises:
        KimiEndpointMissing: it is no JSON, so not the endpoint that was meant.
    """
    try:
        return decode(body)
    except ValueError as exc:
        raise KimiEndpointMissing("something else than JSON", request_id=request_id) from exc


def mended(value: Any) -> Any:
    """Return a JSON value with every lone half of a surrogate pair replaced by U+FFFD."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {mended(key): mended(item) for key, item in value.items()}
        case list() | tuple():
            return [mended(item) for item in value]
        case _:
            return value
