"""Turns a growing answer into Telegram messages: text with entities, at most 4096 units each.

Limits: 4096 characters after entities are parsed (counted as UTF-16 units, the stricter
reading) and about 100 entities, the rest being ignored
(https://core.telegram.org/bots/api#sendmessage).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bots.telegram.form import fewest, rich_markdown, units
from bots.telegram.markup import convert, hushed
from core.domain.events import Page
from core.markdown.lines import FENCED, TABLE, Kind, Line, has_words, scan, unified
from core.markdown.mentions import Mentions
from core.markdown.settle import settled
from core.markdown.split import Parts

TEXT_LIMIT_UNITS = 4096
TARGET_UNITS = 3900
ENTITY_LIMIT = 95
_NEVER = 1 << 30

_TOO_DEEP = re.compile(r"^[ \t]*(?:(?:>[ \t]*){30}|(?:[-+*][ \t]+){30})|(?:\[[ \t]*){50}", re.MULTILINE)
"""Markup that nobody means; shown as it is."""

_PING = re.compile(r"tg:(?=(?://)?user\?)", re.IGNORECASE)
"""Begins an address that mentions a person."""

_WIDE_AT = "\uff20"  #: an "@" that Telegram finds no mention behind, in as much room
_HINT = re.compile(r"`[^`\n]+`|\*\*|(?<!\*)\*(?=\S)|\b_|_\b|~~|\|\||\]\(")
_HALVES = ("**", "*", "_", "~~", "||")  # two of them make one entity


_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)


class TelegramPager:
    """The pages of one growing answer; implements :class:`core.ports.platform.Pager`."""

    def __init__(self, mentions: Mentions | None = None) -> None:
        """``mentions`` tells which links are mentions of ours; None where there are none."""
        self._mentions = mentions
        self._parts = Parts(reach)
        self._pages: list[Page] = []
        self._seen = 0  # finished parts that were rendered

    def pages(self, markdown: str, *, complete: bool) -> Sequence[Page]:
        """Return the answer so far; only the last part is rendered anew."""
        live = self._parts.feed(unified(markdown))
        for part in self._parts.finished[self._seen :]:
            self._pages.extend(_page(part, self._mentions))
        self._seen = len(self._parts.finished)
        return [*self._pages, *_page(live if complete else settled(live), self._mentions)]


class RichPager(TelegramPager):
    """Pages that become rich messages when they are finished, where they gain by it."""

    def pages(self, markdown: str, *, complete: bool) -> Sequence[Page]:
        """Return the answer so far; a finished page carries its rich form."""
        pages = super().pages(markdown, complete=complete)
        finished = len(pages) if complete else len(pages) - 1
        return [*(_enriched(page, self._mentions) for page in pages[:finished]), *pages[finished:]]


def _enriched(page: Page, mentions: Mentions | None) -> Page:
    pieces = _CODE.split(_PING.sub("tg:\u200b", rich_markdown(page.source)))
    rich = "".join(piece if index % 2 else hushed(piece) for index, piece in enumerate(pieces))
    if mentions is not None:
        rich = mentions.replaced(rich, lambda person, label: f"[{label}](tg://user?id={person})")
    return replace(page, form=(*page.form, {"rich": rich})) if rich else page


def _page(source: str, mentions: Mentions | None) -> list[Page]:
    """Render one part; empty where it shows nothing."""
    if not source.strip():
        return []
    bare = source.strip().replace("@", _WIDE_AT)
    text, entities = (bare, []) if _TOO_DEEP.search(source) else convert(source, mentions)
    if units(text) > TEXT_LIMIT_UNITS:
        text, entities = bare, []
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
    room, marks = TARGET_UNITS * share, ENTITY_LIMIT * share
    table = _Table()
    for line in scan(text):
        over = min(_over_by_units(text, line, room), _over_by_marks(text, line, marks))
        if over <= len(text):
            return over
        raw = text[line.start : line.end]
        marks -= _count_marks(text, line)
        if not line.open:
            room -= units(raw) + raw.count("@") + 1 + _widening(raw, line) + table.growth(raw, line)
        if room < 0:
            return line.end + 1
    return None


def _widening(raw: str, line: Line) -> int:
    """Return how much longer a line may become by list indentation."""
    lazy = line.depth if line.kind is Kind.TEXT and line.indent < line.depth else 0
    return lazy + (4 * raw.count("\t") if raw.startswith("\t") else 0)


def _over_by_units(text: str, line: Line, room: float) -> int:
    """Return the length at which a line's characters pass ``room``."""
    if room >= 2 * (line.end - line.start):
        return _NEVER
    for at in range(line.start, line.end):
        room -= 2 if text[at] > "\uffff" or text[at] == "@" else 1  # hushed by one character more
        if room < 0:
            return at + 1
    return _NEVER


def _over_by_marks(text: str, line: Line, room: float) -> int:
    """Return the length at which a line's entities pass ``room``; each is known one character late."""
    room -= _line_marks(line)
    if room < 0:
        return line.body + 1
    for hint in _hints(text, line):
        room -= 0.5 if hint.group() in _HALVES else 1.0
        if room < 0:
            return hint.end() + 1
    return _NEVER


def _count_marks(text: str, line: Line) -> float:
    return _line_marks(line) + sum(0.5 if hint.group() in _HALVES else 1.0 for hint in _hints(text, line))


def _line_marks(line: Line) -> int:
    return (line.kind in (Kind.HEADING, Kind.FENCE)) + bool(line.box)


def _hints(text: str, line: Line) -> Iterator[re.Match[str]]:
    in_table = line.kind is Kind.TABLE_ROW and text[line.body : line.body + 1] == "|"
    return iter(()) if line.kind in FENCED or in_table else _HINT.finditer(text, line.start, line.end)


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
