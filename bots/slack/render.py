"""Turns a growing answer into Slack messages: neutralised Markdown for ``markdown_text``.

Slack takes 12,000 characters a call, but a streamed message breaks at about 10,600 bytes in all,
so a page ends before 9,000 bytes (https://docs.slack.dev/reference/methods/chat.appendStream).
"""

from collections.abc import Sequence

from bots.slack.markup import BESIDE_WIDE, GAP_BYTES, spaced
from core.domain.events import Page
from core.markdown.lines import has_words, unified
from core.markdown.mentions import Mentions
from core.markdown.neutral import neutral
from core.markdown.settle import held, settled
from core.markdown.split import Parts

PAGE_BYTES = 9_000
TARGET_BYTES = 8_700  #: leaves room to close fences and for gaps next to emphasis


class SlackPager:
    """The pages of one growing answer; implements :class:`core.ports.platform.Pager`.

    With ``streaming`` the text of a page only ever grows at its end.
    """

    def __init__(self, *, streaming: bool, mentions: Mentions | None = None) -> None:
        """``mentions`` tells which links are mentions of ours; None where there are none."""
        self._mentions = mentions
        self._parts = Parts(reach, forward=streaming)
        self._settle = held if streaming else settled
        self._pages: list[Page] = []
        self._seen = 0

    def pages(self, markdown: str, *, complete: bool) -> Sequence[Page]:
        """Return the answer so far; only the last part is made anew."""
        live = self._parts.feed(neutral(unified(markdown), complete=complete))
        for part in self._parts.finished[self._seen :]:
            self._pages.extend(_page(part, self._mentions))
        self._seen = len(self._parts.finished)
        return [*self._pages, *_page(live if complete else self._settle(live), self._mentions)]


def _page(source: str, mentions: Mentions | None) -> list[Page]:
    text = spaced(source).strip("\n").rstrip()
    if mentions is not None:
        text = mentions.replaced(text, lambda person, _: f"<@{person}>")
    return [Page(source=source, text=text)] if has_words(text) else []


def reach(text: str, share: float) -> int | None:
    """Return the first length of ``text`` at which its bytes pass ``share`` of a page."""
    limit = int(TARGET_BYTES * share)
    if len(text) * 6 < limit:
        return None
    text = text[: limit + 1]  # no text longer than this fits
    size = 0
    last = 0
    for match in BESIDE_WIDE.finditer(text):
        size += len(text[last : match.end()].encode())
        if size > limit:
            break
        last = match.end()
        size += GAP_BYTES
        if size > limit:
            return last
    else:
        size += len(text[last:].encode())
        if size <= limit:
            return None
        return _back_to(text, len(text), size, limit)
    return _back_to(text, match.end(), size, limit)


def _back_to(text: str, at: int, size: int, limit: int) -> int:
    """Walk back from ``at`` to the first length that is over the limit."""
    while at and size - len(text[at - 1].encode()) > limit:
        at -= 1
        size -= len(text[at].encode())
    return at
