"""Which line of a growing Markdown text is what: fence, table, list item, heading, plain words.

A line's kind depends only on the text up to its end, so looking again later never changes it;
only the last line may still be undecided (``Line.open``).
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

_BOX = re.compile(r"(?:[ \t]{0,3}>[ \t]?)*")
_ITEM = re.compile(r"(?:[-+*]|\d{1,9}[.)])(?:[ \t]+|$)")
_FENCE = re.compile(r"(`{3,})([^`]*)$|(~{3,})(.*)$")
_HEADING = re.compile(r"#{1,6}(?:[ \t]|$)")
_RULE = re.compile(r"(?:-[ \t]*){3,}$|(?:\*[ \t]*){3,}$|(?:_[ \t]*){3,}$")
_TABLE_RULE = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_HALF_MARKER = re.compile(
    r"(?:(?:[-+*]|\d{1,9}[.)])[ \t]+)*"
    r"(?:[-+*]|\d{1,9}[.)]?|#{1,6}|`{1,2}|~{1,2}|[-*_=][-*_= \t]*|\[[ xX]?\]?)?[ \t]*$"
)
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
_VISIBLE = re.compile(
    r"[^\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_TAB = 4


class Kind(Enum):
    """What a line is."""

    BLANK = auto()
    TEXT = auto()  #: a paragraph's first or further line
    ITEM = auto()  #: begins a list item
    HEADING = auto()
    RULE = auto()  #: a horizontal line
    FENCE = auto()  #: opens a code fence
    CODE = auto()  #: inside a fence
    FENCE_END = auto()
    TABLE_HEAD = auto()
    TABLE_RULE = auto()  #: the delimiter row under a table's header
    TABLE_ROW = auto()


TABLE = (Kind.TABLE_HEAD, Kind.TABLE_RULE, Kind.TABLE_ROW)
FENCED = (Kind.FENCE, Kind.CODE, Kind.FENCE_END)
SINGLE = (Kind.HEADING, Kind.RULE, *TABLE)  #: kinds that no later line continues


@dataclass(frozen=True, slots=True)
class Fence:
    """An open code fence."""

    opener: str  #: the opening line without its quote marks and indentation
    mark: str  #: the run of backticks or tildes
    box: str  #: the quote marks before it
    depth: int  #: columns of the list item that holds it
    indent: int  #: columns before its opening line


@dataclass(slots=True)
class Line:
    """One line of a text."""

    start: int
    end: int  #: without the line end
    kind: Kind
    body: int  #: where the words begin, after quote marks, indentation and list marker
    indent: int  #: columns before the first character after the quote marks
    depth: int  #: columns where the content of the innermost list item begins; 0 outside lists
    box: str  #: quote marks before it, such as "> "
    fence: Fence | None = None  #: for fenced lines
    open: bool = False  #: the last line, not ended yet


def columns(blank: str) -> int:
    """Return how many columns a run of spaces and tabs takes."""
    width = 0
    for char in blank:
        width += _TAB - width % _TAB if char == "\t" else 1
    return width


@lru_cache(maxsize=16)  # one frame asks several times for the same text
def scan(text: str) -> tuple[Line, ...]:
    """Return the lines of ``text``; together they cover it without gaps."""
    return tuple(_Scanner(text).lines())


def is_table_rule(content: str) -> bool:
    """Tell whether a line is the delimiter row of a table."""
    return "-" in content and "|" in content and _TABLE_RULE.match(content) is not None


def unified(text: str) -> str:
    """Return ``text`` with plain line ends and without characters that no platform takes.

    A carriage return at the end waits for what follows, so that the result only grows.
    """
    if "\r" in text:
        text = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
    return _UNUSABLE.sub("\ufffd", text)


def has_words(text: str) -> bool:
    """Tell whether anything of ``text`` can be seen."""
    return _VISIBLE.search(text) is not None


def is_half_marker(content: str) -> bool:
    """Tell whether a line that still grows is only a block's marker so far."""
    return _HALF_MARKER.match(content) is not None


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Line] = []
        self.fence: Fence | None = None
        self.items: list[int] = []  # content columns of the list items that are open

    def lines(self) -> list[Line]:
        start = 0
        while True:
            end = self.text.find("\n", start)
            if end < 0:
                if start < len(self.text):
                    self._add(start, len(self.text), is_open=True)
                return self.found
            self._add(start, end, is_open=False)
            start = end + 1

    def _add(self, start: int, end: int, *, is_open: bool) -> None:
        raw = self.text[start:end]
        match = _BOX.match(raw)
        box = match.group() if match else ""
        rest = raw[len(box) :]
        content = rest.lstrip(" \t")
        line = Line(
            start=start,
            end=end,
            kind=Kind.BLANK,
            body=end - len(content),
            indent=columns(rest[: len(rest) - len(content)]),
            depth=self.items[-1] if self.items else 0,
            box=box,
            open=is_open,
        )
        if self.fence is not None and self._left_fence(line, content):
            self.fence = None
        if self.fence is not None:
            self._inside_fence(line, content)
        elif content:
            self._outside_fence(line, content)
        self.found.append(line)

    def _left_fence(self, line: Line, content: str) -> bool:
        """A fence also ends where the quote or the list item that holds it ends."""
        fence = self.fence
        if fence is None:
            return True
        if line.box.count(">") < fence.box.count(">"):
            return True
        return bool(content) and line.indent < fence.depth

    def _inside_fence(self, line: Line, content: str) -> None:
        fence = self.fence
        if fence is None:
            return
        line.fence = fence
        line.kind = Kind.CODE
        run = content.rstrip(" \t")
        if len(run) >= len(fence.mark) and not run.strip(fence.mark[0]):
            line.kind = Kind.FENCE_END
            self.fence = None

    def _outside_fence(self, line: Line, content: str) -> None:
        while self.items and line.indent < self.items[-1]:
            self.items.pop()
        line.kind = Kind.TEXT
        if not _RULE.match(content):
            content = self._into_items(line, content)
        line.depth = self.items[-1] if self.items else 0
        fence = _FENCE.match(content)
        if fence:
            self.fence = Fence(
                opener=content.rstrip(),
                mark=fence.group(1) or fence.group(3),
                box=line.box,
                depth=line.depth,
                indent=max(line.indent, line.depth),
            )
            line.fence = self.fence
            line.kind = Kind.FENCE
        elif line.kind is Kind.TEXT:
            line.kind = self._plain(line, content)

    def _into_items(self, line: Line, content: str) -> str:
        """Step over list markers at the start of a line."""
        column = line.indent
        while match := _ITEM.match(content):
            line.kind = Kind.ITEM
            column += columns(match.group()) if match.group()[-1:] in " \t" else len(match.group()) + 1
            self.items.append(column)
            line.body += match.end()
            content = content[match.end() :]
            if _RULE.match(content):
                break
        return content

    def _plain(self, line: Line, content: str) -> Kind:
        if _HEADING.match(content):
            return Kind.HEADING
        before = self.found[-1] if self.found else None
        if before is not None and before.box.count(">") == line.box.count(">"):
            if before.kind is Kind.TEXT and is_table_rule(content) and "|" in self._words(before):
                before.kind = Kind.TABLE_HEAD
                return Kind.TABLE_RULE
            if before.kind in (Kind.TABLE_RULE, Kind.TABLE_ROW) and "|" in content:
                return Kind.TABLE_ROW
        if _RULE.match(content):
            return Kind.RULE
        return Kind.TEXT

    def _words(self, line: Line) -> str:
        return self.text[line.body : line.end]
