"""When a handover has to be looked at again, and what is due then. Pure: time comes in.

An untaken one reminds the desk, and from the second time on the named people too. A taken one in
which the customer waits reminds its taker; in one where the customer is silent nothing is owed, and
after the idle time it ends by setting.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from core.domain.handoff_state import HandoffState

MAX_REMINDERS = 12  #: of one wait; the gaps double from the third on, up to :data:`MAX_REMINDER_DELAY`
MAX_REMINDER_DELAY = timedelta(hours=4)

IdleAction: TypeAlias = Literal["return", "close"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffTimeouts:
    """How long each side is waited for."""

    reminder_interval: timedelta = timedelta(minutes=5)  #: from one reminder to the next
    idle_timeout: timedelta = timedelta(minutes=60)  #: of a taken handover, from its last word
    idle_action: IdleAction = "return"


DueAction: TypeAlias = Literal[
    "remind_desk", "remind_people", "remind_taker", "idle_warning", "return", "close"
]


def reminder_delay(timeouts: HandoffTimeouts, reminder_count: int) -> timedelta:
    """Return how long after the reminder number ``reminded`` (0: the beginning) the next one comes."""
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
    """Return when a handover has to be looked at that was touched or looked at now; None: never."""
    match state:
        case HandoffState.WAITING | HandoffState.STAFF if customer_waits or state is HandoffState.WAITING:
            return now + reminder_delay(timeouts, reminder_count) if reminder_count < MAX_REMINDERS else None
        case HandoffState.STAFF:
            return now + timeouts.idle_timeout / 2
        case _:
            return None


def action_due(
    state: HandoffState, timeouts: HandoffTimeouts, *, reminder_count: int, customer_waits: bool
) -> DueAction | None:
    """Return what is due now that the time of :func:`next_check_at` has come."""
    match state:
        case HandoffState.WAITING:
            return "remind_desk" if reminder_count == 0 else "remind_people"
        case HandoffState.STAFF if customer_waits:
            return "remind_taker" if reminder_count < 2 else "remind_people"
        case HandoffState.STAFF if reminder_count == 0:
            return "idle_warning"
        case HandoffState.STAFF:
            return timeouts.idle_action
        case _:
            return None
