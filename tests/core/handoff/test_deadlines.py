"""When a handover is looked at again, and what is due then."""

from datetime import UTC, datetime, timedelta

from core.domain.handoff_state import State
from core.handoff.deadlines import MOST_REMINDERS, Patience, due, gap, next_look

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
PATIENCE = Patience(remind=timedelta(minutes=5), idle=timedelta(minutes=60), idle_then="close")


def test_an_untaken_one_reminds_the_desk_first_and_people_after() -> None:
    """The first reminder names nobody."""
    told = [due(State.WAITING, PATIENCE, reminded=n, customer_waits=True) for n in range(3)]
    assert told == ["remind_desk", "remind_people", "remind_people"]


def test_reminders_become_rarer_and_end() -> None:
    """The gaps double up to four hours, and after the last there is none."""
    gaps = [gap(PATIENCE, n) for n in range(MOST_REMINDERS)]
    assert gaps[:4] == [timedelta(minutes=5)] * 3 + [timedelta(minutes=10)]
    assert max(gaps) == timedelta(hours=4)
    last = next_look(State.WAITING, PATIENCE, now=NOW, reminded=MOST_REMINDERS, customer_waits=True)
    assert last is None


def test_a_silent_one_is_warned_of_and_then_ended() -> None:
    """Half of the idle time brings a warning, the whole of it the end that is set."""
    assert next_look(State.STAFF, PATIENCE, now=NOW, reminded=0, customer_waits=False) == NOW + timedelta(
        minutes=30
    )
    assert due(State.STAFF, PATIENCE, reminded=0, customer_waits=False) == "idle_warning"
    assert due(State.STAFF, PATIENCE, reminded=1, customer_waits=False) == "close"


def test_a_customer_who_waits_keeps_it_alive() -> None:
    """Where the customer's is the last word the taker is reminded, then the others; nothing ends."""
    told = [due(State.STAFF, PATIENCE, reminded=n, customer_waits=True) for n in range(4)]
    assert told == ["remind_taker", "remind_taker", "remind_people", "remind_people"]


def test_an_ended_one_is_never_looked_at() -> None:
    """Nobody is reminded of what is over."""
    assert next_look(State.CLOSED, PATIENCE, now=NOW, reminded=0, customer_waits=True) is None
    assert due(State.BOT, PATIENCE, reminded=0, customer_waits=True) is None
