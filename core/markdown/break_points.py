"""The places where a Markdown text may be cut, and how good each one is."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from core.markdown.graphemes import grapheme_boundary_before
from core.markdown.inline import read_inline
from core.markdown.lines import (
    FENCE_KINDS,
    SELF_CONTAINED_KINDS,
    TABLE_KINDS,
    LineKind,
    MarkdownLine,
    is_partial_marker,
    scan_lines,
)


class BreakQuality(IntEnum):
    """How good a place is; more is better."""

    SPACE = 1
    LINE = 2
    SENTENCE = 3
    ITEM = 4  #: between list items, table rows, or other blocks without a blank line
    PARAGRAPH = 5


@dataclass(frozen=True, slots=True)
class BreakPoint:
    """A place to cut."""

    position: int
    quality: BreakQuality
    protected: bool  #: inside a link, inline code or emphasis


_SENTENCE = re.compile(
    # From the first mark of a run only, and without giving any of it back: a run is read once.
    r"(?<![。！？｡])[。！？｡]++[」』”’）】》〉\"')\]*_]*+(?=[^\s。！？｡」』”’）】》〉\"')\]*_])[ \t]*"
    r"|(?<![0-9\s.!?])[.!?]++[\"')\]”’*_]*+[ \t]+"
)
_SPACE = re.compile(r"[ \t]+|[，、；：][”’」』）]*")
_NOT_A_START = re.compile(r"[-+*#>|=~`\d\s.)，。、；：！？」』”’）】》]")
"""A line that begins with these could be read as markup, or looks torn off."""


def find_break_points(text: str) -> list[BreakPoint]:
    """Return the places at which ``text`` may be cut, each decided by what stands before it.

    The character right after a place is looked at, none later; a place at the end is left out.
    """
    lines = scan_lines(text)
    found: list[BreakPoint] = []
    for block in _group_blocks(lines):
        guards = _protected_spans(text, lines, block)
        for index in block:
            found.extend(_break_at_line_start(text, lines, index, guards))
            found.extend(_breaks_inside(text, lines[index], guards))
    return found


def last_safe_position(text: str, at: int) -> int:
    """Return the last place at or before ``at`` that tears no visible character."""
    return grapheme_boundary_before(text, at)


def group_blocks(lines: Sequence[MarkdownLine]) -> Iterator[range]:
    """Group lines into runs that one reading of inline markup covers."""
    return _group_blocks(lines)


def _group_blocks(lines: Sequence[MarkdownLine]) -> Iterator[range]:
    first = 0
    for index in range(1, len(lines) + 1):
        if index == len(lines) or not _continues_block(lines[index - 1], lines[index]):
            yield range(first, index)
            first = index


def _continues_block(before: MarkdownLine, line: MarkdownLine) -> bool:
    return line.kind is LineKind.TEXT and before.kind in (LineKind.TEXT, LineKind.ITEM)


def _protected_spans(text: str, lines: Sequence[MarkdownLine], block: range) -> list[tuple[int, int]]:
    """Return the stretches of a block in which a cut hurts, in order and apart."""
    first, last = lines[block[0]], lines[block[-1]]
    if first.kind in FENCE_KINDS or first.kind is LineKind.BLANK:
        return []
    merged: list[tuple[int, int]] = []
    for start, end in sorted(read_inline(text, first.content_start, last.end, may_grow=False).protected):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _is_protected(at: int, protected: list[tuple[int, int]]) -> bool:
    index = bisect_left(protected, (at, 0)) - 1
    return index >= 0 and protected[index][0] < at < protected[index][1]


def _break_at_line_start(
    text: str, lines: Sequence[MarkdownLine], index: int, protected: list[tuple[int, int]]
) -> Iterator[BreakPoint]:
    line = lines[index]
    if index == 0 or line.start >= len(text):
        return
    grain = _quality_in_code(text, lines, index) if line.kind in FENCE_KINDS else _quality(text, lines, index)
    if grain is not None:
        yield BreakPoint(line.start, grain, _is_protected(line.start, protected))


def _quality_in_code(text: str, lines: Sequence[MarkdownLine], index: int) -> BreakQuality | None:
    line, before = lines[index], lines[index - 1]
    if line.kind is LineKind.FENCE:
        return _quality(text, lines, index)
    if line.kind is LineKind.FENCE_END or before.kind is LineKind.FENCE or line.content_start == line.end:
        return None
    if _may_close_fence(text, line):
        return None
    at_margin = line.fence is not None and line.indent <= line.fence.list_indent and not line.quote_prefix
    return BreakQuality.SENTENCE if before.content_start == before.end and at_margin else BreakQuality.LINE


def _may_close_fence(text: str, line: MarkdownLine) -> bool:
    """A line that may still turn into the fence's end."""
    return line.fence is not None and text[line.content_start] == line.fence.marker[0]


def _quality(text: str, lines: Sequence[MarkdownLine], index: int) -> BreakQuality | None:
    line, before = lines[index], lines[index - 1]
    if (
        line.kind is LineKind.BLANK
        or line.kind is LineKind.TABLE_DELIMITER
        or before.kind in (LineKind.TABLE_DELIMITER, LineKind.TABLE_HEAD)
    ):
        return None
    if line.unterminated and is_partial_marker(
        text[line.start + len(line.quote_prefix) : line.end].lstrip(" \t")
    ):
        return None
    last = next((other for other in reversed(lines[:index]) if other.kind is not LineKind.BLANK), None)
    if last is None:
        return None
    if last.kind is LineKind.HEADING or text[: last.end].rstrip()[-1:] in (":", "："):
        return BreakQuality.LINE if before.kind is LineKind.BLANK else None
    if before.kind is LineKind.BLANK:
        return (
            BreakQuality.ITEM
            if line.indent or text[line.start + len(line.quote_prefix)] in "-+*0123456789 \t"
            else BreakQuality.PARAGRAPH
        )
    return _quality_without_blank(text, line, before)


def _quality_without_blank(text: str, line: MarkdownLine, before: MarkdownLine) -> BreakQuality | None:
    if before.kind is LineKind.TABLE_ROW:
        return BreakQuality.ITEM
    if before.kind in SELF_CONTAINED_KINDS or before.kind is LineKind.FENCE_END:
        return BreakQuality.ITEM
    if "|" in text[before.start : before.end]:
        return None  # may turn out to be a table's header
    if text[line.content_start : line.content_start + 1] in "*_=~`":
        return None
    if line.kind in (LineKind.ITEM, LineKind.HEADING):
        return BreakQuality.ITEM
    return BreakQuality.LINE


def _breaks_inside(text: str, line: MarkdownLine, protected: list[tuple[int, int]]) -> Iterator[BreakPoint]:
    """Places within a line."""
    if (
        line.kind in (LineKind.FENCE, LineKind.FENCE_END, LineKind.BLANK, LineKind.HORIZONTAL_RULE)
        or line.kind in TABLE_KINDS
    ):
        return
    if line.kind is not LineKind.CODE:
        yield from _matches(_SENTENCE, BreakQuality.SENTENCE, text, line, protected)
    yield from _matches(_SPACE, BreakQuality.SPACE, text, line, protected)


def _matches(
    pattern: re.Pattern[str],
    quality: BreakQuality,
    text: str,
    line: MarkdownLine,
    protected: list[tuple[int, int]],
) -> Iterator[BreakPoint]:
    for match in pattern.finditer(text, line.content_start, line.end):
        at = match.end()
        if line.content_start < at < line.end and not _NOT_A_START.match(text, at):
            yield BreakPoint(at, quality, _is_protected(at, protected))
