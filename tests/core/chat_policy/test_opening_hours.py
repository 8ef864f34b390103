"""Weekly hours: reading, daylight saving, nights, and what holds for all of them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chat_policy import WeeklyHours, WeeklyRange, parse_hours

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
    again = parse_hours(str(made))
    assert (again.time_zone, [span.days for span in again.ranges]) == (
        made.time_zone,
        [span.days for span in made.ranges],
    )
    assert str(parse_hours(str(again))) == str(again)


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
    night = parse_hours("fri 22:00-06:00 Asia/Shanghai")
    assert night.contains(at("Asia/Shanghai", 2026, 11, 21, 5, 59))  # a Saturday
    assert not night.contains(at("Asia/Shanghai", 2026, 11, 21, 6, 0))
    assert not night.contains(at("Asia/Shanghai", 2026, 11, 22, 5, 59))


def test_days_run_over_a_sunday() -> None:
    """Days from a Saturday to a Monday are three."""
    assert parse_hours("sat-mon 10:00-11:00 UTC").ranges[0].days == {5, 6, 0}


def test_hours_follow_the_clocks() -> None:
    """The same time on the wall is another moment in summer than in winter."""
    office = parse_hours("daily 09:00-18:00 Europe/Berlin")
    assert office.contains(datetime(2026, 1, 15, 8, 0, tzinfo=UTC))
    assert not office.contains(datetime(2026, 1, 15, 7, 59, tzinfo=UTC))
    assert office.contains(datetime(2026, 7, 15, 7, 0, tzinfo=UTC))


def test_a_night_in_which_the_clocks_change_is_as_long_as_it_is() -> None:
    """From ten to six it is seven hours in March and nine in October."""
    night = parse_hours("daily 22:00-06:00 Europe/Berlin")
    for month, day, length_h in ((3, 28, 7), (10, 24, 9)):
        begin = at("Europe/Berlin", 2026, month, day, 22, 0)
        end = begin.astimezone(UTC) + timedelta(hours=length_h)
        assert night.contains(end - timedelta(microseconds=1))
        assert night.closed_since(end) == end


def test_a_time_that_the_clocks_leave_out_moves_on() -> None:
    """Hours that begin at 02:30 begin at 03:30 in the night in which 02:30 does not exist."""
    early = parse_hours("daily 02:30-05:00 Europe/Berlin")
    opens = early.next_start(datetime(2026, 3, 29, 0, 0, tzinfo=UTC))
    assert opens is not None
    assert (opens.hour, opens.minute) == (3, 30)


def test_an_hour_that_comes_twice_is_covered_twice() -> None:
    """Hours until 02:30 last until the second 02:30 in October."""
    late = parse_hours("daily 00:00-02:30 Europe/Berlin")
    end = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert late.contains(datetime(2026, 10, 25, 0, 15, tzinfo=UTC))
    assert late.contains(end - timedelta(microseconds=1))
    assert late.closed_since(end) == end


HOLIDAYS = parse_hours(
    "mon-fri 09:00-18:00, 2026-10-01..2026-10-07 closed, 2026-10-10 09:00-12:00, 12-24..01-02 closed UTC"
)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ((2026, 9, 30, 10), True),
        ((2026, 10, 1, 10), False),
        ((2026, 10, 7, 10), False),
        ((2026, 10, 8, 10), True),
        ((2026, 10, 10, 10), True),  # a Saturday on which people work
        ((2026, 10, 10, 13), False),
        ((2026, 10, 17, 10), False),
        ((2026, 12, 24, 10), False),
        ((2027, 1, 1, 10), False),
        ((2030, 1, 2, 10), False),
        ((2027, 1, 4, 10), True),
    ],
)
def test_exceptional_days_replace_the_week(moment: tuple[int, ...], is_open: bool) -> None:
    """Holidays are closed, working days that are none by the week are open, and some come every year."""
    assert HOLIDAYS.contains(datetime(*moment, tzinfo=UTC)) is is_open


def test_a_long_holiday_has_an_end_and_one_name() -> None:
    """Two weeks of closure are one closed period, and the day on which it ends is known from the start."""
    hours = parse_hours("mon-fri 09:00-18:00, 2026-12-19..2027-01-10 closed UTC")
    before, late = datetime(2026, 12, 18, 20, tzinfo=UTC), datetime(2027, 1, 10, 20, tzinfo=UTC)
    assert hours.next_start(before) == hours.next_start(late) == datetime(2027, 1, 11, 9, tzinfo=UTC)
    assert hours.closed_since(before) == hours.closed_since(late) == datetime(2026, 12, 18, 18, tzinfo=UTC)


def test_the_last_entry_for_a_day_counts() -> None:
    """One open day within a closed week is written behind it."""
    hours = parse_hours("daily 09:00-18:00, 2026-10-01..2026-10-07 closed, 2026-10-04 10:00-11:00 UTC")
    assert hours.contains(datetime(2026, 10, 4, 10, 30, tzinfo=UTC))
    assert not hours.contains(datetime(2026, 10, 3, 10, 30, tzinfo=UTC))


def test_an_offset_is_a_time_zone() -> None:
    """Half hours too, and west of Greenwich."""
    assert parse_hours("daily 09:00-10:00 UTC+5:30").contains(datetime(2026, 1, 1, 3, 30, tzinfo=UTC))
    assert parse_hours("daily 09:00-10:00 gmt-3").contains(datetime(2026, 1, 1, 12, 0, tzinfo=UTC))
