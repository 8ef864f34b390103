"""Text with entities, counted as Telegram counts it: in UTF-16 code units. Pure.

Sources: core.telegram.org/api/entities (lengths), tdlib/td ``MessageEntity.cpp`` (what is trimmed
and what may nest). The cloud clips some broken ranges silently; this stand-in refuses them,
because a range outside of its text is always a fault of the sender.
"""

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

from bots.simulator.telegram.errors import bad_request

Entity: TypeAlias = dict[str, Any]

TEXT_LIMIT = 4096  #: UTF-16 units after parsing
CAPTION_LIMIT = 1024
RAW_LIMIT_BYTES = 1 << 15
ENTITY_LIMIT = 100  #: further ones are ignored

SIMPLE = frozenset(
    [
        "mention",
        "hashtag",
        "cashtag",
        "bot_command",
        "url",
        "email",
        "phone_number",
        "bold",
        "italic",
        "underline",
        "strikethrough",
        "spoiler",
        "blockquote",
        "expandable_blockquote",
        "code",
    ]
)
WITH_FIELD = {"text_link": "url", "text_mention": "user", "custom_emoji": "custom_emoji_id"}
QUOTES = frozenset({"blockquote", "expandable_blockquote"})
SOLID = frozenset({"pre", "code"})  #: contain no other entity

_MARKS = re.compile(
    r"(?P<mention>(?<![\w@/])@[A-Za-z]\w{3,31}\b)"
    r"|(?P<bot_command>(?<![\w/@])/[A-Za-z0-9_]{1,32}(?:@[A-Za-z]\w{3,31})?\b)"
    r"|(?P<url>\bhttps?://[^\s<>\"]+[^\s<>\".,;:!?)\]])"
)


_SPACES = str.maketrans(
    dict.fromkeys(
        "\u1680\u180e\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202e"
        "\u202f\u205f\u2800\u3000\ufffc" + "".join(map(chr, range(0xE0000, 0xE0080))),
        " ",
    )
)
_EMPTY = "\u200b\u200c\u200d\u200e\u200f\u202e\ufeff\u00a0 \n"


def is_empty(text: str) -> bool:
    """Return whether Telegram sees nothing in ``text`` (tdlib/td ``misc.cpp``: is_empty_string)."""
    return not text.translate(_SPACES).strip(_EMPTY + "\0\t\r\v")


def length16(text: str) -> int:
    """Return the number of UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def slice16(text: str, offset: int, length: int) -> str:
    """Return ``length`` UTF-16 code units of ``text`` from ``offset``."""
    units = text.encode("utf-16-le", "surrogatepass")
    return units[2 * offset : 2 * (offset + length)].decode("utf-16-le", "surrogatepass")


def found_in(text: str) -> list[Entity]:
    """Return the mentions, commands and addresses that Telegram marks by itself."""
    return [
        {
            "type": str(match.lastgroup),
            "offset": length16(text[: match.start()]),
            "length": length16(match.group()),
        }
        for match in _MARKS.finditer(text)
    ]


def checked(text: str, entities: Any) -> tuple[str, tuple[Entity, ...]]:
    """Return trimmed text with its entities in order, as Telegram would store them.

    Raises:
        ApiError: an entity is malformed, lies outside of the text or cuts a character.
    """
    if entities is None:
        entities = []
    if not isinstance(entities, list):
        raise bad_request("can't parse entities: expected an Array")
    parsed = [entity for entity in map(_entity, entities) if entity is not None]
    borders = _borders(text)
    for entity in parsed:
        if not {entity["offset"], entity["offset"] + entity["length"]} <= borders:
            raise bad_request("ENTITY_BOUNDS_INVALID")
    parsed.sort(key=lambda entity: (entity["offset"], -entity["length"]))
    return _trimmed(text, _nested(parsed)[:ENTITY_LIMIT])


def _borders(text: str) -> set[int]:
    """Return every offset that lies between two characters."""
    borders, at = {0}, 0
    for char in text:
        at += 2 if ord(char) > 0xFFFF else 1
        borders.add(at)
    return borders


def _entity(raw: Any) -> Entity | None:
    """Return one entity with the fields that count; None for a kind Telegram ignores."""
    match raw:
        case {"type": str(kind), "offset": int(offset), "length": int(length)}:
            pass
        case _:
            raise bad_request("can't parse entities: MessageEntity needs type, offset and length")
    if offset < 0 or length <= 0:
        raise bad_request("ENTITY_BOUNDS_INVALID")
    entity: Entity = {"type": kind, "offset": offset, "length": length}
    if kind in SIMPLE:
        return entity
    if kind == "pre":
        return entity | ({"language": raw["language"]} if raw.get("language") else {})
    field = WITH_FIELD.get(kind)
    if field is None:
        return None
    if not raw.get(field):
        raise bad_request(f'can\'t parse entities: "{kind}" needs "{field}"')
    return entity | {field: raw[field]}


def _nested(entities: Sequence[Entity]) -> list[Entity]:
    """Drop what stands inside code, and quotes inside quotes."""
    kept: list[Entity] = []
    for entity in entities:
        around = [other for other in kept if entity["offset"] < other["offset"] + other["length"]]
        in_code = any(other["type"] in SOLID for other in around)
        in_quote = entity["type"] in QUOTES and any(other["type"] in QUOTES for other in around)
        if not in_code and not in_quote:
            kept.append(entity)
    return kept


def _trimmed(text: str, entities: Sequence[Entity]) -> tuple[str, tuple[Entity, ...]]:
    """Strip outer whitespace; entities shrink with it, and one that was only whitespace goes."""
    lead = len(text) - len(text.lstrip())
    shift, stripped = length16(text[:lead]), text.strip()
    end = length16(stripped)
    moved = []
    for entity in entities:
        start = max(entity["offset"] - shift, 0)
        stop = min(entity["offset"] + entity["length"] - shift, end)
        if stop > start:
            moved.append(entity | {"offset": start, "length": stop - start})
    return stripped, tuple(moved)
