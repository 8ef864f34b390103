"""One answer on its way to the screen: text is appended at any pace and shown as fast as budgets permit."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TypeAlias, assert_never

import structlog

from core.delivery.answer_composer import AnswerComposer
from core.delivery.budget_pool import NO_DEMAND, Demand
from core.delivery.call_source import CallSource
from core.delivery.error_policy import Reaction, reaction_to
from core.delivery.message_operations import NO_BUTTONS, AnswerButtons, MessageOperation, StatusOperation
from core.delivery.message_sequence import MessageSequence
from core.delivery.message_target import MessageTarget
from core.delivery.platform_call import CallOption, LookAgain, Priority, WantedCall
from core.delivery.platform_calls import find_message, send_operation
from core.delivery.retry_state import RetryState
from core.delivery.status_timer import STATUS_DELAY_S, StatusTimer
from core.delivery.wanted_calls import as_notice, next_priority, wanted_call
from core.domain.bot_messages import MessageRef, PlatformAction, TaskCard, TypingStatus
from core.domain.buttons import Button
from core.domain.clock import Clock
from core.domain.errors import MoonthreadError, PlatformError, PlatformForbidden, PlatformUnavailable

log = structlog.get_logger(__name__)

LOOKUP_DELAY_S = 1.0  #: time for a post whose reply was lost to appear before it is looked for

Operation: TypeAlias = MessageOperation | StatusOperation


class StreamedMessage(CallSource[Operation, MessageRef | None]):
    """One answer that grows on the screen."""

    def __init__(
        self,
        target: MessageTarget,
        clock: Clock,
        on_change: Callable[["StreamedMessage"], None],
        *,
        buttons: AnswerButtons = NO_BUTTONS,
        show_status: bool = True,
    ) -> None:
        """``on_change`` is called if the answer may want another call, other than by the passing of time."""
        channel, address = target.channel, target.address
        modes = tuple(channel.delivery_modes(address))
        status_cost = tuple(channel.status_cost(address))
        costs = [cost for mode in modes for cost in (mode.create_cost, mode.update_cost, mode.finalize_cost)]
        super().__init__(address.key.platform, [budget for cost in (*costs, status_cost) for budget in cost])
        now = clock.time()
        self._target = target
        self._clock = clock
        self._on_change = on_change
        self._composer = AnswerComposer(
            partial(channel.build_renderer, address),
            MessageSequence(modes, refs=target.refs, buttons=buttons, opened_at=now),
        )
        self._status = StatusTimer(
            status_cost,
            channel.status_refresh_s(address),
            text_cost=modes[0].update_cost,
            first_at=now + STATUS_DELAY_S if show_status and not target.refs else None,
        )
        self._status.shown = target.post_uncertain  # an earlier attempt may have left it on the screen
        self._retry = RetryState()
        self._retry.lookup_due = target.post_uncertain and channel.can_find_by_key
        self._stored_refs = self._composer.messages.refs
        self.first_shown_at: float | None = None  #: when the first text was on the screen
        self.thinking_style = channel.thinking_style  #: how the platform shows the model's reasoning

    @property
    def chat(self) -> str:
        """The chat in which this is an answer."""
        key = self._target.address.key
        return f"{key.platform}:{key.tenant}:{key.channel}"

    @property
    def text(self) -> str:
        """The answer's Markdown so far."""
        return self._composer.text.value

    @property
    def message_count(self) -> int:
        """Number of messages that the answer takes."""
        return len(self._composer.messages)

    @property
    def final_buttons(self) -> tuple[Button, ...]:
        """Buttons that the complete answer will have."""
        return self._composer.messages.buttons.final

    @final_buttons.setter
    def final_buttons(self, buttons: tuple[Button, ...]) -> None:
        messages = self._composer.messages
        messages.buttons = replace(messages.buttons, final=buttons)

    @property
    def error(self) -> MoonthreadError | None:
        """The error that ended the delivery, if one has."""
        error = self.completion.error
        return error if isinstance(error, MoonthreadError) else None

    def append(self, text: str) -> None:
        """Append the next piece of the answer; costs next to nothing."""
        growing = self._composer.text
        waiting = growing.pending_chars == 0 or not self._composer.messages.posted
        growing.append(text, self._clock.time())
        if waiting:
            self._on_change(self)

    def show_placeholder(self, text: str) -> None:
        """Show a temporary text, such as a position in a queue, until the first text of the answer."""
        self._composer.text.placeholder = text
        self._on_change(self)

    def show_task(self, card: TaskCard) -> None:
        """Show a step of the answer, or a later state of it, until and below its text."""
        self._composer.show_task(card)
        self._on_change(self)

    async def finish(self) -> None:
        """Show everything, and return when it is on the screen.

        Raises:
            PlatformForbidden: nothing can be shown there any more.
            PlatformError: the platform refused every form of the text.
            LeaseLost: another worker owns the turn.
            StoreUnavailable: the reference of a message could not be stored.
        """
        self.end_text()
        await self.completion.wait()

    def end_text(self) -> None:
        """Take note that the text is complete."""
        self._composer.finish()
        self._on_change(self)

    async def clear_status(self) -> None:
        """Take the status off the screen if no text has done so: the answer ended without any."""
        if self._status.shown and not self._composer.messages.posted:
            self._status.shown = False
            with suppress(PlatformError):
                await self._target.channel.set_status(self._target.address, TypingStatus.IDLE)

    def close(self) -> None:
        """Stop sending; the text on the screen stays."""
        if not self.completion.ended:
            self.completion.end(PlatformError("closed before the answer was complete"))
            self._on_change(self)

    @property
    def complete(self) -> bool:
        """Whether the whole text is on the screen."""
        return self._composer.complete

    def demand(self) -> Demand:
        """Return the budgets of further updates; those of a notice make no answer wait."""
        return NO_DEMAND if self._target.is_notice else self._composer.messages.demand

    def wanted_call(self, now: float, *, previews: bool) -> WantedCall | LookAgain | None:
        """Return the call that shows more text, or the status while there is none."""
        can_find = self._target.channel.can_find_by_key
        priority = next_priority(self._composer, self._retry, now, can_find=can_find)
        if priority is None and self._composer.text.complete:
            return None
        if self._retry.not_before > now:
            return LookAgain(self._retry.not_before)
        wanted = wanted_call(self._composer, self._status, priority, now, previews=previews)
        if self._target.is_notice and isinstance(wanted, WantedCall):
            return as_notice(wanted)
        return wanted

    def preview_value(self, now: float) -> float:
        """Return pending characters times the seconds they have waited."""
        return self._composer.preview_value(now)

    def compose(self, priority: Priority, option: CallOption, now: float) -> Operation | None:
        """Return the next call, made from the newest text."""
        if priority is Priority.STATUS:
            self._status.sent(now)
            return StatusOperation(cost=self._status.cost, status=TypingStatus.THINKING)
        if self._retry.lookup_due:
            return self._composer.messages.find()
        if option.mode is not None:
            self._composer.messages.expected_mode = option.mode
        operation = self._composer.compose(option.mode, now)
        if operation is None and self._composer.complete:
            self.completion.end()
        if operation is not None and self._target.is_notice:
            return as_notice(operation)
        return operation

    def cheaper(self, call: Operation) -> Operation | None:
        """Return an update without the finalizing call."""
        if isinstance(call, StatusOperation):
            return None
        return self._composer.messages.show_without_finalizing(call)

    def postponed(self, call: Operation, until: float) -> None:
        """Compose the call anew later."""
        if isinstance(call, StatusOperation):
            self._status.next_at = until
        else:
            self._composer.give_back(call)

    async def send(self, call: Operation) -> MessageRef | None:
        """Send a call and return the message as it is afterwards; None if there is none.

        Raises:
            PlatformError: it did not take effect, or it is not known whether it did.
        """
        target = self._target
        match call:
            case StatusOperation():
                await target.channel.set_status(target.address, call.status)
                return None
            case MessageOperation(action=PlatformAction.FIND):
                if self._retry.uncertain_calls:
                    await self._clock.sleep(LOOKUP_DELAY_S)
                return await find_message(target, call, shown=self._composer.messages.refs)
            case _:
                return await send_operation(target, call, self._composer.messages.sent(call.index))

    def succeeded(self, call: Operation, result: MessageRef | None, now: float) -> None:
        """Take note of a call's effect."""
        if isinstance(call, StatusOperation):
            self._status.shown = call.status is not TypingStatus.IDLE
            return
        self._retry.succeeded()
        if call.action is PlatformAction.FIND:
            self._retry.lookup_due = False
        self._composer.applied(call, result, now)
        if call.text_since is not None and self.first_shown_at is None:
            self.first_shown_at = now

    def follow_up(self, call: Operation) -> Operation | None:
        """Return the call that clears the status once text is on the screen."""
        if not self._status.shown or not self._composer.messages.posted:
            return None
        self._status.shown = False
        return StatusOperation(cost=(), status=TypingStatus.IDLE)

    async def after_call(self, call: Operation) -> None:
        """Store the references if they have changed; end if nothing is left to be sent."""
        refs = self._composer.messages.refs
        if refs != self._stored_refs:
            self._stored_refs = refs
            await self._target.on_refs_changed(refs)
        if self.complete:
            self.completion.end()

    def failed(self, call: Operation, error: PlatformError, now: float) -> MoonthreadError | None:
        """Prepare the next attempt; return the error if there can be none."""
        if isinstance(call, StatusOperation):
            return error if isinstance(error, PlatformForbidden) else None
        messages = self._composer.messages
        reaction = reaction_to(
            error,
            call,
            ephemeral=messages.is_ephemeral(call.mode),
            formatted=messages.can_fall_back_to_plain_text(call),
            shown=messages.sent(call.index).rendered is not None,
        )
        if reaction is Reaction.GIVE_UP:
            return error
        if reaction is Reaction.LOOK_UP and not self._retry.back_off_uncertain(now):
            return PlatformUnavailable(str(error))
        self._react(reaction, call, now)
        return None

    def _react(self, reaction: Reaction, call: MessageOperation, now: float) -> None:
        """Prepare the next call after a failed one."""
        composer, messages = self._composer, self._composer.messages
        match reaction:
            case Reaction.POST_AGAIN:
                messages.forget(call.index)
                composer.compose_again(call)
            case Reaction.CHANGE_MODE:
                log.info("delivery.mode_abandoned", platform=self.platform, mode=call.mode)
                messages.abandon_mode(call.mode)
                composer.compose_again(call)
            case Reaction.SEND_PLAIN_TEXT:
                messages.sent(call.index).plain_text = True
                composer.compose_again(call)
            case Reaction.SKIP if not composer.text.complete:
                composer.skip(call)
            case Reaction.LOOK_UP:
                self._retry.lookup_due = self._target.channel.can_find_by_key
                composer.give_back(call)
            case Reaction.BACK_OFF | Reaction.SKIP:
                self._retry.back_off(now)
                composer.give_back(call)
            case Reaction.WAIT_FOR_BUDGET | Reaction.GIVE_UP:
                composer.give_back(call)
            case _:
                assert_never(reaction)
