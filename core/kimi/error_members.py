"""Finds the error in a host's JSON object, under any name that hosts give its member.

Shapes seen: ``error`` (OpenAI), ``errors`` with a list (Cloudflare), ``Error`` (Volcengine), ``fault``
(Apigee), ``response.error`` (OpenAI's newer API), ``base_resp`` with a status that is not 0 (MiniMax).
"""

from collections.abc import Mapping
from typing import Any, Final

_NAMES: Final = frozenset({"error", "errors", "fault", "exception"})


def find_error_member(body: Mapping[str, Any]) -> object | None:
    """Return the error that a member of ``body`` holds; None if none does."""
    for name, value in body.items():
        if value and name.casefold() in _NAMES:
            error: object = value[0] if isinstance(value, list) else value
            return error if isinstance(error, dict | str) else body  # "error": true beside a message
    match body:
        case {"base_resp": {"status_code": int(code), "status_msg": text}} if code:
            return {"message": text, "code": str(code)}
        case {"response": {"error": dict(error)}} if error:
            return dict(error)
        case _:
            return None


def text_in(error: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the first text among the members ``names`` of an error, however they are capitalised."""
    members = {name.casefold(): value for name, value in error.items()}
    return next((str(members[name]) for name in names if members.get(name)), "")
