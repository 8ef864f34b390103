"""Parses updates of which python-telegram-bot cannot read a part: the rest is kept.

It requires the fields that its own Bot API version has. A server of another version, as
``TELEGRAM_API_URL`` may name, leaves some out (``Poll.members_only`` before Bot API 10.0), deep inside a
message that is replied to or pinned.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import structlog
from telegram import Bot, ExternalReplyInfo, Message, Update

log = structlog.get_logger(__name__)

MAX_RAW_CHARS: Final = 20_000  #: stored of an update that cannot be parsed

UNREADABLE: Final = "unreadable_parts"
"""Added to a message or external reply: the names of its parts that could not be read."""

_MESSAGE_UPDATES: Final = ("message", "edited_message")
_REQUIRED: Final = ("message_id", "date", "chat", "from", "text", "caption")


def parse_update(raw: Any, bot: Bot) -> Update:
    """Return an update, without the parts of its message that cannot be read.

    Raises:
        Exception: of any type, if it cannot be read without them either.
    """
    try:
        return Update.de_json(raw, bot)
    except Exception:
        name = next((name for name in _MESSAGE_UPDATES if isinstance(raw, dict) and name in raw), "")
        if not name or not isinstance(raw[name], dict):
            raise
        readable = _readable_message(raw[name], bot)
        log.warning("telegram.part_unreadable", parts=sorted(_unreadable_parts(readable)))
        return Update.de_json({**raw, name: readable}, bot)


def _readable_message(message: Mapping[str, Any], bot: Bot) -> dict[str, Any]:
    """Return a message without the parts that cannot be read, with their names under ``UNREADABLE``."""
    base = {name: message[name] for name in _REQUIRED if name in message}

    def parse(part: dict[str, Any]) -> object:
        return Message.de_json(base | part, bot)

    return _readable(message, parse, bot, required=_REQUIRED)


def _readable_external_reply(reply: Mapping[str, Any], bot: Bot) -> dict[str, Any]:
    """Return a replied message of another chat without the parts that cannot be read."""
    base = {"origin": reply["origin"]}

    def parse(part: dict[str, Any]) -> object:
        return ExternalReplyInfo.de_json(base | part, bot)

    return _readable(reply, parse, bot, required=("origin",))


def _readable(
    whole: Mapping[str, Any],
    parse: Callable[[dict[str, Any]], object],
    bot: Bot,
    *,
    required: tuple[str, ...],
) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    unreadable: list[str] = []
    for name, value in whole.items():
        if name in required or _can_parse(parse, {name: value}):
            kept[name] = value
        elif name in ("reply_to_message", "pinned_message"):
            kept[name] = _readable_message(value, bot)
        elif name == "external_reply":
            kept[name] = _readable_external_reply(value, bot)
        else:
            unreadable.append(name)
    return kept | ({UNREADABLE: unreadable} if unreadable else {})


def _can_parse(parse: Callable[[dict[str, Any]], object], part: dict[str, Any]) -> bool:
    try:
        parse(part)
    except Exception:  # noqa: BLE001 - a foreign parser may fail in any way on data of any shape
        return False
    return True


def _unreadable_parts(message: Mapping[str, Any]) -> set[str]:
    found = set(message.get(UNREADABLE, ()))
    for nested in ("reply_to_message", "pinned_message", "external_reply"):
        if isinstance(message.get(nested), dict):
            found |= {f"{nested}.{name}" for name in _unreadable_parts(message[nested])}
    return found


def encode_raw(raw: Any) -> str:
    """Return the beginning of an update as JSON."""
    try:
        return json.dumps(raw, default=str)[:MAX_RAW_CHARS]
    except (ValueError, RecursionError):
        return f"<{type(raw).__name__} that is nested too deeply>"


def decode_body(body: bytes) -> Any:
    """Return the body's JSON, or its text if it is not JSON."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # stored as unparsed: Telegram would repeat it for ever
        return body.decode("utf-8", "replace")
