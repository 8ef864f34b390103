"""Which line of a growing Markdown text is what: fence, table, list item, heading, plain words.

A line's kind depends only on the text up to its end, so looking again later never changes it;
only the last line may still be undecided (``Line.open``).
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from typing import Final

#: List items that one line may open; the rest of it is text. Each costs a look at the whole line.
MAX_ITEMS_PER_LINE: Final = 20
_QUOTE_PREFIX = re.compile(r"(?:[ \t]{0,3}>[ \t]?)*")
_ITEM = re.compile(r"(?:[-+*]|\d{1,9}[.)])(?:[ \t]+|$)")
_FENCE = re.compile(r"(`{3,})([^`]*)$|(~{3,})(.*)$")
_HEADING = re.compile(r"#{1,6}(?:[ \t]|$)")
_RULE = re.compile(r"(?:-[ \t]*){3,}$|(?:\*[ \t]*){3,}$|(?:_[ \t]*){3,}$")
_TABLE_DELIMITER = re.compile(r"\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_PARTIAL_MARKER = re.compile(
    rf"(?:(?:[-+*]|\d{{1,9}}[.)])[ \t]+){{0,{MAX_ITEMS_PER_LINE}}}"
    r"(?:[-+*]|\d{1,9}[.)]?|#{1,6}|`{1,2}|~{1,2}|[-*_=][-*_= \t]*|\[[ xX]?\]?)?[ \t]*$"
)
#: Characters one of which begins every block marker; most lines begin with none and need no pattern.
_MARKER_STARTS: Final = frozenset("-+*_0123456789`~#|:")
_UNSUPPORTED = re.compile("[\x00\ud800-\udfff]")
_TAB = 4


class LineKind(Enum):
    """What a line is."""

    BLANK = auto()
    TEXT = auto()  #: a paragraph's first or further line
    ITEM = auto()  #: begins a list item
    HEADING = auto()
    HORIZONTAL_RULE = auto()  #: a horizontal line
    FENCE = auto()  #: opens a code fence
    CODE = auto()  #: inside a fence
    FENCE_END = auto()
    TABLE_HEAD = auto()
    TABLE_DELIMITER = auto()  #: the delimiter row under a table's header
    TABLE_ROW = auto()


TABLE_KINDS = (LineKind.TABLE_HEAD, LineKind.TABLE_DELIMITER, LineKind.TABLE_ROW)
FENCE_KINDS = (LineKind.FENCE, LineKind.CODE, LineKind.FENCE_END)
SELF_CONTAINED_KINDS = (
    LineKind.HEADING,
    LineKind.HORIZONTAL_RULE,
    *TABLE_KINDS,
)  #: kinds that no later line continues


@dataclass(frozen=True, slots=True)
class Fence:
    """An open code fence."""

    opener: str  #: the opening line without its quote marks and indentation
    marker: str  #: the run of backticks or tildes
    quote_prefix: str  #: the quote marks before it
    list_indent: int  #: columns of the list item that holds it
    indent: int  #: columns before its opening line


@dataclass(slots=True)
class MarkdownLine:
    """One line of a text."""

    start: int
    end: int  #: without the line end
    kind: LineKind
    content_start: int  #: where the words begin, after quote marks, indentation and list marker
    indent: int  #: columns before the first character after the quote marks
    list_indent: int  #: columns where the content of the innermost list item begins; 0 outside lists
    quote_prefix: str  #: quote marks before it, such as "> "
    fence: Fence | None = None  #: for fenced lines
    unterminated: bool = False  #: the last line, not ended yet


def column_width(blank: str) -> int:
    """Return how many columns a run of spaces and tabs takes."""
    width = 0
    for char in blank:
        width += _TAB - width % _TAB if char == "\t" else 1
    return width


@lru_cache(maxsize=16)  # one frame asks several times for the same text
def scan_lines(text: str) -> tuple[MarkdownLine, ...]:
    """Return the lines of ``text``; together they cover it without gaps."""
    return tuple(_Scanner(text).lines())


def is_table_delimiter(content: str) -> bool:
    """Tell whether a line is the delimiter row of a table."""
    return "-" in content and "|" in content and _TABLE_DELIMITER.match(content) is not None


def normalize(text: str) -> str:
    """Return ``text`` with plain line ends and without characters that no platform takes.

    A carriage return at the end waits for what follows, so that the result only grows.
    """
    if "\r" in text:
        text = text.removesuffix("\r").replace("\r\n", "\n").replace("\r", "\n")
    return _UNSUPPORTED.sub("\ufffd", text)


def is_partial_marker(content: str) -> bool:
    """Tell whether a line that still grows is only a block's marker so far."""
    return _PARTIAL_MARKER.match(content) is not None


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[MarkdownLine] = []
        self.fence: Fence | None = None
        self.list_indents: list[int] = []  # content columns of the list items that are open

    def lines(self) -> list[MarkdownLine]:
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
        match = _QUOTE_PREFIX.match(raw)
        box = match.group() if match else ""
        rest = raw[len(box) :]
        content = rest.lstrip(" \t")
        line = MarkdownLine(
            start=start,
            end=end,
            kind=LineKind.BLANK,
            content_start=end - len(content),
            indent=column_width(rest[: len(rest) - len(content)]),
            list_indent=self.list_indents[-1] if self.list_indents else 0,
            quote_prefix=box,
            unterminated=is_open,
        )
        if self.fence is not None and self._leaves_fence(line, content):
            self.fence = None
        if self.fence is not None:
            self._inside_fence(line, content)
        elif content:
            self._outside_fence(line, content)
        self.found.append(line)

    def _leaves_fence(self, line: MarkdownLine, content: str) -> bool:
        """A fence also ends where the quote or the list item that holds it ends."""
        fence = self.fence
        if fence is None:
            return True
        if line.quote_prefix.count(">") < fence.quote_prefix.count(">"):
            return True
        return bool(content) and line.indent < fence.list_indent

    def _inside_fence(self, line: MarkdownLine, content: str) -> None:
        fence = self.fence
        if fence is None:
            return
        line.fence = fence
        line.kind = LineKind.CODE
        run = content.rstrip(" \t")
        if len(run) >= len(fence.marker) and not run.strip(fence.marker[0]):
            line.kind = LineKind.FENCE_END
            self.fence = None

    def _outside_fence(self, line: MarkdownLine, content: str) -> None:
        while self.list_indents and line.indent < self.list_indents[-1]:
            self.list_indents.pop()
        line.kind = LineKind.TEXT
        if content[0] not in _MARKER_STARTS and "|" not in content:
            line.list_indent = self.list_indents[-1] if self.list_indents else 0
            return
        if not _RULE.match(content):
            content = self._enter_list_items(line, content)
        line.list_indent = self.list_indents[-1] if self.list_indents else 0
        fence = _FENCE.match(content)
        if fence:
            self.fence = Fence(
                opener=content.rstrip(),
                marker=fence.group(1) or fence.group(3),
                quote_prefix=line.quote_prefix,
                list_indent=line.list_indent,
                indent=max(line.indent, line.list_indent),
            )
            line.fence = self.fence
            line.kind = LineKind.FENCE
        elif line.kind is LineKind.TEXT:
            line.kind = self._classify_plain(line, content)

    def _enter_list_items(self, line: MarkdownLine, content: str) -> str:
        """Step over list markers at the start of a line."""
        column = line.indent
        for _ in range(MAX_ITEMS_PER_LINE):
            if (match := _ITEM.match(content)) is None:
                break
            line.kind = LineKind.ITEM
            column += column_width(match.group()) if match.group()[-1:] in " \t" else len(match.group()) + 1
            self.list_indents.append(column)
            line.content_start += match.end()
            content = content[match.end() :]
            if _RULE.match(content):
                break
        return content

    def _classify_plain(self, line: MarkdownLine, content: str) -> LineKind:
        if _HEADING.match(content):
            return LineKind.HEADING
        before = self.found[-1] if self.found else None
        if before is not None and before.quote_prefix.count(">") == line.quote_prefix.count(">"):
            if (
                before.kind is LineKind.TEXT
                and is_table_delimiter(content)
                and "|" in self._content_of(before)
            ):
                before.kind = LineKind.TABLE_HEAD
                return LineKind.TABLE_DELIMITER
            if before.kind in (LineKind.TABLE_DELIMITER, LineKind.TABLE_ROW) and "|" in content:
                return LineKind.TABLE_ROW
        if _RULE.match(content):
            return LineKind.HORIZONTAL_RULE
        return LineKind.TEXT

    def _content_of(self, line: MarkdownLine) -> str:
        return self.text[line.content_start : line.end]
