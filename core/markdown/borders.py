"""The places where a Markdown text may be cut, and how good each one is."""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from core.markdown.graphemes import border_before
from core.markdown.inline import read
from core.markdown.lines import FENCED, SINGLE, TABLE, Kind, Line, is_half_marker, scan


class Grain(IntEnum):
    """How good a place is; more is better."""

    SPACE = 1
    LINE = 2
    SENTENCE = 3
    ITEM = 4  #: between list items, table rows, or other blocks without a blank line
    PARAGRAPH = 5


@dataclass(frozen=True, slots=True)
class Border:
    """A place to cut."""

    at: int
    grain: Grain
    guarded: bool  #: inside a link, inline code or emphasis


_SENTENCE = re.compile(
    r"[。！？｡]+[」』”’）】》〉\"')\]*_]*(?=[^\s。！？｡」』”’）】》〉\"')\]*_])[ \t]*"
    r"|(?<![0-9\s])[.!?]+[\"')\]”’*_]*[ \t]+"
)
_SPACE = re.compile(r"[ \t]+|[，、；：][”’」』）]*")
_NOT_A_START = re.compile(r"[-+*#>|=~`\d\s.)，。、；：！？」』”’）】》]")
"""A line that begins with these could be read as markup, or looks torn off."""


def borders(text: str) -> list[Border]:
    """Return the places at which ``text`` may be cut, each decided by what stands before it.

    The character right after a place is looked at, none later; a place at the end is left out.
    """
    lines = scan(text)
    found: list[Border] = []
    for block in _blocks(lines):
        guards = _guards(text, lines, block)
        for index in block:
            found.extend(_line_start(text, lines, index, guards))
            found.extend(_inside(text, lines[index], guards))
    return found


def growing_end(text: str, at: int) -> int:
    """Return the last place at or before ``at`` that tears no visible character."""
    return border_before(text, at)


def blocks(lines: Sequence[Line]) -> Iterator[range]:
    """Group lines into runs that one reading of inline markup covers."""
    return _blocks(lines)


def _blocks(lines: Sequence[Line]) -> Iterator[range]:
    first = 0
    for index in range(1, len(lines) + 1):
        if index == len(lines) or not _goes_on(lines[index - 1], lines[index]):
            yield range(first, index)
            first = index


def _goes_on(before: Line, line: Line) -> bool:
    return line.kind is Kind.TEXT and before.kind in (Kind.TEXT, Kind.ITEM)


def _guards(text: str, lines: Sequence[Line], block: range) -> list[tuple[int, int]]:
    """Return the stretches of a block in which a cut hurts, in order and apart."""
    first, last = lines[block[0]], lines[block[-1]]
    if first.kind in FENCED or first.kind is Kind.BLANK:
        return []
    merged: list[tuple[int, int]] = []
    for start, end in sorted(read(text, first.body, last.end, growing=False).guarded):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _is_guarded(at: int, guards: list[tuple[int, int]]) -> bool:
    index = bisect_left(guards, (at, 0)) - 1
    return index >= 0 and guards[index][0] < at < guards[index][1]


def _line_start(
    text: str, lines: Sequence[Line], index: int, guards: list[tuple[int, int]]
) -> Iterator[Border]:
    line = lines[index]
    if index == 0 or line.start >= len(text):
        return
    grain = _grain_in_code(text, lines, index) if line.kind in FENCED else _grain(text, lines, index)
    if grain is not None:
        yield Border(line.start, grain, _is_guarded(line.start, guards))


def _grain_in_code(text: str, lines: Sequence[Line], index: int) -> Grain | None:
    line, before = lines[index], lines[index - 1]
    if line.kind is Kind.FENCE:
        return _grain(text, lines, index)
    if line.kind is Kind.FENCE_END or before.kind is Kind.FENCE or line.body == line.end:
        return None
    if _may_close(text, line):
        return None
    at_margin = line.fence is not None and line.indent <= line.fence.depth and not line.box
    return Grain.SENTENCE if before.body == before.end and at_margin else Grain.LINE


def _may_close(text: str, line: Line) -> bool:
    """A line that may still turn into the fence's end."""
    return line.fence is not None and text[line.body] == line.fence.mark[0]


def _grain(text: str, lines: Sequence[Line], index: int) -> Grain | None:
    line, before = lines[index], lines[index - 1]
    if (
        line.kind is Kind.BLANK
        or line.kind is Kind.TABLE_RULE
        or before.kind in (Kind.TABLE_RULE, Kind.TABLE_HEAD)
    ):
        return None
    if line.open and is_half_marker(text[line.start + len(line.box) : line.end].lstrip(" \t")):
        return None
    last = next((other for other in reversed(lines[:index]) if other.kind is not Kind.BLANK), None)
    if last is None:
        return None
    if last.kind is Kind.HEADING or text[: last.end].rstrip()[-1:] in (":", "："):
        return Grain.LINE if before.kind is Kind.BLANK else None
    if before.kind is Kind.BLANK:
        return (
            Grain.ITEM
            if line.indent or text[line.start + len(line.box)] in "-+*0123456789 \t"
            else Grain.PARAGRAPH
        )
    return _grain_without_blank(text, line, before)


def _grain_without_blank(text: str, line: Line, before: Line) -> Grain | None:
    if before.kind is Kind.TABLE_ROW:
        return Grain.ITEM
    if before.kind in SINGLE or before.kind is Kind.FENCE_END:
        return Grain.ITEM
    if "|" in text[before.start : before.end]:
        return None  # may turn out to be a table's header
    if text[line.body : line.body + 1] in "*_=~`":
        return None
    if line.kind in (Kind.ITEM, Kind.HEADING):
        return Grain.ITEM
    return Grain.LINE


def _inside(text: str, line: Line, guards: list[tuple[int, int]]) -> Iterator[Border]:
    """Places within a line."""
    if line.kind in (Kind.FENCE, Kind.FENCE_END, Kind.BLANK, Kind.RULE) or line.kind in TABLE:
        return
    if line.kind is not Kind.CODE:
        yield from _matches(_SENTENCE, Grain.SENTENCE, text, line, guards)
    yield from _matches(_SPACE, Grain.SPACE, text, line, guards)


def _matches(
    pattern: re.Pattern[str], grain: Grain, text: str, line: Line, guards: list[tuple[int, int]]
) -> Iterator[Border]:
    for match in pattern.finditer(text, line.body, line.end):
        at = match.end()
        if line.body < at < line.end and not _NOT_A_START.match(text, at):
            yield Border(at, grain, _is_guarded(at, guards))
