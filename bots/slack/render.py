"""Turns a growing answer into Slack messages: neutralised Markdown for ``markdown_text``.

Slack takes 12,000 characters a call, but a streamed message breaks at about 10,600 bytes in all,
so a page ends before 9,000 bytes (https://docs.slack.dev/reference/methods/chat.appendStream).
"""

from collections.abc import Sequence

from bots.slack.outgoing_markdown import EMPHASIS_BESIDE_WIDE, ZERO_WIDTH_SPACE_BYTES, separate_emphasis
from core.domain.bot_messages import RenderedMessage
from core.markdown.lines import has_visible_text, normalize
from core.markdown.mention_neutralizer import neutralize_mentions
from core.markdown.mentions import MentionCodec
from core.markdown.partial_text import close_open_markup, stable_prefix
from core.markdown.split import IncrementalSplitter

MAX_MESSAGE_BYTES = 9_000
TARGET_BYTES = 8_700  #: leaves room to close fences and for gaps next to emphasis


class SlackRenderer:
    """The pages of one growing answer; implements :class:`core.ports.platform.Renderer`.

    With ``streaming`` the text of a page only ever grows at its end.
    """

    def __init__(self, *, streaming: bool, mentions: MentionCodec | None = None) -> None:
        """``mentions`` tells which links are mentions of ours; None where there are none."""
        self._mentions = mentions
        self._splitter = IncrementalSplitter(find_overflow, append_only=streaming)
        self._close_markup = stable_prefix if streaming else close_open_markup
        self._finished: list[RenderedMessage] = []
        self._rendered_parts = 0

    def render(self, markdown: str, *, complete: bool) -> Sequence[RenderedMessage]:
        """Return the answer so far; only the last part is made anew."""
        live = self._splitter.feed(neutralize_mentions(normalize(markdown), complete=complete))
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
    """Return the first length of ``text`` at which its bytes pass ``share`` of a page."""
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
    """Walk back from ``at`` to the first length that is over the limit."""
    while at and size - len(text[at - 1].encode()) > limit:
        at -= 1
        size -= len(text[at].encode())
    return at
