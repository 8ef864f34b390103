"""When a handover is looked at again, and what is due then."""

from datetime import UTC, datetime, timedelta

from core.domain.handoff_state import HandoffState
from core.handoff.deadlines import MAX_REMINDERS, HandoffTimeouts, action_due, next_check_at, reminder_delay

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
PATIENCE = HandoffTimeouts(
    reminder_interval=timedelta(minutes=5), idle_timeout=timedelta(minutes=60), idle_action="close"
)


def test_an_untaken_one_reminds_the_desk_first_and_people_after() -> None:
    """The first reminder names nobody."""
    told = [
        action_due(HandoffState.WAITING, PATIENCE, reminder_count=n, customer_waits=True) for n in range(3)
    ]
    assert told == ["remind_desk", "remind_people", "remind_people"]


def test_reminders_become_rarer_and_end() -> None:
    """The gaps double up to four hours, and after the last there is none."""
    gaps = [reminder_delay(PATIENCE, n) for n in range(MAX_REMINDERS)]
    assert gaps[:4] == [timedelta(minutes=5)] * 3 + [timedelta(minutes=10)]
    assert max(gaps) == timedelta(hours=4)
    last = next_check_at(
        HandoffState.WAITING, PATIENCE, now=NOW, reminder_count=MAX_REMINDERS, customer_waits=True
    )
    assert last is None


def test_a_silent_one_is_warned_of_and_then_ended() -> None:
    """Half of the idle time brings a warning, the whole of it the end that is set."""
    assert next_check_at(
        HandoffState.STAFF, PATIENCE, now=NOW, reminder_count=0, customer_waits=False
    ) == NOW + timedelta(minutes=30)
    assert action_due(HandoffState.STAFF, PATIENCE, reminder_count=0, customer_waits=False) == "idle_warning"
    assert action_due(HandoffState.STAFF, PATIENCE, reminder_count=1, customer_waits=False) == "close"


def test_a_customer_who_waits_keeps_it_alive() -> None:
    """Where the customer's is the last word the taker is reminded, then the others; nothing ends."""
    told = [action_due(HandoffState.STAFF, PATIENCE, reminder_count=n, customer_waits=True) for n in range(4)]
    assert told == ["remind_taker", "remind_taker", "remind_people", "remind_people"]


def test_an_ended_one_is_never_looked_at() -> None:
    """Nobody is reminded of what is over."""
    assert (
        next_check_at(HandoffState.CLOSED, PATIENCE, now=NOW, reminder_count=0, customer_waits=True) is None
    )
    assert action_due(HandoffState.BOT, PATIENCE, reminder_count=0, customer_waits=True) is None
