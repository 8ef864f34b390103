"""A call's parameters out of the four encodings the Bot API takes.

Query string, ``application/x-www-form-urlencoded``, ``multipart/form-data`` and JSON may all carry
the same call (core.telegram.org/bots/api#making-requests). In the first three every value is
text, and structured values are JSON inside that text; here they all become the same Python values.
"""

import email.parser
import email.policy
import json
from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl

from starlette.requests import Request

from bots.simulator.telegram.errors import ApiError, bad_request

Params: TypeAlias = dict[str, Any]

STRUCTURED = frozenset(
    [
        "allowed_updates",
        "commands",
        "entities",
        "caption_entities",
        "link_preview_options",
        "message_ids",
        "reaction",
        "reply_markup",
        "reply_parameters",
        "scope",
        "media",
        "rich_message",
    ]
)
NUMBERS = frozenset(
    [
        "direct_messages_topic_id",
        "draft_id",
        "limit",
        "max_connections",
        "message_id",
        "message_thread_id",
        "offset",
        "reply_to_message_id",
        "timeout",
        "user_id",
        "icon_color",
    ]
)
FLAGS = frozenset(
    [
        "allow_sending_without_reply",
        "disable_notification",
        "drop_pending_updates",
        "is_big",
        "protect_content",
        "show_alert",
        "can_stop",
        "keep_on_stop",
    ]
)


async def read_params(request: Request) -> Params:
    """Return the call's parameters with JSON, numbers and flags decoded by name.

    Raises:
        ApiError: the body is not what its content type says.
    """
    params: Params = dict(request.query_params)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if kind == "application/json" and body:
        params |= _json_object(body)
    elif kind == "application/x-www-form-urlencoded":
        params |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    elif kind == "multipart/form-data":
        params |= _multipart(request.headers["content-type"], body)
    return {name: _typed(name, value) for name, value in params.items()}


def chat_id_of(params: Mapping[str, Any], name: str = "chat_id") -> int | str:
    """Return a chat's number or "@username"."""
    value = params.get(name)
    if value in (None, ""):
        raise bad_request(f"{name} is empty")
    text = str(value)
    if text.startswith("@"):
        return text
    try:
        return int(text)
    except ValueError:
        raise bad_request("chat not found") from None


def _json_object(body: bytes) -> Params:
    try:
        value = json.loads(body)
    except ValueError:
        raise bad_request("can't parse JSON object") from None
    if not isinstance(value, dict):
        raise bad_request("can't parse JSON object")
    return value


def _multipart(content_type: str, body: bytes) -> Params:
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1")
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    params: Params = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        content = payload if isinstance(payload, bytes) else b""
        if not isinstance(name, str):
            raise bad_request("can't parse multipart form")
        filename = part.get_filename()
        params[name] = content.decode("utf-8", "replace") if filename is None else (filename, content)
    return params


def _typed(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name in STRUCTURED:
        return _structured(name, value)
    if name in NUMBERS:
        return _number(name, value)
    if name in FLAGS:
        return value.lower() in ("true", "1", "yes", "y", "t")
    if name == "chat_id" and value.lstrip("-").isdigit():
        return int(value)
    return value


def _structured(name: str, value: str) -> Any:
    if not value:
        return None
    try:
        return json.loads(value)
    except ValueError:
        raise _unparsable(name) from None


def _unparsable(name: str) -> ApiError:
    """Return the refusal for broken JSON in a field [SRV Client.cpp get_reply_markup and others]."""
    match name:
        case "reply_markup":
            return bad_request("can't parse reply keyboard markup JSON object")
        case "entities" | "caption_entities":
            return bad_request("can't parse entities: JSON expected")
        case _:
            return bad_request(f"can't parse {name} JSON object")


def _number(name: str, value: str) -> int:
    try:
        return int(value or 0)
    except ValueError:
        raise bad_request(f'parameter "{name}" must be an integer') from None
