"""The form in which Telegram takes a message: text with entities, written from left to right.

Entities need neither escaping nor balance, so a message can never be refused for its form.
Offsets and lengths are in UTF-16 units. Rules kept (https://core.telegram.org/bots/api#messageentity):
``pre`` and ``code`` hold no other entity and stand in none but a quote; quotes are not nested.
"""

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Any, TypeAlias, cast

from telegram import MessageEntity

from core.domain.bot_messages import RenderedMessage
from core.markdown.inline import MATHS
from core.markdown.lines import FENCE_KINDS, TABLE_KINDS, LineKind, MarkdownLine, scan_lines
from core.markdown.tables import split_cells

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
    """Keep at most ``limit`` entities, those first whose loss would be felt most."""
    if len(entities) <= limit:
        return list(entities)
    ranked = sorted(entities, key=_priority)
    kept = {id(entity) for entity in ranked[:limit]}
    return [entity for entity in entities if id(entity) in kept]


def entities_of(message: RenderedMessage) -> list[MessageEntity]:
    """Return the entities of ``page`` as the SDK takes them."""
    entities = (cast("dict[str, Any]", one) for one in message.payload)
    return [MessageEntity.de_json(entity, None) for entity in entities if "type" in entity]


def rich_markdown_of(message: RenderedMessage) -> str:
    """Return the Markdown of ``page`` as a rich message; "" where it is to be sent as entities."""
    return next((str(one["rich"]) for one in message.payload if isinstance(one, dict) and "rich" in one), "")


class EntityTextBuilder:
    """A text that is being written, with the entities noted on it."""

    def __init__(self) -> None:
        self.indent = ""  #: begins every line but those of code
        self.at_line_start = True  #: nothing stands on the line but a list marker, or nothing at all
        self.length_units = 0  #: UTF-16 units written
        self._pieces: list[str] = []
        self._trailing_newlines = 0  # line ends at the end of what is written
        self._entities: list[EntityDict] = []

    def write(self, text: str) -> None:
        """Write text that may hold line ends."""
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
        """Return where the next character will stand, the line's indentation being written."""
        if self.indent and (self._trailing_newlines or not self._pieces):
            self._append(self.indent)
        return self.length_units

    def begin_block(self, newlines: int) -> None:
        """Start a block, ``breaks`` line ends after what stands before; not behind a list marker."""
        if not self._pieces or self.at_line_start:
            return
        while self._trailing_newlines < newlines:
            self._newline()

    def begin_line(self) -> None:
        """Start a line of its own even behind a list marker."""
        if self._pieces and not self._trailing_newlines:
            self._newline()

    def text_since(self, mark: int) -> str:
        """Return what was written after :meth:`mark`."""
        return "".join(self._pieces[mark:])

    def mark(self) -> int:
        """Return a mark for :meth:`since`."""
        return len(self._pieces)

    def add_entity(self, kind: str, start: int, **extra: object) -> None:
        """Note an entity from ``start`` to here."""
        if self.length_units > start:
            self._entities.append(
                {"type": kind, "offset": start, "length": self.length_units - start, **extra}
            )

    def write_code_block(self, text: str, language: str = "") -> None:
        """Write a block of code."""
        self.begin_line()
        start = self.length_units
        indent, self.indent = self.indent, ""
        self.write(text)
        self.indent = indent
        self.add_entity("pre", start, **({"language": language} if language else {}))

    def build(self) -> tuple[str, list[EntityDict]]:
        """Return the text, trimmed as the server would do, and its entities in order."""
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
        """Code at the very start would lose its first line's indentation to the server's trimming."""
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


# Rich messages (Bot API 10.1, https://core.telegram.org/bots/api#inputrichmessage) take GitHub's
# Markdown with HTML in it. Their text is written for them here, since they read some of it
# otherwise than people mean it: a lone line end is a space, a tag that is not known vanishes,
# "==" marks, a dollar begins a formula, and a picture would be fetched.

MAX_RICH_LINES = 400  #: of at most 500 blocks, nested ones counted
MAX_RICH_COLUMNS = 20

_DETAILS = re.compile(r"</?(?:details|summary)\b", re.IGNORECASE)
_TASK = re.compile(r"\[[ xX]\][ \t]")
_SPECIAL = re.compile(
    r"(?P<code>(?<!`)(?P<ticks>`+)(?!`)(?:.|\n)+?(?<!`)(?P=ticks)(?!`))"
    rf"|(?P<maths>{MATHS.pattern})"
    r"|(?P<escaped>\\[!-/:-@\[-`{-~])"
    r"|(?P<tag></?(?:details|summary)(?: open)?>|<(?:https?://|mailto:))"
    r"|<|==|\$|!\[",
    re.IGNORECASE,
)
_ESCAPES = {"<": "&lt;", "==": "\\=\\=", "$": "\\$", "![": "["}


def to_rich_markdown(source: str) -> str:
    """Return ``source`` as a rich message's Markdown; "" where it gains nothing by being one.

    That is where it has no table, task list, formula of its own line or details. Formulas within
    details crash Telegram Desktop 6.9 (tdesktop issue 30808): such a page is sent as entities too.
    """
    lines = scan_lines(source)
    said = [source[line.start : line.end] for line in lines if line.kind not in FENCE_KINDS]
    details = any(_DETAILS.search(words) for words in said)
    formula = any(words.lstrip(" \t>").startswith(("$$", "\\[")) for words in said)
    gains = details or formula or any(_is_task(source, line) or line.kind in TABLE_KINDS for line in lines)
    wide = any(len(_cells(source, line)) > MAX_RICH_COLUMNS for line in lines if line.kind in TABLE_KINDS)
    if not gains or wide or (details and formula) or len(lines) > MAX_RICH_LINES:
        return ""
    written: list[str] = []
    for kind, group in groupby(enumerate(lines), key=lambda pair: _line_group(pair[1])):
        held = list(group)
        if kind is TABLE_KINDS:
            written.append(_render_table(source, [line for _, line in held]))
            if any(one.kind is not LineKind.BLANK for one in lines[held[-1][0] + 1 : held[-1][0] + 2]):
                written.append(held[-1][1].quote_prefix.rstrip())  # words right below would be one more row
            continue
        rows = [_render_line(source, line, lines[at + 1 : at + 2]) for at, line in held]
        written.append("\n".join(rows) if kind is FENCE_KINDS else _escape_text("\n".join(rows)))
    return "\n".join(written)


def _line_group(line: MarkdownLine) -> tuple[LineKind, ...]:
    return FENCE_KINDS if line.kind in FENCE_KINDS else TABLE_KINDS if line.kind in TABLE_KINDS else ()


def _is_task(source: str, line: MarkdownLine) -> bool:
    return line.kind is LineKind.ITEM and _TASK.match(source, line.content_start) is not None


def _render_line(source: str, line: MarkdownLine, following: Sequence[MarkdownLine]) -> str:
    """Return one line; a lone line end between words becomes a hard break."""
    text = source[line.start : line.end]
    if line.kind is LineKind.HORIZONTAL_RULE:
        return f"{source[line.start : line.content_start]}***"  # dashes would underline a heading
    goes_on = line.kind in (LineKind.TEXT, LineKind.ITEM) and any(
        one.kind is LineKind.TEXT for one in following
    )
    return f"{text.rstrip()}  " if goes_on and not _DETAILS.search(text) else text


def _cells(source: str, line: MarkdownLine) -> list[str]:
    return split_cells(source[line.content_start : line.end])


def _render_table(source: str, lines: Sequence[MarkdownLine]) -> str:
    """Return a table with as many columns as its longest row has, and pipes escaped within cells."""
    rows = [_cells(source, line) for line in lines]
    count = max(len(row) for row in rows)
    written = []
    for line, row in zip(lines, rows, strict=True):
        rule = line.kind is LineKind.TABLE_DELIMITER
        said = row if rule else [_SPECIAL.sub(_escape_special, cell).replace("|", "\\|") for cell in row]
        full = [*said, *["---" if rule else ""] * (count - len(row))]
        written.append(f"{source[line.start : line.content_start]}| {' | '.join(full)} |")
    return "\n".join(written)


def _escape_text(text: str) -> str:
    """Return lines outside of fences so that nothing in them is read as what nobody meant."""
    text = _SPECIAL.sub(_escape_special, text)
    text = re.sub(r"</summary>[ \t]*\n?(?!\n)", "</summary>\n\n", text, flags=re.IGNORECASE)
    return re.sub(r"\s*</details>[ \t]*\n*", "\n\n</details>\n\n", text, flags=re.IGNORECASE).rstrip("\n")


def _escape_special(match: re.Match[str]) -> str:
    if match["maths"]:
        formula = match[0].lstrip("\\$([").rstrip("\\$)]").replace("<", r"\lt ")
        mark = "$$" if match[0].startswith(("$$", "\\[")) else "$"
        return f"{mark}{' '.join(formula.split())}{mark}"
    if match["code"] or match["escaped"] or match["tag"]:
        return match[0]
    return _ESCAPES[match[0]]
