"""A call's arguments, however they were sent: query, form or JSON."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request

from bots.simulator.slack.records import Json
from bots.simulator.slack.rules import SlackRefusal


class Params:
    """The arguments of one call. Forms carry numbers, flags and objects as strings; JSON need not."""

    def __init__(self, values: Mapping[str, Any], *, from_json: bool = False) -> None:
        self.values = {key: value for key, value in values.items() if value is not None}
        self.from_json = from_json

    def text(self, name: str) -> str | None:
        """Return a string, or None where it is absent."""
        value = self.values.get(name)
        return None if value is None else str(value)

    def required(self, name: str) -> str:
        """Return a string that must be there.

        Raises:
            SlackRefusal: invalid_arguments.
        """
        value = self.text(name)
        if not value:
            fault = f"[ERROR] missing required field: {name}"
            raise SlackRefusal("invalid_arguments", response_metadata={"messages": [fault]})
        return value

    def flag(self, name: str) -> bool | None:
        """Return a boolean, or None where it is absent."""
        value = self.values.get(name)
        return None if value is None else value in (True, "true", "True", "1", 1)

    def number(self, name: str, default: int) -> int:
        """Return a whole number.

        Raises:
            SlackRefusal: invalid_arguments.
        """
        try:
            return int(self.values.get(name, default))
        except (TypeError, ValueError) as exc:
            raise SlackRefusal("invalid_arguments") from exc

    def objects(self, name: str, fault: str) -> list[Json] | None:
        """Return a list of objects, or None where it is absent.

        Raises:
            SlackRefusal: ``fault``, where it is something else.
        """
        value = self._structure(name, fault)
        if value is None or (isinstance(value, list) and all(isinstance(item, dict) for item in value)):
            return value
        raise SlackRefusal(fault)

    def mapping(self, name: str, fault: str) -> Json | None:
        """Return an object, or None where it is absent.

        Raises:
            SlackRefusal: ``fault``, where it is something else.
        """
        value = self._structure(name, fault)
        if value is None or isinstance(value, dict):
            return value
        raise SlackRefusal(fault)

    def strings(self, name: str) -> list[str]:
        """Return a list of strings; empty where it is absent.

        Raises:
            SlackRefusal: invalid_arguments.
        """
        value = self._structure(name, "invalid_arguments") or []
        if not isinstance(value, list):
            raise SlackRefusal("invalid_arguments")
        return [str(item) for item in value]

    def _structure(self, name: str, fault: str) -> Any:
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except json.JSONDecodeError as exc:
            raise SlackRefusal(fault) from exc


async def params_of(request: Request) -> Params:
    """Read a call's arguments; the body wins over the query.

    Raises:
        SlackRefusal: invalid_json or json_not_object.
    """
    query = dict(request.query_params)
    kind = request.headers.get("content-type", "")
    if request.method != "POST":
        return Params(query)
    if kind.startswith("application/json"):
        return Params({**query, **_json_object(await request.body())}, from_json=True)
    if kind.startswith("application/x-www-form-urlencoded"):
        form = dict(parse_qsl((await request.body()).decode(), keep_blank_values=True))
        return Params({**query, **form})
    return Params(query)


def _json_object(body: bytes) -> Json:
    try:
        value = json.loads(body or b"{}")
    except ValueError as exc:
        raise SlackRefusal("invalid_json") from exc
    if not isinstance(value, dict):
        raise SlackRefusal("json_not_object")
    return value
