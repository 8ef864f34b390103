"""Makes the next call of one answer from its newest text. Pure: no I/O; time is passed in as seconds.

A call is composed at the moment it may be sent; nothing is ever queued.
"""

from collections.abc import Callable, Sequence

from core.delivery.growing_text import GrowingText
from core.delivery.message_operations import MessageOperation
from core.delivery.message_sequence import MessageSequence
from core.delivery.pacing import is_worth_showing
from core.delivery.platform_call import Priority
from core.delivery.task_cards import TaskCards, render_line
from core.domain.bot_messages import MessageRef, PlatformAction, RenderedMessage, TaskCard
from core.ports.platform import DeliveryMode, Renderer

FIRST_UPDATE_TIMEOUT_S = 0.7  #: after this, even a single word is worth a first update
FIRST_UPDATE_CHARS = 200  #: characters that decide whether a first update is worth it
STEP_CHARS = 12_000  #: of text that is rendered at once, beyond what has been rendered; some pages
FRESH_TEXT_S = 0.05  #: added to the age of pending text, so that new text has a value too


class AnswerComposer:
    """One answer's text and messages."""

    def __init__(self, build_renderer: Callable[[], Renderer], messages: MessageSequence) -> None:
        self.text = GrowingText()
        self.tasks = TaskCards()
        self.messages = messages
        self._build_renderer = build_renderer
        self._renderer = build_renderer()
        self._has_more = False  # the last composition left further calls
        self._rendered_chars = 0  # of the text whose finished pages are all on the screen

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be sent of a complete text."""
        return self.text.complete and not self._has_more

    def finish(self) -> None:
        """Take note that the text is complete."""
        self.text.complete = True
        self.tasks.finish()
        self._has_more = True

    def show_task(self, card: TaskCard) -> None:
        """Show a step of the answer: as a card if the message can, else as a line."""
        self.tasks.show(card)
        if not (self.messages.current_mode or self.messages.expected_mode).shows_tasks:
            self.text.placeholder = self.tasks.running_title or self.text.placeholder

    def next_priority(self, now: float) -> Priority | None:
        """Return the priority of the next call; None if only more text can bring one."""
        text, messages = self.text, self.messages
        if text.complete:
            return Priority.FINAL if self._has_more else None
        if self._has_more:
            return Priority.FIRST
        if text.is_empty and text.placeholder != text.shown_placeholder:
            return Priority.PREVIEW if messages.posted else Priority.FIRST
        if self.tasks.changed:
            return Priority.PREVIEW if messages.posted else Priority.FIRST
        if text.pending_chars == 0:
            return Priority.PREVIEW if now >= messages.expires_at else None
        if messages.posted and not text.shown_placeholder:
            return Priority.PREVIEW
        beginning = text.value[:FIRST_UPDATE_CHARS]
        ready = text.pending_s(now) >= FIRST_UPDATE_TIMEOUT_S or is_worth_showing(beginning)
        return Priority.FIRST if ready and text.value.strip() else None

    def patient_until(self) -> float | None:
        """Return until when a few words wait for more before they are shown; None if none wait."""
        text = self.text
        if not text.pending_chars or self.messages.posted or text.pending_since is None:
            return None
        return text.pending_since + FIRST_UPDATE_TIMEOUT_S

    def preview_value(self, now: float) -> float:
        """Return pending characters times the seconds they have waited."""
        return self.text.pending_chars * (self.text.pending_s(now) + FRESH_TEXT_S)

    def compose(self, create_mode: DeliveryMode | None, now: float) -> MessageOperation | None:
        """Return the next call, made from the newest text; None if nothing is to be sent now.

        ``create_mode`` is the mode of a message that is created by it; None if no budget of a new
        message was checked for room.
        """
        text, messages = self.text, self.messages
        mode = messages.current_mode or create_mode or messages.modes[0]
        self.tasks.changed = False
        if text.is_empty and not text.complete and not self.tasks.are_shown_by(mode):
            text.placeholder = text.placeholder or self.tasks.running_title
            text.shown_placeholder = text.placeholder
            return messages.show_placeholder(render_line(self._build_renderer(), text.placeholder))
        operation, is_last = self._show_next(text.take(), create_mode or messages.modes[0], now)
        if operation is None:
            self._has_more = False
            return None
        if operation.action is PlatformAction.POST and not operation.final and create_mode is None:
            self._has_more = True  # asked again, as the first call of a message
            return None
        self._has_more = text.complete or not is_last
        return operation.showing(text.take_pending_since()) if operation.shows_text else operation

    def _show_next(
        self, markdown: str, create_mode: DeliveryMode, now: float
    ) -> tuple[MessageOperation | None, bool]:
        """Return the next call, and whether it shows the last page of the text.

        A text that is far ahead of the screen is rendered as far as the next page needs it: all of it would
        hold up the event loop, and other people's answers.
        """
        while len(markdown) > (end := self._rendered_chars + STEP_CHARS):
            pages = self._render(markdown[:end], create_mode, complete=False)
            operation = self.messages.show(pages, complete=False, create_mode=create_mode, now=now)
            if operation is not None and operation.index < len(pages) - 1:
                return operation, False
            self._rendered_chars = end
        complete = self.text.complete
        pages = self._render(markdown, create_mode, complete=complete)
        operation = self.messages.show(pages, complete=complete, create_mode=create_mode, now=now)
        return operation, operation is None or operation.index == len(pages) - 1

    def give_back(self, operation: MessageOperation) -> None:
        """Take note that a composed call was not sent, or had no effect."""
        self.tasks.show_again()
        if self.text.complete or not self.messages.posted:
            self._has_more = self.text.complete
        self.text.give_back(operation.text_since)

    def skip(self, operation: MessageOperation) -> None:
        """Take note that a preview was refused; it is not tried again before more text arrives."""
        self.text.restore_pending_since(operation.text_since)

    def compose_again(self, operation: MessageOperation) -> None:
        """Take note that a call had no effect and must be followed by another one without more text."""
        self.text.give_back(operation.text_since)
        self.tasks.show_again()
        self._has_more = True

    def applied(self, operation: MessageOperation, ref: MessageRef | None, now: float) -> None:
        """Take note of a call's effect; ``ref`` is the message as it is now."""
        self.messages.applied(operation, ref, now)
        if operation.shows_text and not self.text.is_empty:
            self.text.shown_placeholder = ""
        if operation.completes:
            self._has_more = False

    def _render(
        self, markdown: str, create_mode: DeliveryMode, *, complete: bool
    ) -> Sequence[RenderedMessage]:
        """Return the pages of a text with the steps of the answer."""
        pages = self._renderer.render(markdown, complete=complete)
        mode = self.messages.current_mode or create_mode
        if self.tasks.are_shown_by(mode):
            return self.tasks.add_to(pages, complete=complete)
        if complete or not self.tasks.running_title:
            return pages
        return self.tasks.add_line_to(pages, self._build_renderer(), mode)
