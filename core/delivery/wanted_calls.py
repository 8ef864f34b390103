"""The next call that an answer wants to send, with the budgets it may spend. Pure policy."""

from dataclasses import replace
from math import inf
from typing import TypeVar

from core.delivery.answer_composer import AnswerComposer
from core.delivery.message_operations import MessageOperation
from core.delivery.message_sequence import MessageSequence
from core.delivery.platform_call import CallOption, LookAgain, Priority, WantedCall
from core.delivery.retry_state import RetryState
from core.delivery.status_timer import StatusTimer
from core.delivery.token_bucket import EPSILON

NoticeT = TypeVar("NoticeT", WantedCall, MessageOperation)


def as_notice(call: NoticeT) -> NoticeT:
    """Return a call for a text of the bot's own, which goes behind the first and final calls of answers."""
    return replace(call, priority=max(call.priority, Priority.NOTICE))


def next_priority(
    composer: AnswerComposer, retry: RetryState, now: float, *, can_find: bool
) -> Priority | None:
    """Return the priority of an answer's next call; None if only more text can bring one.

    ``can_find`` says whether the platform can tell if a message was posted.
    """
    is_complete = composer.text.complete
    if retry.lookup_due:
        return Priority.FINAL if is_complete else Priority.FIRST
    if retry.uncertain_calls and not can_find and not is_complete:
        return None  # one message may be on the screen already: say no more until the answer is complete
    return composer.next_priority(now)


def wanted_call(
    composer: AnswerComposer, status: StatusTimer, priority: Priority | None, now: float, *, previews: bool
) -> WantedCall | LookAgain | None:
    """Return the call that shows more text, or the status while no text is on the screen.

    Args:
        composer: the answer's text and messages.
        status: the answer's typing status.
        priority: of the text that is waiting; None if none is worth showing yet.
        now: the present.
        previews: False if incomplete text is not shown, because too many answers share the budgets.
    """
    messages = composer.messages
    match priority:
        case Priority.FINAL:
            return WantedCall(priority=Priority.FINAL, options=_final_options(messages))
        case Priority.FIRST if previews:
            options = tuple(CallOption(mode.create_cost, mode) for mode in messages.modes)
            waits_for_words = not messages.posted and not composer.text.is_empty
            since = composer.text.pending_since or 0.0 if waits_for_words else 0.0
            return WantedCall(priority=Priority.FIRST, options=options, text_since=since)
        case Priority.PREVIEW if previews:
            return _preview(messages, text_since=composer.text.pending_since)
        case None if messages.expires_at < inf:
            return LookAgain(messages.expires_at)
    return _status(composer, status, now, text_may_wait=priority is None)


def _final_options(messages: MessageSequence) -> tuple[CallOption, ...]:
    """Return what the call that most probably comes next may spend from; composing it tells for sure."""
    mode = messages.current_mode
    if mode is None:
        return (CallOption(messages.modes[-1].create_cost),)
    if not mode.update_cost or mode.update_cost == mode.finalize_cost:
        return (CallOption(mode.finalize_cost),)
    return CallOption(mode.finalize_cost), CallOption(mode.update_cost)


def _preview(messages: MessageSequence, *, text_since: float | None) -> WantedCall | None:
    mode = messages.current_mode or messages.expected_mode
    if not mode.update_cost:
        return None
    return WantedCall(
        priority=Priority.PREVIEW,
        options=(CallOption(mode.update_cost),),
        text_since=text_since or 0.0,
        min_interval_s=mode.min_interval_s,
    )


def _status(
    composer: AnswerComposer, status: StatusTimer, now: float, *, text_may_wait: bool
) -> WantedCall | LookAgain | None:
    """Return the status, unless a few words that wait for more are to be shown before it is due."""
    status_at = inf
    if status.next_at is not None and not composer.messages.posted:
        status_at = max(now, status.next_at)
    patient_until = composer.patient_until() if text_may_wait else None
    if patient_until is not None and now + EPSILON < patient_until < status_at:
        return LookAgain(patient_until)
    if status_at == inf:
        return None
    return WantedCall(priority=Priority.STATUS, options=(CallOption(status.cost),), not_before=status_at)
