"""The form in which Telegram takes a message: text with entities, written from left to right.

Entities need neither escaping nor balance, so a message can never be refused for its form.
Offsets and lengths are in UTF-16 units. Rules kept (https://core.telegram.org/bots/api#messageentity):
``pre`` and ``code`` hold no other entity and stand in none but a quote; quotes are not nested.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias, cast

from telegram import MessageEntity

from core.model import Page

Entity: TypeAlias = dict[str, object]

_CONTINUED = "…\n"
_PRIORITY = ("blockquote", "pre", "text_link", "code", "spoiler", "bold", "strikethrough", "italic")


def units(text: str) -> int:
    """Return the length of ``text`` in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def fewest(entities: Sequence[Entity], limit: int) -> list[Entity]:
    """Keep at most ``limit`` entities, those first whose loss would be felt most."""
    if len(entities) <= limit:
        return list(entities)
    ranked = sorted(entities, key=_rank)
    kept = {id(entity) for entity in ranked[:limit]}
    return [entity for entity in entities if id(entity) in kept]


def entities_of(page: Page) -> list[MessageEntity]:
    """Return the entities of ``page`` as the SDK takes them."""
    return [MessageEntity.de_json(cast("dict[str, Any]", entity), None) for entity in page.form]


class Canvas:
    """A text that is being written, with the entities noted on it."""

    def __init__(self) -> None:
        self.indent = ""  #: begins every line but those of code
        self.fresh = True  #: nothing stands on the line but a list marker, or nothing at all
        self.at = 0  #: UTF-16 units written
        self._out: list[str] = []
        self._breaks = 0  # line ends at the end of what is written
        self._entities: list[Entity] = []

    def put(self, text: str) -> None:
        """Write text that may hold line ends."""
        for index, piece in enumerate(text.split("\n")):
            if index:
                self._break()
            if piece:
                self.place()
                self._raw(piece)
                self.fresh = False

    def _raw(self, text: str) -> None:
        self._out.append(text)
        self.at += units(text)
        self._breaks = 0

    def _break(self) -> None:
        self._out.append("\n")
        self.at += 1
        self._breaks += 1

    def place(self) -> int:
        """Return where the next character will stand, the line's indentation being written."""
        if self.indent and (self._breaks or not self._out):
            self._raw(self.indent)
        return self.at

    def begin(self, breaks: int) -> None:
        """Start a block, ``breaks`` line ends after what stands before; not behind a list marker."""
        if not self._out or self.fresh:
            return
        while self._breaks < breaks:
            self._break()

    def begin_line(self) -> None:
        """Start a line of its own even behind a list marker."""
        if self._out and not self._breaks:
            self._break()

    def since(self, mark: int) -> str:
        """Return what was written after :meth:`mark`."""
        return "".join(self._out[mark:])

    def mark(self) -> int:
        """Return a mark for :meth:`since`."""
        return len(self._out)

    def entity(self, kind: str, start: int, **extra: str) -> None:
        """Note an entity from ``start`` to here."""
        if self.at > start:
            self._entities.append({"type": kind, "offset": start, "length": self.at - start, **extra})

    def pre(self, text: str, language: str = "") -> None:
        """Write a block of code."""
        self.begin_line()
        start = self.at
        indent, self.indent = self.indent, ""
        self.put(text)
        self.indent = indent
        self.entity("pre", start, **({"language": language} if language else {}))

    def result(self) -> tuple[str, list[Entity]]:
        """Return the text, trimmed as the server would do, and its entities in order."""
        self._keep_first_indent()
        text = "".join(self._out)
        shift = units(text[: len(text) - len(text.lstrip())])
        trimmed = text.strip()
        end = units(trimmed)
        kept: list[Entity] = []
        for entity in self._entities:
            start, stop = max(0, _offset(entity) - shift), min(end, _end(entity) - shift)
            if stop > start:
                kept.append({**entity, "offset": start, "length": stop - start})
        kept.sort(key=lambda entity: (_offset(entity), -_end(entity), _rank(entity)))
        return trimmed, kept

    def _keep_first_indent(self) -> None:
        """Code at the very start would lose its first line's indentation to the server's trimming."""
        first = next((piece for piece in self._out if piece), "")
        if first[:1].isspace() and any(e["type"] == "pre" and not _offset(e) for e in self._entities):
            self._out.insert(0, _CONTINUED)
            for entity in self._entities:
                entity["offset"] = _offset(entity) + units(_CONTINUED)


def _rank(entity: Entity) -> int:
    return _PRIORITY.index(str(entity["type"]))


def _offset(entity: Entity) -> int:
    return int(str(entity["offset"]))


def _end(entity: Entity) -> int:
    return _offset(entity) + int(str(entity["length"]))
