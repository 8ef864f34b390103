"""Weekly hours: reading, daylight saving, nights, and what holds for all of them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chat_policy import WeeklyHours, WeeklyRange

ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC")
spans = st.builds(
    WeeklyRange,
    first_day=st.integers(0, 6),
    last_day=st.integers(0, 6),
    start_min=st.integers(0, 1439),
    end_min=st.integers(0, 1440),
)
hours = st.builds(
    WeeklyHours, ranges=st.lists(spans, min_size=1, max_size=3).map(tuple), time_zone=st.sampled_from(ZONES)
)
START = datetime(2024, 1, 1, tzinfo=UTC)
moments = st.integers(0, 4 * 366 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))


def at(zone: str, *when: int) -> datetime:
    """A time on the wall."""
    year, month, day, hour, minute = when
    return datetime(year, month, day, hour, minute, tzinfo=ZoneInfo(zone))


@given(hours)
def test_what_is_written_is_read(made: WeeklyHours) -> None:
    """Hours are the same after they were written and read."""
    again = WeeklyHours.parse(str(made))
    assert (again.time_zone, [span.days for span in again.ranges]) == (
        made.time_zone,
        [span.days for span in made.ranges],
    )
    assert str(WeeklyHours.parse(str(again))) == str(again)


@given(hours, moments)
def test_open_and_closed_agree(made: WeeklyHours, moment: datetime) -> None:
    """At every moment they are either open, or closed since an earlier end until a later start."""
    since, opens = made.closed_since(moment), made.next_start(moment)
    if made.contains(moment):
        assert since is None
        assert opens == moment
    else:
        assert since is None or since <= moment
        assert opens is None or (opens > moment and made.contains(opens))


@given(hours, moments)
def test_a_closed_period_has_one_name(made: WeeklyHours, moment: datetime) -> None:
    """From the end of the hours until they begin again, every moment names the same period."""
    since, opens = made.closed_since(moment), made.next_start(moment)
    if since is None or opens is None or opens - moment > timedelta(days=1):
        return
    last = opens.astimezone(UTC) - timedelta(microseconds=1)
    assert made.closed_since(last) == since
    assert made.closed_since(since) == since


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    """A span over midnight ends on the next morning, and only after the nights that are named."""
    night = WeeklyHours.parse("fri 22:00-06:00 Asia/Shanghai")
    assert night.contains(at("Asia/Shanghai", 2026, 11, 21, 5, 59))  # a Saturday
    assert not night.contains(at("Asia/Shanghai", 2026, 11, 21, 6, 0))
    assert not night.contains(at("Asia/Shanghai", 2026, 11, 22, 5, 59))


def test_days_run_over_a_sunday() -> None:
    """Days from a Saturday to a Monday are three."""
    assert WeeklyHours.parse("sat-mon 10:00-11:00 UTC").ranges[0].days == {5, 6, 0}


def test_hours_follow_the_clocks() -> None:
    """The same time on the wall is another moment in summer than in winter."""
    office = WeeklyHours.parse("daily 09:00-18:00 Europe/Berlin")
    assert office.contains(datetime(2026, 1, 15, 8, 0, tzinfo=UTC))
    assert not office.contains(datetime(2026, 1, 15, 7, 59, tzinfo=UTC))
    assert office.contains(datetime(2026, 7, 15, 7, 0, tzinfo=UTC))


def test_a_night_in_which_the_clocks_change_is_as_long_as_it_is() -> None:
    """From ten to six it is seven hours in March and nine in October."""
    night = WeeklyHours.parse("daily 22:00-06:00 Europe/Berlin")
    for month, day, length_h in ((3, 28, 7), (10, 24, 9)):
        begin = at("Europe/Berlin", 2026, month, day, 22, 0)
        end = begin.astimezone(UTC) + timedelta(hours=length_h)
        assert night.contains(end - timedelta(microseconds=1))
        assert night.closed_since(end) == end


def test_a_time_that_the_clocks_leave_out_moves_on() -> None:
    """Hours that begin at 02:30 begin at 03:30 in the night in which 02:30 does not exist."""
    early = WeeklyHours.parse("daily 02:30-05:00 Europe/Berlin")
    opens = early.next_start(datetime(2026, 3, 29, 0, 0, tzinfo=UTC))
    assert opens is not None
    assert (opens.hour, opens.minute) == (3, 30)


def test_an_hour_that_comes_twice_is_covered_twice() -> None:
    """Hours until 02:30 last until the second 02:30 in October."""
    late = WeeklyHours.parse("daily 00:00-02:30 Europe/Berlin")
    end = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert late.contains(datetime(2026, 10, 25, 0, 15, tzinfo=UTC))
    assert late.contains(end - timedelta(microseconds=1))
    assert late.closed_since(end) == end


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("mon-fri 09:00-18:00", "time zone"),
        ("mon-fri 09:00-18:00 Mars/Olympus", "time zone"),
        ("Asia/Shanghai", "no hours"),
        ("mon-fry 09:00-18:00 UTC", "no day"),
        ("mon 9-18 UTC", "no hours"),
        ("mon 09:61-10:00 UTC", "time of day"),
        ("mon 24:00-10:00 UTC", "24:00"),
        ("", "time zone"),
    ],
)
def test_what_cannot_be_read_is_explained(text: str, fault: str) -> None:
    """A fault says what is wrong."""
    with pytest.raises(ValueError, match=fault):
        WeeklyHours.parse(text)
