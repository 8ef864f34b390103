"""Turns a growing answer into Telegram messages: text with entities, at most 4096 units each.

Limits: 4096 characters after entities are parsed (counted as UTF-16 units, the stricter
reading) and about 100 entities, the rest being ignored
(https://core.telegram.org/bots/api#sendmessage).
"""

import re
from collections.abc import Sequence

from bots.telegram.entities import fewest, units
from bots.telegram.markup import convert
from core.markdown.lines import FENCED, TABLE, Kind, Line, has_words, scan, unified
from core.markdown.settle import settled
from core.markdown.split import Parts
from core.model import Page

TEXT_LIMIT_UNITS = 4096
TARGET_UNITS = 3900
ENTITY_LIMIT = 95

_ENTITY_HINT = re.compile(r"`[^`\n]+`|\*\*|(?<!\*)\*(?=\S)|\b_|_\b|~~|\|\||\]\(")
_HALF_EACH = ("**", "*", "_", "~~", "||")


class TelegramPager:
    """The pages of one growing answer; implements :class:`core.ports.Pager`."""

    def __init__(self) -> None:
        self._parts = Parts(reach)
        self._pages: list[Page] = []
        self._seen = 0  # finished parts that were rendered

    def pages(self, markdown: str, *, complete: bool) -> Sequence[Page]:
        """Return the answer so far; only the last part is rendered anew."""
        live = self._parts.feed(unified(markdown))
        for part in self._parts.finished[self._seen :]:
            self._pages.extend(_page(part))
        self._seen = len(self._parts.finished)
        return [*self._pages, *_page(live if complete else settled(live))]


def _page(source: str) -> list[Page]:
    """Render one part; empty where it shows nothing."""
    if not source.strip():
        return []
    text, entities = convert(source)
    if units(text) > TEXT_LIMIT_UNITS:
        text, entities = source.strip(), []
    if not has_words(text):
        return []
    return [Page(source=source, text=text, form=tuple(fewest(entities, ENTITY_LIMIT)))]


def reach(text: str, share: float) -> int | None:
    """Return the first length of ``text`` at which its message would be over ``share`` of a page.

    An estimate from above, cheap, and decided by what stands before: characters with what list
    indentation and table columns add, and the number of entities.
    """
    if len(text) < 200:
        return None
    text = text[: TARGET_UNITS + 1]  # no text longer than this fits
    limit, most = TARGET_UNITS * share, ENTITY_LIMIT * share
    size, marks = 0.0, 0.0
    table = _Table()
    for line in scan(text):
        raw = text[line.start : line.end]
        weight = units(raw) + 1 + (line.depth if line.kind is Kind.TEXT and line.indent < line.depth else 0)
        if raw.startswith("\t"):
            weight += 4 * raw.count("\t")
        new_marks = _marks(raw, line)
        if size + weight > limit or marks + new_marks > most:
            return _within(text, line, limit - size)
        size += weight
        marks += new_marks
        if not line.open:
            size += table.growth(raw, line)
            if size > limit:
                return line.end + 1
    return None


def _marks(raw: str, line: Line) -> float:
    if line.kind in FENCED:
        return 1.0 if line.kind is Kind.FENCE else 0.0
    if line.kind in TABLE:
        return 0.0
    hints = _ENTITY_HINT.findall(raw)
    count = sum(0.5 if hint in _HALF_EACH else 1.0 for hint in hints)
    return count + (line.kind is Kind.HEADING) + bool(line.box)


def _within(text: str, line: Line, room: float) -> int:
    """The length at which a line's words pass what room is left."""
    used = 0
    for at in range(line.start, line.end):
        used += 2 if text[at] > "\uffff" else 1
        if used > room:
            return at + 1
    if not line.open:
        return line.end + 1
    return line.end


class _Table:
    """How much longer a table becomes when its columns are padded."""

    def __init__(self) -> None:
        self.widths: list[int] = []
        self.rows = 0
        self.raw = 0
        self.added = 0

    def growth(self, raw: str, line: Line) -> int:
        """Return what one more line adds beyond its own characters."""
        if line.kind not in TABLE and not raw.lstrip().startswith("|"):
            self.widths, self.rows, self.raw, self.added = [], 0, 0, 0
            return 0
        cells = [2 * len(cell) for cell in raw.strip().strip("|").split("|")]
        self.widths.extend([0] * (len(cells) - len(self.widths)))
        for column, width in enumerate(cells):
            self.widths[column] = max(self.widths[column], width)
        self.rows += 1
        self.raw += len(raw)
        added = max(self.added, (self.rows + 1) * (sum(self.widths) + 3 * len(self.widths)) - self.raw)
        growth, self.added = added - self.added, added
        return growth
