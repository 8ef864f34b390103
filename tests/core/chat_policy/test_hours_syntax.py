"""Business hours as people write them, in English, Chinese and a little German."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.chat_policy import ExceptionalDays, TimeRange, WeeklyHours, WeeklyRange, parse_hours

WEEK = "mon-fri 09:00-18:00"
DAYS = st.dates(date(2024, 1, 1), date(2030, 12, 31))
TIMES = st.builds(TimeRange, start_min=st.integers(0, 1439), end_min=st.integers(0, 1440))
EXCEPTIONS = st.builds(
    lambda days, yearly, times: ExceptionalDays(
        first=min(days).replace(year=2000) if yearly else min(days),
        last=max(days).replace(year=2000) if yearly else max(days),
        yearly=yearly,
        times=tuple(times),
    ),
    st.lists(DAYS.filter(lambda day: (day.month, day.day) != (2, 29)), min_size=1, max_size=2),
    st.booleans(),
    st.lists(TIMES, max_size=2),
)


@pytest.mark.parametrize(
    "text",
    [
        "mon-fri 9:00-18:00",
        "mon-fri 9-18",
        "Mon-Fri 9:00am-6:00pm",
        "Mon–Fri 9am – 6pm",
        "MON - FRI 9 AM to 6 PM",
        "Monday to Friday 09:00-18:00",
        "monday-friday: 9.00-18.00",
        "weekdays 0900-1800",
        "mo-fr 9-18 Uhr",
        "mon, tue, wed, thu, fri 09:00-18:00",
        "mon,tue-fri 09:00~18:00",
        "周一-周五 9:00-18:00",
        "周一至周五 9点-18点",
        "周一到五 上午9点至下午6点",
        "星期一至星期五　０９：００－１８：００",
        "工作日 09:00到18:00",
        "周一二三四五 9:00-18:00",
        "周一、周二、周三、周四、周五 9:00-18:00",
        "mon-fri 09:00-18:00; sun closed",
        "ｍｏｎ－ｆｒｉ ９：００－１８：００",
        "Monday through Friday, 9 a.m. - 6 p.m.",
        "M-F 9-6",
        "Mon thru Fri 9 to 6",
        "business days 9:00-18:00",
        "9:00-18:00 mon-fri",
        "週一至週五 9:00-18:00",
        "周1-周5 9:00-18:00",
        "周一到周五 早9点到晚6点",
        "星期一到星期五上午九点到下午六点整",
    ],
)
def test_days_and_times_may_be_written_in_many_ways(text: str) -> None:
    """They all say: Monday to Friday, nine to six."""
    hours = parse_hours(f"{text} Asia/Shanghai")
    days = sorted(day for span in hours.ranges for day in span.days)
    assert days == [0, 1, 2, 3, 4]
    assert {(span.start_min, span.end_min) for span in hours.ranges} == {(9 * 60, 18 * 60)}


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("mon,wed,fri 9-12", "mon 09:00-12:00, wed 09:00-12:00, fri 09:00-12:00"),
        ("周一三五 9-12", "mon 09:00-12:00, wed 09:00-12:00, fri 09:00-12:00"),
        ("mon-fri 9-12, 13-18", "mon-fri 09:00-12:00, mon-fri 13:00-18:00"),
        ("mon-fri 9-12 and 13-18; sat 10-14", "mon-fri 09:00-12:00, mon-fri 13:00-18:00, sat 10:00-14:00"),
        ("24/7", "mon-sun 00:00-24:00"),
        ("每天 全天", "mon-sun 00:00-24:00"),
        ("weekends 10pm-2am", "sat-sun 22:00-02:00"),
        ("daily 12am-12pm", "mon-sun 00:00-12:00"),
        ("周末 晚上8点-12点30分", "sat-sun 20:00-12:30"),
        ("9-18", "mon-sun 09:00-18:00"),
        ("7 days a week 9-21", "mon-sun 09:00-21:00"),
        ("全年无休 九点半到二十一点", "mon-sun 09:30-21:00"),
        ("always", "mon-sun 00:00-24:00"),
        ("mon-fri noon-midnight", "mon-fri 12:00-24:00"),
        ("sat midnight-noon", "sat 00:00-12:00"),
        ("mon-fri 8-4", "mon-fri 08:00-16:00"),
        ("mon-fri 22-6", "mon-fri 22:00-06:00"),
        ("mon-fri 6-8", "mon-fri 06:00-08:00"),
        ("mon-fri 09:00-05:00", "mon-fri 09:00-05:00"),
        ("sat & sun 10:00-12:00", "sat 10:00-12:00, sun 10:00-12:00"),
    ],
)
def test_entries_mean_what_they_say(text: str, written: str) -> None:
    """Days without times go with the times after them, times without days with the days before."""
    assert str(parse_hours(f"{text} UTC")) == f"{written} UTC"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2026-10-01..2026-10-07 closed", "2026-10-01..2026-10-07 closed"),
        ("2026-10-01 - 2026-10-07 closed", "2026-10-01..2026-10-07 closed"),
        ("2026/10/1 to 2026/10/7 holiday", "2026-10-01..2026-10-07 closed"),
        ("2026-10-01..10-07 closed", "2026-10-01..2026-10-07 closed"),
        ("2026年10月1日至10月7日 放假", "2026-10-01..2026-10-07 closed"),
        ("2026年10月1日-7日休息", "2026-10-01..2026-10-07 closed"),
        ("10月1日-7日 休", "10-01..10-07 closed"),
        ("12-25 closed", "12-25 closed"),
        ("Dec 25 closed", "12-25 closed"),
        ("25 December: closed", "12-25 closed"),
        ("Dec 24, 2026 9am-12pm", "2026-12-24 09:00-12:00"),
        ("12-24 9-12, 13-15", "12-24 09:00-12:00 13:00-15:00"),
        ("2026-10-10 09:00-18:00", "2026-10-10 09:00-18:00"),
        ("2026-10-10 上班", "2026-10-10 09:00-18:00"),
        ("2026-10-10 调休上班", "2026-10-10 09:00-18:00"),
        ("2026-10-10 open", "2026-10-10 09:00-18:00"),
        ("12-24..01-02 closed", "12-24..01-02 closed"),
        ("24.12.2026 9-12", "2026-12-24 09:00-12:00"),
        ("1.5. closed", "05-01 closed"),
        ("25/12/2026 closed", "2026-12-25 closed"),
        ("1-5 May closed", "05-01..05-05 closed"),
        ("May 1-5 closed", "05-01..05-05 closed"),
        ("closed on 2026-12-25", "2026-12-25 closed"),
        ("except Dec 25", "12-25 closed"),
        ("国庆节10.1-10.7休息", "10-01..10-07 closed"),
    ],
)
def test_exceptional_days_are_dates_with_times_or_closed(text: str, written: str) -> None:
    """A day that is only said to be open has the hours of the first day of the week that has some."""
    assert str(parse_hours(f"{WEEK}, {text} UTC")) == f"{WEEK}, {written} UTC"


@pytest.mark.parametrize(
    ("zone", "name"),
    [
        ("asia/shanghai", "Asia/Shanghai"),
        ("ASIA/SHANGHAI", "Asia/Shanghai"),
        ("Shanghai", "Asia/Shanghai"),
        ("(Asia/Shanghai)", "Asia/Shanghai"),
        ("北京时间", "Asia/Shanghai"),
        ("Beijing time", "Asia/Shanghai"),
        ("New York", "America/New_York"),
        ("America/New York", "America/New_York"),
        ("UTC+8", "UTC+08:00"),
        ("utc + 8", ""),
        ("GMT+8", "UTC+08:00"),
        ("UTC-03:30", "UTC-03:30"),
        ("ＵＴＣ＋８", "UTC+08:00"),
        ("+08:00", "UTC+08:00"),
        ("utc", "UTC"),
    ],
)
def test_a_zone_may_be_written_in_many_ways(zone: str, name: str) -> None:
    """By its name in any case, its city, or its offset."""
    if name:
        assert parse_hours(f"{WEEK} {zone}").time_zone == name
    else:
        with pytest.raises(ValueError, match=r"zone|no hours"):
            parse_hours(f"{WEEK} {zone}")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("mon-fri 09:00-18:00", "time zone"),
        ("mon-fri 09:00-18:00 Mars/Olympus", "time zone"),
        ("mon-fri 09:00-18:00 CSTX", "time zone"),
        ("Asia/Shanghai", "no hours"),
        ("mon-fry 09:00-18:00 UTC", "no day"),
        ("mon 9:00 UTC", "no hours"),
        ("mon-fri UTC", "without times"),
        ("mon 09:61-10:00 UTC", "time of day"),
        ("mon 13pm-15:00 UTC", "time of day"),
        ("mon 24:00-10:00 UTC", "24:00"),
        ("mon 9-18, 2026-02-30 closed UTC", "no day 02-30"),
        ("mon 9-18, 2026-10-07..2026-10-01 closed UTC", "before the first"),
        ("mon 9-18, 2026-10-07 sometimes UTC", "no hours"),
        ("2026-10-07 closed UTC", "no hours"),
        ("mon 9-18, holidays closed UTC", "as 2026-10-01"),
        ("mon 9-18, 国庆休息 UTC", "as 2026-10-01"),
        ("mon 9-18, 31/31/2026 closed UTC", "no day"),
        ("", "time zone"),
    ],
)
def test_what_cannot_be_read_is_explained(text: str, fault: str) -> None:
    """A fault says what is wrong."""
    with pytest.raises(ValueError, match=fault):
        parse_hours(text)


@given(st.lists(EXCEPTIONS, max_size=3))
def test_what_is_written_is_read(exceptions: list[ExceptionalDays]) -> None:
    """Exceptional days are the same after they were written and read."""
    week = (WeeklyRange(first_day=0, last_day=4, start_min=540, end_min=1080),)
    hours = WeeklyHours(ranges=week, time_zone="Europe/Berlin", exceptions=tuple(exceptions))
    assert parse_hours(str(hours)) == hours


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but a ValueError comes out of a text that is no hours."""
    try:
        parse_hours(f"{text} UTC")
    except ValueError:
        return
