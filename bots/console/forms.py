"""Forms that a browser posts."""

import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from core.store.console_access import ConsoleSession

MAX_FORM_BYTES: Final = 262_144


async def read_form(request: Request) -> Mapping[str, str]:
    """Return the fields of a posted form; the last of each name counts, and a form too large has none."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            return {}
    return dict(parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True, errors="replace"))


def is_genuine(form: Mapping[str, str], session: ConsoleSession) -> bool:
    """Return whether a form carries its session's CSRF token, so that no other site made it."""
    return secrets.compare_digest(form.get("csrf", "").encode(), session.csrf_token.encode())
