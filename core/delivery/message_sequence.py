"""Sequence of platform messages that show one answer, and the next call that updates the screen.

Pure: no I/O; time is passed in as seconds.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import inf

from core.delivery.budget_pool import Demand
from core.delivery.message_operations import AnswerButtons, MessageOperation, SentMessage
from core.delivery.platform_call import Priority
from core.domain.bot_messages import DeliveryModeName, MessageRef, PlatformAction, RenderedMessage
from core.domain.buttons import Button
from core.ports.platform import DeliveryMode


class MessageSequence:
    """An answer's messages in order; a long answer has several."""

    def __init__(
        self,
        modes: Sequence[DeliveryMode],
        *,
        refs: Sequence[MessageRef] = (),
        buttons: AnswerButtons,
        opened_at: float,
    ) -> None:
        """``refs`` are messages that an earlier attempt posted; ``modes`` come best first."""
        self.modes = tuple(modes)
        self.buttons = buttons
        self.expected_mode = self.modes[0]  #: how the answer would grow if a message were created now
        self._demands = {
            mode.name: Demand(previews=mode.update_cost, final=mode.finalize_cost) for mode in self.modes
        }
        self._sent = [SentMessage(ref=ref, posted_at=opened_at) for ref in refs]

    def __len__(self) -> int:
        """Return the number of messages, including those that are about to be posted."""
        return len(self._sent)

    @property
    def posted(self) -> bool:
        """Whether a message is on the screen."""
        return self._latest is not None

    @property
    def refs(self) -> tuple[MessageRef, ...]:
        """References of the messages on the screen, in order, without ephemeral ones."""
        return tuple(sent.ref for sent in self._sent if sent.ref is not None and not self._disappears(sent))

    @property
    def expires_at(self) -> float:
        """When the newest message disappears unless it is shown again; infinite if it stays."""
        latest = self._latest
        ttl_s = None if latest is None else self.mode_of(latest).ttl_s
        return inf if latest is None or ttl_s is None else latest.updated_at + ttl_s

    @property
    def current_mode(self) -> DeliveryMode | None:
        """How the newest message on the screen grows; None without one."""
        return None if self._latest is None else self.mode_of(self._latest)

    @property
    def demand(self) -> Demand:
        """Budgets of further calls; the same object for the same mode."""
        return self._demands[(self.current_mode or self.expected_mode).name]

    @property
    def _latest(self) -> SentMessage | None:
        return next((sent for sent in reversed(self._sent) if sent.ref is not None), None)

    def mode_of(self, message: SentMessage) -> DeliveryMode:
        """Return the mode that a posted message grows by."""
        name = message.ref.mode if message.ref is not None else self.modes[-1].name
        return next((mode for mode in self.modes if mode.name == name), self.modes[-1])

    def sent(self, index: int) -> SentMessage:
        """Return one message."""
        return self._sent[index]

    def find(self) -> MessageOperation:
        """Return the call that finds a posted message without a stored reference."""
        return MessageOperation(
            action=PlatformAction.FIND, priority=Priority.FIRST, index=self._first_missing(), cost=()
        )

    def show_placeholder(self, rendered: RenderedMessage | None) -> MessageOperation | None:
        """Return the call that shows a temporary text in a message that can be edited freely.

        Returns None if there is none or it is on the screen already.
        """
        if not self._sent:
            self._sent.append(SentMessage())
        sent, mode = self._sent[0], self.modes[-1]
        if rendered is None or sent.rendered == rendered:
            return None
        return MessageOperation(
            action=PlatformAction.POST if sent.ref is None else PlatformAction.EDIT,
            priority=Priority.FIRST if sent.ref is None else Priority.PREVIEW,
            index=0,
            cost=mode.create_cost if sent.ref is None else mode.update_cost,
            mode=mode.name,
            rendered=rendered,
            buttons=self.buttons.running,
        )

    def show(
        self,
        rendered: Sequence[RenderedMessage],
        *,
        complete: bool,
        create_mode: DeliveryMode,
        now: float,
    ) -> MessageOperation | None:
        """Return the next call that brings the screen nearer to ``rendered``; None if it is the same.

        Args:
            rendered: the answer so far, one item a message.
            complete: whether it is the whole answer.
            create_mode: how a message that has to be created will grow.
            now: the present.
        """
        while len(self._sent) < len(rendered):
            self._sent.append(SentMessage())
        for index, message in enumerate(rendered):
            final = complete or index < len(rendered) - 1
            operation = self._update(
                index,
                message,
                final=final,
                buttons=self._buttons(final=final, last=index == len(rendered) - 1),
                create_mode=create_mode,
                now=now,
            )
            if operation is not None:
                completes = complete and operation.final and index == len(self._sent) - 1
                return replace(operation, completes=completes)
        return self._delete_surplus(len(rendered)) if complete else None

    def show_without_finalizing(self, operation: MessageOperation) -> MessageOperation | None:
        """Return an update that shows a final operation's text and leaves the message growing.

        For a finalizing call whose budget has no room while the budget of updates has: the text need
        not wait. Returns None if that shows nothing new, or is paid by the same budget.
        """
        sent = self._sent[operation.index]
        if operation.action is not PlatformAction.EDIT or not operation.final:
            return None
        if operation.rendered is None or sent.ref is None:
            return None
        update_cost = self.mode_of(sent).update_cost
        same_text = sent.rendered is not None and sent.rendered.text == operation.rendered.text
        if not update_cost or update_cost == operation.cost or same_text:
            return None
        return replace(operation, cost=update_cost, final=False, completes=False, buttons=sent.buttons)

    def applied(self, operation: MessageOperation, ref: MessageRef | None, now: float) -> None:
        """Take note of an operation's effect; ``ref`` is the message as it is now."""
        sent = self._sent[operation.index]
        match operation.action:
            case PlatformAction.DELETE:
                self._sent.pop(operation.index)
            case PlatformAction.FINALIZE_ORPHAN:
                sent.ref = ref
            case PlatformAction.FIND:
                sent.ref, sent.rendered = ref, None
            case _:
                if sent.ref is None:
                    sent.posted_at = now
                sent.ref, sent.rendered, sent.buttons = ref, operation.rendered, operation.buttons
                sent.updated_at = now
                sent.finalized = operation.final

    def forget(self, index: int) -> None:
        """Take note that a message was deleted by somebody else: its text will be posted again."""
        self._sent[index] = SentMessage()

    def can_fall_back_to_plain_text(self, operation: MessageOperation) -> bool:
        """Return whether an operation's message was sent with formatting that can be left out."""
        rendered = operation.rendered
        return rendered is not None and bool(rendered.payload) and not self._sent[operation.index].plain_text

    def is_ephemeral(self, mode: DeliveryModeName) -> bool:
        """Return whether messages of a mode disappear by themselves."""
        return any(one.name == mode and one.ttl_s is not None for one in self.modes)

    def abandon_mode(self, mode: DeliveryModeName) -> None:
        """Use an ephemeral mode no more; the next one takes over, and its messages disappear."""
        for sent in self._sent:
            if sent.ref is not None and sent.ref.mode == mode:
                sent.ref = sent.rendered = None
        self.modes = tuple(one for one in self.modes if one.name != mode)

    def _disappears(self, message: SentMessage) -> bool:
        return self.mode_of(message).ttl_s is not None

    def _first_missing(self) -> int:
        for index, sent in enumerate(self._sent):
            if sent.ref is None or self._disappears(sent):
                return index
        self._sent.append(SentMessage())
        return len(self._sent) - 1

    def _buttons(self, *, final: bool, last: bool) -> tuple[Button, ...]:
        if not last:
            return ()
        return self.buttons.final if final else self.buttons.running

    def _update(
        self,
        index: int,
        rendered: RenderedMessage,
        *,
        final: bool,
        buttons: tuple[Button, ...],
        create_mode: DeliveryMode,
        now: float,
    ) -> MessageOperation | None:
        """Return the call that lets one message show ``rendered``; None if it does."""
        sent = self._sent[index]
        rendered = replace(rendered, payload=()) if sent.plain_text else rendered
        mode = self.mode_of(sent)
        if sent.ref is not None and not mode.shows_tasks and sent.rendered is not None:
            rendered = replace(rendered, tasks=sent.rendered.tasks)  # those of a finished stream stay
        if sent.ref is None or (final and mode.ttl_s is not None):
            # A message that is complete when it appears takes the simplest way: one call.
            return _post(index, rendered, buttons, self.modes[-1] if final else create_mode, final=final)
        if sent.rendered is None and mode is not self.modes[-1]:
            return MessageOperation(
                action=PlatformAction.FINALIZE_ORPHAN,
                priority=Priority.FINAL,
                index=index,
                cost=mode.finalize_cost,
            )
        too_old = mode.max_age_s is not None and now - sent.posted_at >= mode.max_age_s
        expiring = mode.ttl_s is not None and now >= sent.updated_at + mode.ttl_s
        same = sent.rendered == rendered and sent.buttons == buttons and not expiring
        if same and (sent.finalized or not final or mode is self.modes[-1]) and not too_old:
            sent.finalized = sent.finalized or final
            return None
        finalizes = final or too_old
        return MessageOperation(
            action=PlatformAction.EDIT,
            priority=Priority.FINAL if finalizes else Priority.PREVIEW,
            index=index,
            cost=mode.finalize_cost if finalizes else mode.update_cost,
            mode=mode.name,
            rendered=rendered,
            final=finalizes,
            buttons=buttons,
        )

    def _delete_surplus(self, needed: int) -> MessageOperation | None:
        """Return the call that deletes a message which a shorter answer no longer needs."""
        while len(self._sent) > needed:
            sent = self._sent[-1]
            if sent.ref is not None and not self._disappears(sent):
                return MessageOperation(
                    action=PlatformAction.DELETE,
                    priority=Priority.FINAL,
                    index=len(self._sent) - 1,
                    cost=self.modes[-1].finalize_cost,
                )
            self._sent.pop()
        return None


def _post(
    index: int,
    rendered: RenderedMessage,
    buttons: tuple[Button, ...],
    mode: DeliveryMode,
    *,
    final: bool,
) -> MessageOperation:
    return MessageOperation(
        action=PlatformAction.POST,
        priority=Priority.FINAL if final else Priority.FIRST,
        index=index,
        cost=mode.create_cost,
        mode=mode.name,
        rendered=rendered,
        final=final,
        buttons=buttons,
    )
