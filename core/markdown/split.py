"""Cuts a growing Markdown text into parts, each a whole Markdown text of its own.

A cut depends only on the text up to the limit, so it is the same at whatever lengths the text
was looked at. :class:`Parts` remembers cuts; making it anew gives the same ones.

Two ways of choosing:

- back from the limit (messages that can be edited): a part is cut only when it is too long, at
  the best place before the limit; what was shown after that place moves to the next part;
- ahead of the limit (``forward``; streams that can only append): at the first place good enough
  for how full the part is; nothing that was shown is ever taken back.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from core.markdown.break_points import BreakPoint, BreakQuality, find_break_points, last_safe_position
from core.markdown.inline import read_inline
from core.markdown.lines import LineKind, MarkdownLine, column_width, is_partial_marker, scan_lines

OverflowLength: TypeAlias = Callable[[str, float], "int | None"]
"""Given a part and a share of the limit: the first length at which it is over, or None."""

_MIN_FILL = {
    BreakQuality.PARAGRAPH: 0.5,
    BreakQuality.ITEM: 0.5,
    BreakQuality.SENTENCE: 0.6,
    BreakQuality.LINE: 0.6,
    BreakQuality.SPACE: 0.6,
}
"""How full (by characters) a part must be for a cut of this grain."""

_MIN_FILL_AHEAD = {
    BreakQuality.PARAGRAPH: 0.8,
    BreakQuality.ITEM: 0.86,
    BreakQuality.SENTENCE: 0.9,
    BreakQuality.LINE: 0.92,
    BreakQuality.SPACE: 0.95,
}
"""The same when looking ahead, by the limit's measure."""

_FIRST_VISIBLE = re.compile(r"[ \t>]*\S?")
_LAST_RESORT_FILL = 0.98
_MAX_REPEATED_MARKERS = 6  #: quote marks or emphasis that a next part opens again
_MAX_QUOTE_PREFIX = 20  #: characters of quote marks before a fence
_MAX_FENCE_OPENER = 80  #: characters of a fence's opening line
_MAX_TABLE_HEADER = 600  #: characters of a table's header that are worth repeating


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where a part ends and how the next begins."""

    position: int  #: position in the part's text
    closing: str = ""  #: put after the part: closes a fence or emphasis
    opening: str = ""  #: put before the next part: opens it again
    dedent: int = 0  #: columns of indentation that the next part's lines lose
    mid_line: bool = False  #: in the middle of a line
    in_code: bool = False  #: inside a fence


def find_cut(
    text: str, overflow_length: OverflowLength, *, repeated_chars: int = 0, append_only: bool = False
) -> Cut | None:
    """Return the first cut of ``text``, or None while it fits.

    ``opening`` is how many characters at its start are repeated from the part before.
    """
    over = overflow_length(text, 1.0)
    if append_only:
        place, known = _first_good_cut(text, overflow_length, over, repeated_chars)
        return None if place is None else _cut_at(text, place, known)
    if over is None:
        return None
    window = text[:over]
    return _cut_at(window, _best_cut_before_end(window, repeated_chars), over)


def part_before(text: str, cut: Cut) -> str:
    """Return the part that ends at ``cut``."""
    return text[: cut.position].rstrip() + cut.closing


def text_after(text: str, cut: Cut) -> str:
    """Return what follows ``cut`` as a text of its own; it grows at its end as ``text`` does."""
    rest = text[cut.position :]
    if cut.dedent:
        rest = _dedent(rest, cut.dedent, skip_first=cut.mid_line)
    if not cut.in_code:
        rest = rest.lstrip("\n")
    return cut.opening + rest if rest else ""


class IncrementalSplitter:
    """The cuts of one growing text, remembered."""

    def __init__(self, overflow_length: OverflowLength, *, append_only: bool = False) -> None:
        self._overflow_length = overflow_length
        self._append_only = append_only
        self._cuts: list[Cut] = []
        self.finished_parts: list[str] = []  #: all parts but the last

    def feed(self, text: str) -> str:
        """Take the whole text so far; return the part that still grows."""
        for cut in self._cuts:
            text = text_after(text, cut)
        while found := self._next(text):
            self._cuts.append(found)
            self.finished_parts.append(part_before(text, found))
            text = text_after(text, found)
        return text

    def _next(self, text: str) -> Cut | None:
        opening = len(self._cuts[-1].opening) if self._cuts else 0
        return find_cut(text, self._overflow_length, repeated_chars=opening, append_only=self._append_only)


def _best_cut_before_end(window: str, repeated_chars: int) -> int:
    """Choose the best place in ``window``."""
    size = len(window)
    found = [border for border in find_break_points(window) if repeated_chars < border.position < size]
    for guarded in (False, True):
        for grain, least in _MIN_FILL.items():
            fitting = [
                b.position
                for b in found
                if b.quality is grain and b.protected is guarded and b.position >= least * size
            ]
            if fitting:
                return max(fitting)
        if not guarded:
            whole = _last_unprotected(window, found, repeated_chars)
            if whole is not None:
                return whole
    return max(repeated_chars + 1, last_safe_position(window, size - 1))


def _last_unprotected(window: str, found: list[BreakPoint], repeated_chars: int) -> int | None:
    """A place of any grain but late, where no better one is late enough."""
    late = [b.position for b in found if not b.protected and b.position >= 0.25 * len(window)]
    if late and max(late) > repeated_chars:
        return max(late)
    return None


def _first_good_cut(
    text: str, overflow_length: OverflowLength, overflow_at: int | None, repeated_chars: int
) -> tuple[int | None, int]:
    """Choose the first place that is good enough; return it and how far it looked."""
    first = overflow_length(text, min(_MIN_FILL_AHEAD.values()))
    if first is None:
        return None, 0
    since = {grain: overflow_length(text, share) for grain, share in _MIN_FILL_AHEAD.items()}
    size = len(text) if overflow_at is None else overflow_at
    best: int | None = None
    for border in find_break_points(text[:size]):
        start = since[border.quality]
        if (
            start is None
            or border.protected
            or border.position < max(start, repeated_chars + 1)
            or border.position >= len(text)
        ):
            continue
        best = border.position if best is None else min(best, border.position)
    if best is not None:
        return best, _indentation_end(text, best)
    last = overflow_length(text, _LAST_RESORT_FILL)
    if last is None:
        return None, 0
    for place in range(max(last, repeated_chars + 1), min(size, len(text))):
        if _can_break_at(text, place):
            return place, place + 1
    place = max(repeated_chars + 1, size - 1)
    return (None, 0) if overflow_at is None else (place, place + 1)


def _can_break_at(text: str, place: int) -> bool:
    """Tell whether a line may be broken between any two of its characters here."""
    before = text[text.rfind("\n", 0, place) + 1 : place].strip(" \t>")
    if text[place].isspace() or not before or is_partial_marker(before):
        return False
    return last_safe_position(text[: place + 1], place) == place


def _indentation_end(text: str, at: int) -> int:
    """How far a line that begins at ``at`` must be read to know its indentation."""
    match = _FIRST_VISIBLE.match(text, at)
    return match.end() if match else at + 1


def _cut_at(text: str, at: int, read_to: int) -> Cut:
    """Describe the cut at ``at``, reading no further than ``upto``."""
    lines = scan_lines(text[:read_to])
    lines = tuple(line for line in lines if line.start <= at)
    line = lines[-1]
    inside = at > line.start
    if line.kind in (LineKind.CODE, LineKind.FENCE_END):
        return _cut_in_code(line, at, inside=inside)
    opening, dedent = "", line.indent
    if inside:
        dedent = line.list_indent
        opening = "> " * min(line.quote_prefix.count(">"), _MAX_REPEATED_MARKERS)
        marks = _open_markers(text, lines, at)
        return Cut(
            position=at,
            closing="".join(reversed(marks)),
            opening=opening + "".join(marks),
            dedent=0 if line.quote_prefix else dedent,
            mid_line=True,
        )
    if line.kind is LineKind.TABLE_ROW:
        opening = _table_header(text, lines)
    return Cut(position=at, opening=opening, dedent=0 if line.quote_prefix else dedent)


def _cut_in_code(line: MarkdownLine, at: int, *, inside: bool) -> Cut:
    fence = line.fence
    if fence is None:
        raise ValueError("not in a fence")
    box = fence.quote_prefix[:_MAX_QUOTE_PREFIX]
    opener = fence.opener if len(fence.opener) <= _MAX_FENCE_OPENER else fence.marker[:_MAX_FENCE_OPENER]
    return Cut(
        position=at,
        closing=f"\n{fence.quote_prefix}{' ' * fence.list_indent}{fence.marker}"
        if len(fence.marker) < _MAX_FENCE_OPENER
        else "",
        opening=f"{box}{opener}\n" + (box if inside else ""),
        dedent=0 if fence.quote_prefix else fence.indent,
        mid_line=inside,
        in_code=True,
    )


def _table_header(text: str, lines: Sequence[MarkdownLine]) -> str:
    """The header and delimiter row of the table that the last line belongs to."""
    for index in range(len(lines) - 1, 0, -1):
        if lines[index].kind is LineKind.TABLE_DELIMITER:
            head, rule = lines[index - 1], lines[index]
            rows = [f"{row.quote_prefix}{text[row.content_start : row.end]}\n" for row in (head, rule)]
            header = "".join(rows)
            return header if len(header) <= _MAX_TABLE_HEADER else ""
    return ""


def _open_markers(text: str, lines: Sequence[MarkdownLine], at: int) -> list[str]:
    """Emphasis and code that are open at ``at``, outermost first."""
    first = len(lines) - 1
    while (
        first > 0
        and lines[first].kind is LineKind.TEXT
        and lines[first - 1].kind in (LineKind.TEXT, LineKind.ITEM)
    ):
        first -= 1
    opened = read_inline(text, lines[first].content_start, at, may_grow=True).open_markers
    marks = [item.marker for item in opened if item.marker[0] in "*_~|`"]
    return marks if len(marks) <= _MAX_REPEATED_MARKERS else []


def _dedent(text: str, width: int, *, skip_first: bool) -> str:
    """Take ``width`` columns off each line; less once a line has less."""
    out: list[str] = []
    rest = text
    while rest:
        line, newline, rest = rest.partition("\n")
        content = line.lstrip(" \t")
        if out or not skip_first:
            if content:
                indent = column_width(line[: len(line) - len(content)])
                width = min(width, indent)
                line = " " * (indent - width) + content
            else:
                line = ""
        out.append(line + newline)
        if not width:
            out.append(rest)
            break
    return "".join(out)
