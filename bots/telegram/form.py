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

from core.domain.events import Page
from core.markdown.grid import cells
from core.markdown.inline import MATHS
from core.markdown.lines import FENCED, TABLE, Kind, Line, scan

Entity: TypeAlias = dict[str, object]

_CONTINUED = "…\n"
_PRIORITY = (
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
    entities = (cast("dict[str, Any]", one) for one in page.form)
    return [MessageEntity.de_json(entity, None) for entity in entities if "type" in entity]


def rich_of(page: Page) -> str:
    """Return the Markdown of ``page`` as a rich message; "" where it is to be sent as entities."""
    return next((str(one["rich"]) for one in page.form if isinstance(one, dict) and "rich" in one), "")


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

    def entity(self, kind: str, start: int, **extra: object) -> None:
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


# Rich messages (Bot API 10.1, https://core.telegram.org/bots/api#inputrichmessage) take GitHub's
# Markdown with HTML in it. Their text is written for them here, since they read some of it
# otherwise than people mean it: a lone line end is a space, a tag that is not known vanishes,
# "==" marks, a dollar begins a formula, and a picture would be fetched.

RICH_LINES = 400  #: of at most 500 blocks, nested ones counted
RICH_COLUMNS = 20

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
_WRITTEN = {"<": "&lt;", "==": "\\=\\=", "$": "\\$", "![": "["}


def rich_markdown(source: str) -> str:
    """Return ``source`` as a rich message's Markdown; "" where it gains nothing by being one.

    That is where it has no table, task list, formula of its own line or details. Formulas within
    details crash Telegram Desktop 6.9 (tdesktop issue 30808): such a page is sent as entities too.
    """
    lines = scan(source)
    said = [source[line.start : line.end] for line in lines if line.kind not in FENCED]
    details = any(_DETAILS.search(words) for words in said)
    formula = any(words.lstrip(" \t>").startswith(("$$", "\\[")) for words in said)
    gains = details or formula or any(_is_task(source, line) or line.kind in TABLE for line in lines)
    wide = any(len(_cells(source, line)) > RICH_COLUMNS for line in lines if line.kind in TABLE)
    if not gains or wide or (details and formula) or len(lines) > RICH_LINES:
        return ""
    written: list[str] = []
    for kind, group in groupby(enumerate(lines), key=lambda pair: _group(pair[1])):
        held = list(group)
        if kind is TABLE:
            written.append(_grid(source, [line for _, line in held]))
            if any(one.kind is not Kind.BLANK for one in lines[held[-1][0] + 1 : held[-1][0] + 2]):
                written.append(held[-1][1].box.rstrip())  # words right below would be one more row
            continue
        rows = [_row(source, line, lines[at + 1 : at + 2]) for at, line in held]
        written.append("\n".join(rows) if kind is FENCED else _worded("\n".join(rows)))
    return "\n".join(written)


def _group(line: Line) -> tuple[Kind, ...]:
    return FENCED if line.kind in FENCED else TABLE if line.kind in TABLE else ()


def _is_task(source: str, line: Line) -> bool:
    return line.kind is Kind.ITEM and _TASK.match(source, line.body) is not None


def _row(source: str, line: Line, following: Sequence[Line]) -> str:
    """Return one line; a lone line end between words becomes a hard break."""
    text = source[line.start : line.end]
    if line.kind is Kind.RULE:
        return f"{source[line.start : line.body]}***"  # dashes would underline a heading
    goes_on = line.kind in (Kind.TEXT, Kind.ITEM) and any(one.kind is Kind.TEXT for one in following)
    return f"{text.rstrip()}  " if goes_on and not _DETAILS.search(text) else text


def _cells(source: str, line: Line) -> list[str]:
    return cells(source[line.body : line.end])


def _grid(source: str, lines: Sequence[Line]) -> str:
    """Return a table with as many columns as its longest row has, and pipes escaped within cells."""
    rows = [_cells(source, line) for line in lines]
    count = max(len(row) for row in rows)
    written = []
    for line, row in zip(lines, rows, strict=True):
        rule = line.kind is Kind.TABLE_RULE
        said = row if rule else [_SPECIAL.sub(_special, cell).replace("|", "\\|") for cell in row]
        full = [*said, *["---" if rule else ""] * (count - len(row))]
        written.append(f"{source[line.start : line.body]}| {' | '.join(full)} |")
    return "\n".join(written)


def _worded(text: str) -> str:
    """Return lines outside of fences so that nothing in them is read as what nobody meant."""
    text = _SPECIAL.sub(_special, text)
    text = re.sub(r"</summary>[ \t]*\n?(?!\n)", "</summary>\n\n", text, flags=re.IGNORECASE)
    return re.sub(r"\s*</details>[ \t]*\n*", "\n\n</details>\n\n", text, flags=re.IGNORECASE).rstrip("\n")


def _special(found: re.Match[str]) -> str:
    if found["maths"]:
        formula = found[0].lstrip("\\$([").rstrip("\\$)]").replace("<", r"\lt ")
        mark = "$$" if found[0].startswith(("$$", "\\[")) else "$"
        return f"{mark}{' '.join(formula.split())}{mark}"
    if found["code"] or found["escaped"] or found["tag"]:
        return found[0]
    return _WRITTEN[found[0]]
