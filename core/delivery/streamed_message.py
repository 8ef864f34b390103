"""One answer on its way to the screen: what stands there, what is missing, what comes next.

No I/O and no clock: :mod:`core.delivery.dispatcher` performs the steps and tells what came of them.
A step is composed at the moment it may go, from the newest text; nothing is ever queued.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import inf

from core.delivery.message_operations import MessageOperation, Priority, SentMessage
from core.delivery.pacing import is_worth_showing
from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef, PlatformAction, RenderedMessage
from core.domain.buttons import Button
from core.ports.platform import DeliveryMode, Renderer

FIRST_UPDATE_TIMEOUT_S = 0.7  #: after this, even a single word is worth a first frame


class StreamedMessage:
    """The state of one answer's messages."""

    def __init__(
        self,
        address: Address,
        renderer: Renderer,
        modes: Sequence[DeliveryMode],
        *,
        refs: Sequence[MessageRef] = (),
        running_buttons: tuple[Button, ...] = (),
        final_buttons: tuple[Button, ...] = (),
        opened_at: float = 0.0,
    ) -> None:
        self.address = address
        self.modes = tuple(modes)
        self.sent_messages = [SentMessage(ref=ref, posted_at=opened_at) for ref in refs]
        self.running_buttons = running_buttons
        self.final_buttons = final_buttons
        self.complete = False
        self.only_finalize_pending = False  #: the whole text stands there; the call that ends it has no room
        self.previews_enabled = True  #: False: say nothing more until the answer is complete
        self.post_uncertain = False  #: a post may have landed whose reference is unknown
        self.can_find_by_key = False  #: the platform can be asked for such a message
        self.pending_since: float | None = None  #: when the first unseen words came
        self.opened_at = opened_at
        self.placeholder = ""  #: a passing text, shown while there are no words
        self._shown_placeholder = ""
        self._renderer = renderer
        self._chunks: list[str] = []
        self._text = ""
        self._length = 0
        self._composed_length = 0
        self._more_operations = False  #: the last composition left further steps

    @property
    def text(self) -> str:
        """The answer's Markdown so far."""
        if self._chunks:
            self._text += "".join(self._chunks)
            self._chunks.clear()
        return self._text

    @property
    def pending_chars(self) -> int:
        """Characters that came after the last composed frame."""
        return self._length - self._composed_length

    @property
    def posted(self) -> bool:
        """Whether a message of this answer stands on the screen."""
        return any(slot.ref is not None for slot in self.sent_messages)

    @property
    def refs(self) -> tuple[MessageRef, ...]:
        """The messages on the screen, in order; frames that fade are none."""
        return tuple(
            slot.ref for slot in self.sent_messages if slot.ref is not None and not self._is_ephemeral(slot)
        )

    @property
    def expires_at(self) -> float:
        """When the newest frame has to be shown again lest it fade; infinite where it stays."""
        slot = next((slot for slot in reversed(self.sent_messages) if slot.ref is not None), None)
        fades_s = None if slot is None else self.mode_of(slot).ttl_s
        return inf if slot is None or fades_s is None else slot.updated_at + fades_s

    def append(self, text: str, now: float) -> None:
        """Take in the next piece of the answer."""
        self._chunks.append(text)
        self._length += len(text)
        if self.pending_since is None:
            self.pending_since = now

    def show_placeholder(self, text: str) -> None:
        """Show ``text`` for as long as there are no words; they will take its place."""
        self.placeholder = text

    def finish(self) -> None:
        """Note that the text is complete."""
        self.complete = True
        self._more_operations = True

    def next_priority(self, now: float) -> Priority | None:
        """Return what the message needs next; None where it can only wait for words."""
        if self.complete:
            return Priority.FINAL if self._more_operations else None
        if self.post_uncertain and self.can_find_by_key:
            return Priority.FIRST
        if not self.previews_enabled or self.post_uncertain:
            return None
        if self._more_operations:
            return Priority.FIRST
        if self._length == 0 and self.placeholder != self._shown_placeholder:
            return Priority.PREVIEW if self.posted else Priority.FIRST
        if self.pending_chars == 0:
            return Priority.PREVIEW if now >= self.expires_at else None
        if self.posted and not self._shown_placeholder:
            return Priority.PREVIEW
        waited_s = now - (self.pending_since if self.pending_since is not None else now)
        ready = waited_s >= FIRST_UPDATE_TIMEOUT_S or is_worth_showing(self.text[:200])
        return Priority.FIRST if ready and self.text.strip() else None

    def preview_value(self, now: float) -> float:
        """Return how much a preview would help: words unseen times the time they wait."""
        return self.pending_chars * (
            now - (self.pending_since if self.pending_since is not None else now) + 0.05
        )

    def mode_of(self, message: SentMessage) -> DeliveryMode:
        """Return the way a posted message grows."""
        name = message.ref.mode if message.ref is not None else self.modes[-1].name
        return next((rung for rung in self.modes if rung.name == name), self.modes[-1])

    def compose(self, create_mode: DeliveryMode, now: float) -> MessageOperation | None:
        """Return the next call, made of the newest text; None where nothing is to be done.

        ``opening`` is the rung that a new message would take now.
        """
        if self.post_uncertain and self.can_find_by_key:
            return MessageOperation(
                action=PlatformAction.FIND,
                priority=Priority.FIRST,
                index=self._first_unposted_index(),
                cost=(),
            )
        if self._length == 0 and not self.complete:
            return self._placeholder_operation()
        self._composed_length = self._length
        pages = self._renderer.render(self.text, complete=self.complete)
        while len(self.sent_messages) < len(pages):
            self.sent_messages.append(SentMessage())
        for index, page in enumerate(pages):
            step = self._operation_for(
                index, page, is_last=index == len(pages) - 1, create_mode=create_mode, now=now
            )
            if step is not None:
                self._more_operations = self.complete or index < len(pages) - 1
                ends = self.complete and step.final and index == len(self.sent_messages) - 1
                return replace(step, completes_answer=ends)
        self._more_operations = False
        return self._delete_surplus(len(pages)) if self.complete else None

    def without_finalize(self, operation: MessageOperation) -> MessageOperation | None:
        """Return a step that shows the same text and leaves its message growing; None where none helps.

        For when the call that ends a message is paid from a budget without room, and the calls that
        let it grow are not: the words need not wait.
        """
        slot = self.sent_messages[operation.index]
        if (
            operation.action is not PlatformAction.EDIT
            or not operation.final
            or operation.rendered is None
            or slot.ref is None
        ):
            return None
        grow = self.mode_of(slot).update_cost
        if (
            not grow
            or grow == operation.cost
            or (slot.rendered is not None and slot.rendered.text == operation.rendered.text)
        ):
            self.only_finalize_pending = self.complete
            return None
        return replace(
            operation,
            priority=Priority.PREVIEW,
            cost=grow,
            final=False,
            completes_answer=False,
            buttons=slot.buttons,
        )

    def _placeholder_operation(self) -> MessageOperation | None:
        """Return the call that shows the announcement, in a message that can be edited freely."""
        text, self._shown_placeholder = self.placeholder, self.placeholder
        page = RenderedMessage(markdown=text, text=text)
        if not self.sent_messages:
            self.sent_messages.append(SentMessage())
        slot, rung = self.sent_messages[0], self.modes[-1]
        if not text or slot.rendered == page:
            return None
        return MessageOperation(
            action=PlatformAction.POST if slot.ref is None else PlatformAction.EDIT,
            priority=Priority.FIRST if slot.ref is None else Priority.PREVIEW,
            index=0,
            cost=rung.create_cost if slot.ref is None else rung.update_cost,
            mode=rung.name,
            rendered=page,
            buttons=self.running_buttons,
        )

    def mark_applied(self, operation: MessageOperation, ref: MessageRef | None, now: float) -> None:
        """Note that a step took effect; ``ref`` is the message as it is now."""
        slot = self.sent_messages[operation.index]
        match operation.action:
            case "delete":
                self.sent_messages.pop(operation.index)
            case "reclaim":
                slot.ref = ref
            case "find":
                slot.ref, slot.rendered = ref, None
                self.post_uncertain = False
            case _:
                if slot.ref is None:
                    slot.posted_at = now
                slot.ref, slot.rendered, slot.buttons = ref, operation.rendered, operation.buttons
                slot.updated_at = now
                slot.finalized = operation.final
                self.post_uncertain = False
                if self._length:
                    self._shown_placeholder = ""
        if operation.completes_answer:
            self._more_operations = False
        if self.pending_chars == 0:
            self.pending_since = None
        elif operation.action in (PlatformAction.POST, PlatformAction.EDIT):
            self.pending_since = now

    def mark_deleted(self, operation: MessageOperation) -> None:
        """Note that a message was deleted under us: its text will be posted anew."""
        self.sent_messages[operation.index] = SentMessage()
        self._more_operations = True

    def fall_back_to_plain(self, operation: MessageOperation) -> bool:
        """Note that the platform refused a page's form; False where nothing plainer is left."""
        slot = self.sent_messages[operation.index]
        if slot.plain_text or operation.rendered is None or not operation.rendered.payload:
            return False
        slot.plain_text = True
        self._more_operations = True
        return True

    def abandon_mode(self, operation: MessageOperation) -> bool:
        """Give a rung up whose frames fade, where ``step`` is one of them; the next one takes over."""
        left = next((rung for rung in self.modes if rung.name == operation.mode and rung.ttl_s), None)
        if left is None:
            return False
        for slot in self.sent_messages:
            if slot.ref is not None and slot.ref.mode == left.name:
                slot.ref = slot.rendered = None
        self.modes = tuple(rung for rung in self.modes if rung is not left)
        self._more_operations = True
        return True

    def mark_not_shown(self) -> None:
        """Note that the last composed step was not shown and has to be composed anew."""
        if self.complete or not self.posted:
            self._more_operations = self.complete
        self._composed_length = min(self._composed_length, max(0, self._length - 1))

    def _is_ephemeral(self, message: SentMessage) -> bool:
        return self.mode_of(message).ttl_s is not None

    def _first_unposted_index(self) -> int:
        for index, slot in enumerate(self.sent_messages):
            if slot.ref is None or self._is_ephemeral(slot):
                return index
        self.sent_messages.append(SentMessage())
        return len(self.sent_messages) - 1

    def _operation_for(
        self, index: int, rendered: RenderedMessage, *, is_last: bool, create_mode: DeliveryMode, now: float
    ) -> MessageOperation | None:
        slot = self.sent_messages[index]
        rendered = replace(rendered, payload=()) if slot.plain_text else rendered
        final = self.complete or not is_last
        controls = self._buttons(final, is_last)
        rung = self.mode_of(slot)
        if slot.ref is None or (final and rung.ttl_s is not None):
            # A page that is complete when it first appears takes the plainest way: one call.
            rung = self.modes[-1] if final else create_mode
            return MessageOperation(
                action=PlatformAction.POST,
                priority=Priority.FINAL if final else Priority.FIRST,
                index=index,
                cost=rung.create_cost,
                mode=rung.name,
                rendered=rendered,
                final=final,
                buttons=controls,
            )
        if slot.rendered is None and rung is not self.modes[-1]:
            return MessageOperation(
                action=PlatformAction.FINALIZE_ORPHAN,
                priority=Priority.FINAL,
                index=index,
                cost=rung.finalize_cost,
            )
        aged = rung.max_age_s is not None and now - slot.posted_at >= rung.max_age_s
        fading = rung.ttl_s is not None and now >= slot.updated_at + rung.ttl_s
        same = slot.rendered == rendered and slot.buttons == controls and not fading
        if same and (slot.finalized or not final or rung is self.modes[-1]) and not aged:
            slot.finalized = slot.finalized or final
            return None
        return MessageOperation(
            action=PlatformAction.EDIT,
            priority=Priority.FINAL if final or aged else Priority.PREVIEW,
            index=index,
            cost=rung.finalize_cost if final or aged else rung.update_cost,
            mode=rung.name,
            rendered=rendered,
            final=final or aged,
            buttons=controls,
        )

    def _buttons(self, final: bool, is_last: bool) -> tuple[Button, ...]:
        if not is_last:
            return ()
        return self.final_buttons if final else self.running_buttons

    def _delete_surplus(self, pages: int) -> MessageOperation | None:
        """Return the step that takes away a message which a shorter answer no longer needs."""
        if len(self.sent_messages) <= pages:
            return None
        index = len(self.sent_messages) - 1
        self._more_operations = True
        slot = self.sent_messages[index]
        if slot.ref is None or self._is_ephemeral(slot):
            self.sent_messages.pop()
            return self._delete_surplus(pages)
        return MessageOperation(
            action=PlatformAction.DELETE,
            priority=Priority.FINAL,
            index=index,
            cost=self.modes[-1].finalize_cost,
        )
