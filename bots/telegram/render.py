"""Renders a growing answer as Telegram messages: text with entities, of at most 4096 units each.

Telegram accepts 4096 characters after parsing the entities (counted here as UTF-16 units, the stricter
interpretation) and about 100 entities; it ignores further ones
(https://core.telegram.org/bots/api#sendmessage).
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from bots.telegram.at_names import FULLWIDTH_AT, neutralize_at_names
from bots.telegram.entities import EntityDict, limit_entities, utf16_length
from bots.telegram.outgoing_markdown import MAX_TABLE_COLUMNS, to_entities
from bots.telegram.rich_markdown import to_rich_markdown
from bots.telegram.table_growth import TableGrowth
from core.domain.bot_messages import RenderedMessage
from core.markdown.foreign_markup import remove_comments
from core.markdown.lines import (
    FENCE_KINDS,
    LineKind,
    MarkdownLine,
    normalize,
    scan_lines,
)
from core.markdown.mentions import MentionCodec
from core.markdown.nesting import is_too_deeply_nested
from core.markdown.partial_text import close_open_markup
from core.markdown.split import IncrementalSplitter
from core.text.visible_text import has_visible_text

TEXT_LIMIT_UNITS = 4096
TARGET_UNITS = 3900
ENTITY_LIMIT = 95
_NO_OVERFLOW = 1 << 30

_USER_LINK = re.compile(r"tg:(?=/*user)", re.IGNORECASE)
"""Beginning of a URL that mentions a person."""

_ENTITY_HINT = re.compile(r"`[^`\n]+`|\*\*|(?<!\*)\*(?=\S)|\b_|_\b|~~|\|\||\]\(|\\[(\[]|\$(?=\S)")
_PAIRED_MARKERS = ("**", "*", "_", "~~", "||")  # two of them make one entity


_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)


class TelegramRenderer:
    """Renders one answer. Implements :class:`core.ports.platform.Renderer`."""

    def __init__(
        self, mentions: MentionCodec | None = None, *, max_table_columns: int = MAX_TABLE_COLUMNS
    ) -> None:
        """Render one answer.

        Args:
            mentions: recognises our own mentions; None if there are none.
            max_table_columns: characters that a table may be wide; a wider one becomes a list.
        """
        self._mentions = mentions
        self._max_table_columns = max_table_columns
        self._splitter = IncrementalSplitter(partial(find_overflow, max_table_columns=max_table_columns))
        self._finished: list[RenderedMessage] = []
        self._rendered_parts = 0  # number of finished parts that are rendered

    def render(self, markdown: str, *, complete: bool) -> Sequence[RenderedMessage]:
        """Return the messages of the answer so far; only the last one is rendered again."""
        live = self._splitter.feed(remove_comments(normalize(markdown), complete=complete))
        for part in self._splitter.finished_parts[self._rendered_parts :]:
            self._finished.extend(self._render_part(part))
        self._rendered_parts = len(self._splitter.finished_parts)
        return [*self._finished, *self._render_part(live if complete else close_open_markup(live))]

    def _render_part(self, source: str) -> list[RenderedMessage]:
        """Render one part; [] if it has no visible text."""
        if not source.strip():
            return []
        bare = source.strip().replace("@", FULLWIDTH_AT)
        if is_too_deeply_nested(source):
            text, entities = bare, list[EntityDict]()
        else:
            text, entities = to_entities(source, self._mentions, max_table_columns=self._max_table_columns)
        if utf16_length(text) > TEXT_LIMIT_UNITS:
            text, entities = bare, []
        if not has_visible_text(text):
            return []
        payload = tuple(limit_entities(entities, ENTITY_LIMIT))
        return [RenderedMessage(markdown=source, text=text, payload=payload)]


class TelegramRichRenderer(TelegramRenderer):
    """Renders finished messages as rich ones, if they gain by it."""

    def render(self, markdown: str, *, complete: bool) -> Sequence[RenderedMessage]:
        """Return the messages of the answer so far; a finished one carries its rich Markdown too."""
        pages = super().render(markdown, complete=complete)
        finished = len(pages) if complete else len(pages) - 1
        return [*(_with_rich_markdown(page, self._mentions) for page in pages[:finished]), *pages[finished:]]


def _with_rich_markdown(message: RenderedMessage, mentions: MentionCodec | None) -> RenderedMessage:
    pieces = _CODE.split(_USER_LINK.sub("tg:\u200b", to_rich_markdown(message.markdown)))
    rich = "".join(piece if index % 2 else neutralize_at_names(piece) for index, piece in enumerate(pieces))
    if mentions is not None:
        rich = mentions.replace(rich, lambda person, label: f"[{label}](tg://user?id={person})")
    return replace(message, payload=(*message.payload, {"rich": rich})) if rich else message


def find_overflow(text: str, share: float, *, max_table_columns: int = MAX_TABLE_COLUMNS) -> int | None:
    """Return the shortest length of ``text`` that may exceed ``share`` of a message; None if none does.

    A cheap upper bound that depends only on the text before that length: its characters, those that list
    indentation and table columns add, and the number of entities.
    """
    if len(text) < 200:
        return None
    text = text[: TARGET_UNITS + 1]  # no longer text fits
    room, marks = TARGET_UNITS * share, ENTITY_LIMIT * share
    table = TableGrowth(max_table_columns)
    for line in scan_lines(text):
        over = min(_units_overflow(text, line, room), _entities_overflow(text, line, marks))
        if over <= len(text):
            return over
        raw = text[line.start : line.end]
        marks -= _count_entities(text, line)
        if not line.unterminated:
            room -= (
                utf16_length(raw) + raw.count("@") + 1 + _indent_growth(raw, line) + table.add_line(raw, line)
            )
        if room < 0:
            return line.end + 1
    return None


def _indent_growth(raw: str, line: MarkdownLine) -> int:
    """Return the characters that list indentation may add to a line."""
    lazy = line.list_indent if line.kind is LineKind.TEXT and line.indent < line.list_indent else 0
    return lazy + (4 * raw.count("\t") if raw.startswith("\t") else 0)


def _units_overflow(text: str, line: MarkdownLine, remaining: float) -> int:
    """Return the length at which a line's characters exceed ``remaining`` units."""
    if remaining >= 2 * (line.end - line.start):
        return _NO_OVERFLOW
    for at in range(line.start, line.end):
        remaining -= 2 if text[at] > "\uffff" or text[at] == "@" else 1  # an "@" may need one more character
        if remaining < 0:
            return at + 1
    return _NO_OVERFLOW


def _entities_overflow(text: str, line: MarkdownLine, remaining: float) -> int:
    """Return the length at which a line's entities exceed ``remaining``; each counts one character late."""
    remaining -= _line_entities(line)
    if remaining < 0:
        return line.content_start + 1
    for hint in _entity_hints(text, line):
        remaining -= 0.5 if hint.group() in _PAIRED_MARKERS else 1.0
        if remaining < 0:
            return hint.end() + 1
    return _NO_OVERFLOW


def _count_entities(text: str, line: MarkdownLine) -> float:
    return _line_entities(line) + sum(
        0.5 if hint.group() in _PAIRED_MARKERS else 1.0 for hint in _entity_hints(text, line)
    )


def _line_entities(line: MarkdownLine) -> int:
    return (line.kind in (LineKind.HEADING, LineKind.FENCE)) + bool(line.quote_prefix)


def _entity_hints(text: str, line: MarkdownLine) -> Iterator[re.Match[str]]:
    in_table = line.kind is LineKind.TABLE_ROW and text[line.content_start : line.content_start + 1] == "|"
    return (
        iter(())
        if line.kind in FENCE_KINDS or in_table
        else _ENTITY_HINT.finditer(text, line.start, line.end)
    )
