"""Steps of one answer, such as calls of tools, and how they are shown. Pure.

A mode that shows tasks gets them as cards, each in the message that grew when it began. Everywhere else the
latest step that is running is one line: in place of the text while there is none, and below it afterwards.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from core.domain.bot_messages import DeliveryModeName, RenderedMessage, TaskCard, TaskState
from core.ports.platform import DeliveryMode, Renderer

MAX_LINE_CHARS: Final = 90  #: for which every renderer leaves room in a growing message
_REPLACED: Final = frozenset({DeliveryModeName.EDIT, DeliveryModeName.DRAFT})  #: a line can go away again


class TaskCards:
    """The steps of one answer."""

    def __init__(self) -> None:
        self.changed = False  #: whether a step has changed since the last composed call
        self._cards: dict[str, TaskCard] = {}
        self._pages: dict[str, int] = {}  # index of the message that shows a card

    @property
    def running_title(self) -> str:
        """Title of the latest step that is running; "" if none is."""
        running = (card.title for card in reversed(self._cards.values()) if card.state is TaskState.RUNNING)
        title = next(running, "")
        return title if len(title) <= MAX_LINE_CHARS else f"{title[: MAX_LINE_CHARS - 1]}…"

    def show(self, card: TaskCard) -> None:
        """Add a step, or replace it by a later state of it."""
        self._cards[card.id] = card
        self.changed = True

    def show_again(self) -> None:
        """Take note that a composed call had no effect."""
        self.changed = bool(self._cards)

    def finish(self) -> None:
        """Take note that the answer has ended: what still runs has failed."""
        for card in self._cards.values():
            if card.state is TaskState.RUNNING:
                self._cards[card.id] = replace(card, state=TaskState.FAILED)

    def are_shown_by(self, mode: DeliveryMode | None) -> bool:
        """Return whether there are steps and a mode shows them as cards."""
        return bool(self._cards) and mode is not None and mode.shows_tasks

    def add_to(self, pages: Sequence[RenderedMessage], *, complete: bool) -> list[RenderedMessage]:
        """Return an answer's messages with their cards; without text one message has the cards alone."""
        shown = list(pages) or ([] if complete else [RenderedMessage(markdown="", text="")])
        for card_id in self._cards:
            self._pages.setdefault(card_id, max(0, len(shown) - 1))
        return [
            replace(page, tasks=tuple(card for card in self._cards.values() if self._pages[card.id] == index))
            for index, page in enumerate(shown)
        ]

    def add_line_to(
        self, pages: Sequence[RenderedMessage], renderer: Renderer, mode: DeliveryMode
    ) -> Sequence[RenderedMessage]:
        """Return a growing answer's messages with a line below the last one, if a step is running."""
        line = render_line(renderer, self.running_title)
        if not pages or line is None or mode.name not in _REPLACED:
            return pages
        return [*pages[:-1], replace(pages[-1], text=f"{pages[-1].text}\n\n{line.text}")]


def render_line(renderer: Renderer, text: str) -> RenderedMessage | None:
    """Return one line of the bot's own as a platform sends it, with nobody's name in it; None for ""."""
    pages = renderer.render(text, complete=True)
    return pages[0] if pages else None
