"""Deadlines of a handoff: the time of its next check, and the action due then. Pure: the time is an argument.

While nobody has taken a handoff, the desk is reminded, from the second time on with the escalation
contacts. Once it is assigned, the assignee is reminded while the customer waits; if the customer is silent,
the handoff ends after the idle timeout, with a warning half-way.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal, TypeAlias

from core.domain.handoff_state import HandoffAction, HandoffState

FREQUENT_REMINDERS: Final = 12  #: of one wait; their intervals double from the third on
MAX_REMINDER_DELAY: Final = timedelta(hours=4)
LATE_REMINDER_DELAY: Final = timedelta(days=1)  #: after the frequent ones, for as long as the wait lasts
_ASSIGNEE_REMINDERS: Final = 2  #: reminders of the assignee alone, before the contacts are mentioned

EndAction: TypeAlias = Literal[HandoffAction.RETURN_TO_BOT, HandoffAction.CLOSE]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffTimeouts:
    """Timeouts of a chat's handoffs."""

    reminder_interval: timedelta = timedelta(minutes=5)
    idle_timeout: timedelta = timedelta(minutes=60)  #: of an assigned handoff, from its last message
    idle_action: EndAction = HandoffAction.RETURN_TO_BOT


class DueAction(StrEnum):
    """What is due when a handoff is checked."""

    REMIND_DESK = "remind_desk"
    REMIND_CONTACTS = "remind_contacts"  #: mention the assignee, if any, and the escalation contacts
    REMIND_ASSIGNEE = "remind_assignee"
    WARN_IDLE = "warn_idle"
    END_IDLE = "end_idle"  #: apply :attr:`HandoffTimeouts.idle_action`


def reminder_delay(timeouts: HandoffTimeouts, reminder_count: int) -> timedelta:
    """Return the time between a reminder and the next one; ``reminder_count`` are sent so far."""
    if reminder_count >= FREQUENT_REMINDERS:
        return max(LATE_REMINDER_DELAY, timeouts.reminder_interval)
    return min(
        max(MAX_REMINDER_DELAY, timeouts.reminder_interval),
        timeouts.reminder_interval * float(2 ** max(0, reminder_count - 2)),
    )


def next_check_at(
    state: HandoffState,
    timeouts: HandoffTimeouts,
    *,
    now: datetime,
    reminder_count: int,
    customer_waits: bool,
) -> datetime | None:
    """Return when a handoff has to be checked next; None: never.

    Args:
        state: its state.
        timeouts: of its chat.
        now: the time of its last message, change or check.
        reminder_count: reminders since then.
        customer_waits: the customer wrote last.
    """
    match state:
        case HandoffState.WAITING | HandoffState.STAFF if customer_waits or state is HandoffState.WAITING:
            return now + reminder_delay(timeouts, reminder_count)
        case HandoffState.STAFF:
            return now + timeouts.idle_timeout / 2
        case _:
            return None


def due_action(state: HandoffState, *, reminder_count: int, customer_waits: bool) -> DueAction | None:
    """Return the action due at the time of :func:`next_check_at`; None for an ended handoff."""
    match state:
        case HandoffState.WAITING:
            return DueAction.REMIND_DESK if reminder_count == 0 else DueAction.REMIND_CONTACTS
        case HandoffState.STAFF if customer_waits:
            first = reminder_count < _ASSIGNEE_REMINDERS
            return DueAction.REMIND_ASSIGNEE if first else DueAction.REMIND_CONTACTS
        case HandoffState.STAFF:
            return DueAction.WARN_IDLE if reminder_count == 0 else DueAction.END_IDLE
        case _:
            return None
