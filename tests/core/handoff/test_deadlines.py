"""When a handoff is checked again, and what is due then."""

from datetime import UTC, datetime, timedelta

from core.domain.handoff_state import HandoffState
from core.handoff.deadlines import (
    FREQUENT_REMINDERS,
    DueAction,
    HandoffTimeouts,
    due_action,
    next_check_at,
    reminder_delay,
)

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
TIMEOUTS = HandoffTimeouts(reminder_interval=timedelta(minutes=5), idle_timeout=timedelta(minutes=60))


def test_a_waiting_one_reminds_the_desk_first_and_people_after() -> None:
    """The first reminder mentions nobody."""
    due = [due_action(HandoffState.WAITING, reminder_count=n, customer_waits=True) for n in range(3)]
    assert due == [DueAction.REMIND_DESK, DueAction.REMIND_CONTACTS, DueAction.REMIND_CONTACTS]


def test_reminders_become_rarer_and_never_end() -> None:
    """The intervals double up to four hours; a wait that lasts longer is called to mind once a day."""
    delays = [reminder_delay(TIMEOUTS, n) for n in range(FREQUENT_REMINDERS)]
    assert delays[:4] == [timedelta(minutes=5)] * 3 + [timedelta(minutes=10)]
    assert max(delays) == timedelta(hours=4)
    late = next_check_at(
        HandoffState.WAITING, TIMEOUTS, now=NOW, reminder_count=FREQUENT_REMINDERS, customer_waits=True
    )
    assert late == NOW + timedelta(days=1)


def test_a_long_interval_is_kept() -> None:
    """An operator who wants a reminder a day does not get one every four hours."""
    daily = HandoffTimeouts(reminder_interval=timedelta(days=1))
    assert {reminder_delay(daily, n) for n in range(FREQUENT_REMINDERS)} == {timedelta(days=1)}


def test_a_silent_one_is_warned_of_and_then_ended() -> None:
    """Half of the idle time brings a warning, the whole of it the end."""
    check = next_check_at(HandoffState.STAFF, TIMEOUTS, now=NOW, reminder_count=0, customer_waits=False)
    assert check == NOW + timedelta(minutes=30)
    due = [due_action(HandoffState.STAFF, reminder_count=n, customer_waits=False) for n in range(2)]
    assert due == [DueAction.WARN_IDLE, DueAction.END_IDLE]


def test_a_customer_who_waits_keeps_it_alive() -> None:
    """If the customer wrote last, the assignee is reminded, then the contacts; nothing ends."""
    due = [due_action(HandoffState.STAFF, reminder_count=n, customer_waits=True) for n in range(4)]
    assert due == [DueAction.REMIND_ASSIGNEE] * 2 + [DueAction.REMIND_CONTACTS] * 2


def test_an_ended_one_is_never_checked() -> None:
    """Nobody is reminded of what is over."""
    for ended in (HandoffState.CLOSED, HandoffState.BOT):
        assert next_check_at(ended, TIMEOUTS, now=NOW, reminder_count=0, customer_waits=True) is None
        assert due_action(ended, reminder_count=0, customer_waits=True) is None
