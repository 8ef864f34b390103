"""When a handover has to be looked at again, and what is due then. Pure: time comes in.

An untaken one reminds the desk, and from the second time on the named people too. A taken one in
which the customer waits reminds its taker; in one where the customer is silent nothing is owed, and
after the idle time it ends by setting.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from core.domain.handoff_state import State

MOST_REMINDERS = 12  #: of one wait; the gaps double from the third on, up to :data:`LONGEST`
LONGEST = timedelta(hours=4)

IdleThen: TypeAlias = Literal["return", "close"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long each side is waited for."""

    remind: timedelta = timedelta(minutes=5)  #: from one reminder to the next
    idle: timedelta = timedelta(minutes=60)  #: of a taken handover, from its last word
    idle_then: IdleThen = "return"


Due: TypeAlias = Literal["remind_desk", "remind_people", "remind_taker", "idle_warning", "return", "close"]


def gap(patience: Patience, reminded: int) -> timedelta:
    """Return how long after the reminder number ``reminded`` (0: the beginning) the next one comes."""
    return min(max(LONGEST, patience.remind), patience.remind * float(2 ** max(0, reminded - 2)))


def next_look(
    state: State, patience: Patience, *, now: datetime, reminded: int, customer_waits: bool
) -> datetime | None:
    """Return when a handover has to be looked at that was touched or looked at now; None: never."""
    match state:
        case State.WAITING | State.STAFF if customer_waits or state is State.WAITING:
            return now + gap(patience, reminded) if reminded < MOST_REMINDERS else None
        case State.STAFF:
            return now + patience.idle / 2
        case _:
            return None


def due(state: State, patience: Patience, *, reminded: int, customer_waits: bool) -> Due | None:
    """Return what is due now that the time of :func:`next_look` has come."""
    match state:
        case State.WAITING:
            return "remind_desk" if reminded == 0 else "remind_people"
        case State.STAFF if customer_waits:
            return "remind_taker" if reminded < 2 else "remind_people"
        case State.STAFF if reminded == 0:
            return "idle_warning"
        case State.STAFF:
            return patience.idle_then
        case _:
            return None
