"""Builds messages for Telegram: text with entities, written from left to right.

Entities need neither escaping nor balancing, so Telegram can never refuse a message for its format.
Offsets and lengths are in UTF-16 units. Telegram's rules (https://core.telegram.org/bots/api#messageentity)
hold: ``pre`` and ``code`` contain no other entity and are contained in none but a quote; quotes are not
nested.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias, cast

from telegram import MessageEntity

from core.domain.bot_messages import RenderedMessage

EntityDict: TypeAlias = dict[str, object]

_LEADING_ELLIPSIS = "…\n"
_ENTITY_PRIORITY = (
    "text_mention",
    "blockquote",
    "pre",
    "text_link",
    "code",
    "spoiler",
    "bold",
    "strikethrough",
    "italic",
)


def utf16_length(text: str) -> int:
    """Return the length of ``text`` in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def limit_entities(entities: Sequence[EntityDict], limit: int) -> list[EntityDict]:
    """Return at most ``limit`` entities, in order; the most important ones are kept."""
    if len(entities) <= limit:
        return list(entities)
    ranked = sorted(entities, key=_priority)
    kept = {id(entity) for entity in ranked[:limit]}
    return [entity for entity in entities if id(entity) in kept]


def entities_of(message: RenderedMessage) -> list[MessageEntity]:
    """Return the entities of ``message`` as the SDK's type."""
    entities = (cast("dict[str, Any]", one) for one in message.payload)
    return [MessageEntity.de_json(entity, None) for entity in entities if "type" in entity]


def rich_markdown_of(message: RenderedMessage) -> str:
    """Return the Markdown of ``message`` as a rich message; "" if it is sent with entities."""
    return next((str(one["rich"]) for one in message.payload if isinstance(one, dict) and "rich" in one), "")


class EntityTextBuilder:
    """Builds a text and its entities, from left to right."""

    def __init__(self) -> None:
        self.indent = ""  #: begins every line outside code
        self.at_line_start = True  #: the line is empty, except for a list marker
        self.length_units = 0  #: UTF-16 units written
        self._pieces: list[str] = []
        self._trailing_newlines = 0  # newlines at the end of the text
        self._entities: list[EntityDict] = []

    def write(self, text: str) -> None:
        """Write text, which may contain newlines."""
        for index, piece in enumerate(text.split("\n")):
            if index:
                self._newline()
            if piece:
                self.position()
                self._append(piece)
                self.at_line_start = False

    def _append(self, text: str) -> None:
        self._pieces.append(text)
        self.length_units += utf16_length(text)
        self._trailing_newlines = 0

    def _newline(self) -> None:
        self._pieces.append("\n")
        self.length_units += 1
        self._trailing_newlines += 1

    def position(self) -> int:
        """Write the line's indentation, and return the offset of the next character in UTF-16 units."""
        if self.indent and (self._trailing_newlines or not self._pieces):
            self._append(self.indent)
        return self.length_units

    def begin_block(self, newlines: int) -> None:
        """Begin a block, ``newlines`` newlines after the preceding one; does nothing after a list marker."""
        if not self._pieces or self.at_line_start:
            return
        while self._trailing_newlines < newlines:
            self._newline()

    def begin_line(self) -> None:
        """Begin a new line, even after a list marker."""
        if self._pieces and not self._trailing_newlines:
            self._newline()

    def text_since(self, mark: int) -> str:
        """Return the text written since ``mark``, a value of :meth:`mark`."""
        return "".join(self._pieces[mark:])

    def mark(self) -> int:
        """Return the present position, for :meth:`text_since`."""
        return len(self._pieces)

    def add_entity(self, kind: str, start: int, **extra: object) -> None:
        """Add an entity from ``start`` to the present end of the text."""
        if self.length_units > start:
            self._entities.append(
                {"type": kind, "offset": start, "length": self.length_units - start, **extra}
            )

    def write_code_block(self, text: str, language: str = "") -> None:
        """Write a code block."""
        self.begin_line()
        start = self.length_units
        indent, self.indent = self.indent, ""
        self.write(text)
        self.indent = indent
        self.add_entity("pre", start, **({"language": language} if language else {}))

    def build(self) -> tuple[str, list[EntityDict]]:
        """Return the text, trimmed as the server would trim it, and its entities in order."""
        self._keep_first_indent()
        text = "".join(self._pieces)
        shift = utf16_length(text[: len(text) - len(text.lstrip())])
        trimmed = text.strip()
        end = utf16_length(trimmed)
        kept: list[EntityDict] = []
        for entity in self._entities:
            start, stop = max(0, _offset(entity) - shift), min(end, _end(entity) - shift)
            if stop > start:
                kept.append({**entity, "offset": start, "length": stop - start})
        kept.sort(key=lambda entity: (_offset(entity), -_end(entity), _priority(entity)))
        return trimmed, kept

    def _keep_first_indent(self) -> None:
        """Put an ellipsis before code at the very start, because the server would trim its indentation."""
        first = next((piece for piece in self._pieces if piece), "")
        if first[:1].isspace() and any(e["type"] == "pre" and not _offset(e) for e in self._entities):
            self._pieces.insert(0, _LEADING_ELLIPSIS)
            for entity in self._entities:
                entity["offset"] = _offset(entity) + utf16_length(_LEADING_ELLIPSIS)


def _priority(entity: EntityDict) -> int:
    return _ENTITY_PRIORITY.index(str(entity["type"]))


def _offset(entity: EntityDict) -> int:
    return int(str(entity["offset"]))


def _end(entity: EntityDict) -> int:
    return _offset(entity) + int(str(entity["length"]))
