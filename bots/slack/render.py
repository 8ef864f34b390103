"""Renders a growing answer as Slack messages: Markdown for ``markdown_text`` without foreign mentions.

Slack accepts 12,000 characters a call, but a streamed message fails at about 10,600 bytes in all, so a
message ends before 9,000 bytes (https://docs.slack.dev/reference/methods/chat.appendStream).
"""

from collections.abc import Sequence

from bots.slack.outgoing_markdown import EMPHASIS_BESIDE_WIDE, ZERO_WIDTH_SPACE_BYTES, separate_emphasis
from core.domain.bot_messages import RenderedMessage
from core.markdown.foreign_markup import to_plain_markdown
from core.markdown.lines import normalize
from core.markdown.mention_neutralizer import neutralize_mentions
from core.markdown.mentions import MentionCodec
from core.markdown.partial_text import close_open_markup, stable_prefix
from core.markdown.split import IncrementalSplitter
from core.text.visible_text import has_visible_text

MAX_MESSAGE_BYTES = 9_000
TARGET_BYTES = 8_700  #: leaves room to close fences and for spaces beside emphasis


class SlackRenderer:
    """Renders one answer. Implements :class:`core.ports.platform.Renderer`."""

    def __init__(self, *, streaming: bool, mentions: MentionCodec | None = None) -> None:
        """Render one answer.

        Args:
            streaming: a message's text may only be appended to.
            mentions: recognises the links that are our own mentions; None if there are none.
        """
        self._mentions = mentions
        self._streaming = streaming
        self._splitter = IncrementalSplitter(find_overflow, append_only=streaming)
        self._close_markup = stable_prefix if streaming else close_open_markup
        self._finished: list[RenderedMessage] = []
        self._rendered_parts = 0

    def render(self, markdown: str, *, complete: bool) -> Sequence[RenderedMessage]:
        """Return the messages of the answer so far; only the last one is rendered again."""
        source = to_plain_markdown(normalize(markdown), complete=complete, append_only=self._streaming)
        live = self._splitter.feed(neutralize_mentions(source, complete=complete))
        for part in self._splitter.finished_parts[self._rendered_parts :]:
            self._finished.extend(_render_part(part, self._mentions))
        self._rendered_parts = len(self._splitter.finished_parts)
        return [
            *self._finished,
            *_render_part(live if complete else self._close_markup(live), self._mentions),
        ]


def _render_part(source: str, mentions: MentionCodec | None) -> list[RenderedMessage]:
    text = separate_emphasis(source).strip("\n").rstrip()
    if mentions is not None:
        text = mentions.replace(text, lambda person, _: f"<@{person}>")
    return [RenderedMessage(markdown=source, text=text)] if has_visible_text(text) else []


def find_overflow(text: str, share: float) -> int | None:
    """Return the shortest length of ``text`` that exceeds ``share`` of a message; None if none does."""
    limit = int(TARGET_BYTES * share)
    if len(text) * 6 < limit:
        return None
    text = text[: limit + 1]  # no text longer than this fits
    size = 0
    last = 0
    for match in EMPHASIS_BESIDE_WIDE.finditer(text):
        size += len(text[last : match.end()].encode())
        if size > limit:
            break
        last = match.end()
        size += ZERO_WIDTH_SPACE_BYTES
        if size > limit:
            return last
    else:
        size += len(text[last:].encode())
        if size <= limit:
            return None
        return _first_overflow(text, len(text), size, limit)
    return _first_overflow(text, match.end(), size, limit)


def _first_overflow(text: str, at: int, size: int, limit: int) -> int:
    """Return the shortest length up to ``at`` at which the text exceeds ``limit`` bytes."""
    while at and size - len(text[at - 1].encode()) > limit:
        at -= 1
        size -= len(text[at].encode())
    return at
