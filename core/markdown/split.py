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

from core.markdown.borders import Border, Grain, borders, growing_end
from core.markdown.inline import read
from core.markdown.lines import Kind, Line, columns, is_half_marker, scan

Reach: TypeAlias = Callable[[str, float], "int | None"]
"""Given a part and a share of the limit: the first length at which it is over, or None."""

_LEAST = {Grain.PARAGRAPH: 0.5, Grain.ITEM: 0.5, Grain.SENTENCE: 0.6, Grain.LINE: 0.6, Grain.SPACE: 0.6}
"""How full (by characters) a part must be for a cut of this grain."""

_AHEAD = {Grain.PARAGRAPH: 0.8, Grain.ITEM: 0.86, Grain.SENTENCE: 0.9, Grain.LINE: 0.92, Grain.SPACE: 0.95}
"""The same when looking ahead, by the limit's measure."""

_SIGN = re.compile(r"[ \t>]*\S?")
_LAST_RESORT = 0.98
_MOST_REPEATED = 6  #: quote marks or emphasis that a next part opens again
_LONGEST_BOX = 20  #: characters of quote marks before a fence
_LONGEST_OPENER = 80  #: characters of a fence's opening line
_LONGEST_HEADER = 600  #: characters of a table's header that are worth repeating


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where a part ends and how the next begins."""

    at: int  #: position in the part's text
    closing: str = ""  #: put after the part: closes a fence or emphasis
    opening: str = ""  #: put before the next part: opens it again
    dedent: int = 0  #: columns of indentation that the next part's lines lose
    inside: bool = False  #: in the middle of a line
    code: bool = False  #: inside a fence


def find_cut(text: str, reach: Reach, *, opening: int = 0, forward: bool = False) -> Cut | None:
    """Return the first cut of ``text``, or None while it fits.

    ``opening`` is how many characters at its start are repeated from the part before.
    """
    over = reach(text, 1.0)
    if forward:
        place, known = _ahead(text, reach, over, opening)
        return None if place is None else _cut_at(text, place, known)
    if over is None:
        return None
    window = text[:over]
    return _cut_at(window, _back(window, opening), over)


def closed(text: str, cut: Cut) -> str:
    """Return the part that ends at ``cut``."""
    return text[: cut.at].rstrip() + cut.closing


def continued(text: str, cut: Cut) -> str:
    """Return what follows ``cut`` as a text of its own; it grows at its end as ``text`` does."""
    rest = text[cut.at :]
    if cut.dedent:
        rest = _dedent(rest, cut.dedent, skip_first=cut.inside)
    if not cut.code:
        rest = rest.lstrip("\n")
    return cut.opening + rest if rest else ""


class Parts:
    """The cuts of one growing text, remembered."""

    def __init__(self, reach: Reach, *, forward: bool = False) -> None:
        self._reach = reach
        self._forward = forward
        self._cuts: list[Cut] = []
        self.finished: list[str] = []  #: all parts but the last

    def feed(self, text: str) -> str:
        """Take the whole text so far; return the part that still grows."""
        for cut in self._cuts:
            text = continued(text, cut)
        while found := self._next(text):
            self._cuts.append(found)
            self.finished.append(closed(text, found))
            text = continued(text, found)
        return text

    def _next(self, text: str) -> Cut | None:
        opening = len(self._cuts[-1].opening) if self._cuts else 0
        return find_cut(text, self._reach, opening=opening, forward=self._forward)


def _back(window: str, opening: int) -> int:
    """Choose the best place in ``window``."""
    size = len(window)
    found = [border for border in borders(window) if opening < border.at < size]
    for guarded in (False, True):
        for grain, least in _LEAST.items():
            fitting = [
                b.at for b in found if b.grain is grain and b.guarded is guarded and b.at >= least * size
            ]
            if fitting:
                return max(fitting)
        if not guarded:
            whole = _unguarded_end(window, found, opening)
            if whole is not None:
                return whole
    return max(opening + 1, growing_end(window, size - 1))


def _unguarded_end(window: str, found: list[Border], opening: int) -> int | None:
    """A place of any grain but late, where no better one is late enough."""
    late = [b.at for b in found if not b.guarded and b.at >= 0.25 * len(window)]
    if late and max(late) > opening:
        return max(late)
    return None


def _ahead(text: str, reach: Reach, over: int | None, opening: int) -> tuple[int | None, int]:
    """Choose the first place that is good enough; return it and how far it looked."""
    first = reach(text, min(_AHEAD.values()))
    if first is None:
        return None, 0
    since = {grain: reach(text, share) for grain, share in _AHEAD.items()}
    size = len(text) if over is None else over
    best: int | None = None
    for border in borders(text[:size]):
        start = since[border.grain]
        if start is None or border.guarded or border.at < max(start, opening + 1) or border.at >= len(text):
            continue
        best = border.at if best is None else min(best, border.at)
    if best is not None:
        return best, _first_sign(text, best)
    last = reach(text, _LAST_RESORT)
    if last is None:
        return None, 0
    for place in range(max(last, opening + 1), min(size, len(text))):
        if _may_break(text, place):
            return place, place + 1
    place = max(opening + 1, size - 1)
    return (None, 0) if over is None else (place, place + 1)


def _may_break(text: str, place: int) -> bool:
    """Tell whether a line may be broken between any two of its characters here."""
    before = text[text.rfind("\n", 0, place) + 1 : place].strip(" \t>")
    if text[place].isspace() or not before or is_half_marker(before):
        return False
    return growing_end(text[: place + 1], place) == place


def _first_sign(text: str, at: int) -> int:
    """How far a line that begins at ``at`` must be read to know its indentation."""
    match = _SIGN.match(text, at)
    return match.end() if match else at + 1


def _cut_at(text: str, at: int, upto: int) -> Cut:
    """Describe the cut at ``at``, reading no further than ``upto``."""
    lines = scan(text[:upto])
    lines = tuple(line for line in lines if line.start <= at)
    line = lines[-1]
    inside = at > line.start
    if line.kind in (Kind.CODE, Kind.FENCE_END):
        return _cut_in_code(line, at, inside=inside)
    opening, dedent = "", line.indent
    if inside:
        dedent = line.depth
        opening = "> " * min(line.box.count(">"), _MOST_REPEATED)
        marks = _open_marks(text, lines, at)
        return Cut(
            at=at,
            closing="".join(reversed(marks)),
            opening=opening + "".join(marks),
            dedent=0 if line.box else dedent,
            inside=True,
        )
    if line.kind is Kind.TABLE_ROW:
        opening = _header(text, lines)
    return Cut(at=at, opening=opening, dedent=0 if line.box else dedent)


def _cut_in_code(line: Line, at: int, *, inside: bool) -> Cut:
    fence = line.fence
    if fence is None:
        raise ValueError("not in a fence")
    box = fence.box[:_LONGEST_BOX]
    opener = fence.opener if len(fence.opener) <= _LONGEST_OPENER else fence.mark[:_LONGEST_OPENER]
    return Cut(
        at=at,
        closing=f"\n{fence.box}{' ' * fence.depth}{fence.mark}" if len(fence.mark) < _LONGEST_OPENER else "",
        opening=f"{box}{opener}\n" + (box if inside else ""),
        dedent=0 if fence.box else fence.indent,
        inside=inside,
        code=True,
    )


def _header(text: str, lines: Sequence[Line]) -> str:
    """The header and delimiter row of the table that the last line belongs to."""
    for index in range(len(lines) - 1, 0, -1):
        if lines[index].kind is Kind.TABLE_RULE:
            head, rule = lines[index - 1], lines[index]
            rows = [f"{row.box}{text[row.body : row.end]}\n" for row in (head, rule)]
            header = "".join(rows)
            return header if len(header) <= _LONGEST_HEADER else ""
    return ""


def _open_marks(text: str, lines: Sequence[Line], at: int) -> list[str]:
    """Emphasis and code that are open at ``at``, outermost first."""
    first = len(lines) - 1
    while first > 0 and lines[first].kind is Kind.TEXT and lines[first - 1].kind in (Kind.TEXT, Kind.ITEM):
        first -= 1
    opened = read(text, lines[first].body, at, growing=True).opened
    marks = [item.mark for item in opened if item.mark[0] in "*_~|`"]
    return marks if len(marks) <= _MOST_REPEATED else []


def _dedent(text: str, width: int, *, skip_first: bool) -> str:
    """Take ``width`` columns off each line; less once a line has less."""
    out: list[str] = []
    rest = text
    while rest:
        line, newline, rest = rest.partition("\n")
        content = line.lstrip(" \t")
        if out or not skip_first:
            if content:
                indent = columns(line[: len(line) - len(content)])
                width = min(width, indent)
                line = " " * (indent - width) + content
            else:
                line = ""
        out.append(line + newline)
        if not width:
            out.append(rest)
            break
    return "".join(out)
