"""JSON as providers send it."""

import json
from typing import Any

import orjson

from core.kimi.api_errors import KimiEndpointMissing


def decode_json(data: bytes) -> Any:
    """Return the value of a JSON text.

    Some servers send what orjson refuses: raw control characters inside strings, and halves of
    surrogate pairs, which become U+FFFD because no database stores them.

    Raises:
        ValueError: ``data`` is no JSON.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            return replace_lone_surrogates(json.loads(data, strict=False))
        except RecursionError as exc:
            raise ValueError("nested too deeply") from exc


def decode_fragment(data: bytes) -> Any:
    """Return the value of one chunk of a stream; its texts may be cut within a character.

    Texts have to pass :class:`core.kimi.wire_text.TextJoiner`, which documents the form of cut characters.

    Raises:
        ValueError: ``data`` is no JSON.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        try:
            return json.loads(data.decode("utf-8", "surrogateescape"), strict=False)
        except RecursionError as exc:
            raise ValueError("nested too deeply") from exc


def parse_response_json(body: bytes, *, request_id: str = "") -> Any:
    """Return the value of a response body.

    Raises:
        KimiEndpointMissing: it is no JSON, so another endpoint answered than was meant.
    """
    try:
        return decode_json(body)
    except ValueError as exc:
        raise KimiEndpointMissing("something else than JSON", request_id=request_id) from exc


def replace_lone_surrogates(value: Any) -> Any:
    """Return a JSON value with every lone half of a surrogate pair replaced by U+FFFD."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {
                replace_lone_surrogates(key): replace_lone_surrogates(item) for key, item in value.items()
            }
        case list() | tuple():
            return [replace_lone_surrogates(item) for item in value]
        case _:
            return value
