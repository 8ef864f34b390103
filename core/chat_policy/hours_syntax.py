"""Parsing of business hours as people write them. Pure.

::

    entry , entry … zone              separated by commas, semicolons or line breaks
    mon-fri 09:00-12:00, 13:00-18:00  days of the week; times without days go with the days before them
    mon, wed, fri 9am-6pm             days without times go with the times after them
    2026-10-01..2026-10-07 closed     exceptional days replace the week; the last entry for a day counts
    2026-10-10 09:00-18:00            a working day that is none by the week
    12-25 closed                      every year

Days, months and times may be written in English or Chinese, in full width, and with other dashes; the zone
by its IANA name in any case, by a city, or as "UTC+8". Times of the week, such as "mon-fri 09:00", are parsed
as hours of one minute each.
"""

import contextlib
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from core.chat_policy.clock_syntax import DASH, MOMENT_PATTERN, TIMES_PATTERN, moment_range, time_range
from core.chat_policy.hours_spelling import MONTHS, respell
from core.chat_policy.opening_hours import (
    DAYS,
    ExceptionalDays,
    TimeRange,
    WeeklyHours,
    WeeklyRange,
)
from core.chat_policy.time_zones import split_time_zone

_EXAMPLE: Final = 'write them such as "mon-fri 09:00-18:00 Asia/Shanghai"'
_MOMENT_EXAMPLE: Final = 'write them such as "mon-fri 09:00 Asia/Shanghai"'
_DAY_STEMS: Final = {
    **{word: number for number, word in enumerate(("mo", "tu", "we", "th", "fr", "sa", "su"))},
    "di": 1,
    "mi": 2,
    "do": 3,
    "so": 6,
}
_CHINESE_DAYS: Final = "一二三四五六日"
_GROUPS: Final = {
    "daily": (0, 6),
    "every day": (0, 6),
    "everyday": (0, 6),
    "每天": (0, 6),
    "每日": (0, 6),
    "天天": (0, 6),
    "weekdays": (0, 4),
    "weekday": (0, 4),
    "workdays": (0, 4),
    "工作日": (0, 4),
    "weekends": (5, 6),
    "weekend": (5, 6),
    "周末": (5, 6),
}
_DAY: Final = (
    r"(?:(?:周|星期|礼拜)(?P<zh{n}>[一二三四五六日天])|"
    r"(?P<en{n}>mo(?:n(?:days?)?)?|tu(?:e(?:s(?:days?)?)?)?|we(?:d(?:nesdays?)?)?|th(?:u(?:rs?(?:days?)?)?)?|"
    r"fr(?:i(?:days?)?)?|sa(?:t(?:urdays?)?)?|su(?:n(?:days?)?)?|di|mi|do|so)(?![a-z]))\.?"
)
_GROUP_PATTERN = re.compile("|".join(sorted(_GROUPS, key=len, reverse=True)))
_DAYS_PATTERN = re.compile(
    f"{_DAY.format(n=1)}(?:{DASH}(?:{_DAY.format(n=2)}|(?P<bare>[一二三四五六日天])))?"
)
_MORE_CHINESE_DAYS = re.compile(r"[一二三四五六日天](?![月日号点])")
_MONTH: Final = f"(?:{'|'.join(MONTHS)})[a-z]*\\.?"
_DATE_PATTERN = re.compile(
    r"(?:(?P<year>\d{4})\s?[-/.年]\s?)?(?P<month>\d{1,2})\s?(?:(?<=\d)[-/.]|月)\s?(?P<day>\d{1,2})(?:日|号)?(?!\d|:)"
    rf"|(?P<month_name>{_MONTH})\s+(?P<day_after>\d{{1,2}})(?!\d|:)(?:st|nd|rd|th)?(?:,?\s+(?P<year_after>\d{{4}}))?"
    rf"|(?P<day_before>\d{{1,2}})\.?\s+(?P<month_last>{_MONTH})(?:\s+(?P<year_last>\d{{4}}))?"
)
_CLOSED_PATTERN = re.compile(
    r"\s*(?:is\s+)?(?:closed|off|holidays?|geschlossen|休息|放假|休假|关门|闭店|不上班|休)\s*"
)
_OPEN_PATTERN = re.compile(r"\s*(?:is\s+)?(?:open|workday|working day|上班|补班|调休上班|营业)\s*")
_ALL_DAY_PATTERN = re.compile(r"\s*(?:24\s?(?:h|hours|小时)|all day|全天)\s*")


@dataclass(slots=True)
class _Parsed:
    """What the entries read so far say."""

    are_moments: bool = False  #: whether times are written without an end
    ranges: list[WeeklyRange] = field(default_factory=list)
    exceptions: list[ExceptionalDays] = field(default_factory=list)
    days: list[tuple[int, int]] = field(default_factory=list)  #: of the entry, or of the entries before it
    days_have_times: bool = True  #: whether days of the entries before are complete


def parse_hours(text: str) -> WeeklyHours:
    """Return the hours that a text describes.

    Raises:
        ValueError: they cannot be parsed; the message, which people see, says why.
    """
    hours, zone = split_time_zone(_plain(text), text)
    return _parse(hours, zone, _Parsed())


def parse_weekly_times(text: str) -> WeeklyHours:
    """Return the times of the week that a text describes: each is the begin of hours that last a minute.

    Without a time zone in the text, ``time_zone`` is "".

    Raises:
        ValueError: they cannot be parsed; the message, which people see, says why.
    """
    times, zone = _plain(text), ""
    with contextlib.suppress(ValueError):
        times, zone = split_time_zone(times, text)
    return _parse(times, zone, _Parsed(are_moments=True))


def _plain(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold().strip()
    return " ".join(plain.replace("\n", ", ").split())


def _parse(hours: str, zone: str, parsed: _Parsed) -> WeeklyHours:
    # A date's comma, as in "Dec 25, 2026", separates nothing.
    for entry in re.split(r"\s*(?:,(?!\s*\d{4}(?![-./年\d]))|[;、。])\s*", respell(hours)):
        if entry:
            _parse_entry(entry, parsed)
    example = _MOMENT_EXAMPLE if parsed.are_moments else _EXAMPLE
    what = "times" if parsed.are_moments else "hours"
    if not parsed.days_have_times:
        raise ValueError(f"days without times; {example}")
    if not parsed.ranges:
        raise ValueError(f"no {what}; {example}")
    return WeeklyHours(ranges=tuple(parsed.ranges), time_zone=zone, exceptions=tuple(parsed.exceptions))


def _parse_entry(entry: str, parsed: _Parsed) -> None:
    if entry == "24/7":
        entry = "daily 00:00-24:00"
    entry = _days_first(entry)
    exceptional = _parse_dates(entry)
    if exceptional is not None:
        first, last, yearly, rest = exceptional
        times = _parse_times(rest, entry, parsed, opened=lambda: _usual_times(parsed))
        parsed.exceptions.append(ExceptionalDays(first=first, last=last, yearly=yearly, times=times))
        parsed.days, parsed.days_have_times = [], True
        return
    days, rest = _parse_days(entry)
    if days:
        parsed.days = days if parsed.days_have_times else [*parsed.days, *days]
        parsed.days_have_times = False
    if not rest:
        return
    if days and (misspelt := re.match(rf"{DASH}([a-z]+)", rest)) is not None:
        raise ValueError(f"{misspelt[1]!r} is no day; they are {', '.join(DAYS)} and daily")
    times = _parse_times(rest, entry, parsed, opened=lambda: ())
    if parsed.exceptions and not parsed.days:  # more times of the exceptional days before
        last_one = parsed.exceptions.pop()
        more = ExceptionalDays(
            first=last_one.first, last=last_one.last, yearly=last_one.yearly, times=(*last_one.times, *times)
        )
        parsed.exceptions.append(more)
        return
    parsed.days = parsed.days or [(0, 6)]
    parsed.days_have_times = True
    parsed.ranges += [
        WeeklyRange(first_day=first_day, last_day=last_day, start_min=time.start_min, end_min=time.end_min)
        for first_day, last_day in parsed.days
        for time in times
    ]


def _days_first(entry: str) -> str:
    """Return an entry such as "9:00-18:00 mon-fri" with its days before its times."""
    times = TIMES_PATTERN.match(entry)
    days = entry[times.end() :].strip() if times is not None else ""
    if times is None or not days or _parse_days(days)[1]:
        return entry
    return f"{days} {times[0].strip()}"


def _parse_days(text: str) -> tuple[list[tuple[int, int]], str]:
    """Return the days of the week that a text begins with, and the rest of it."""
    days: list[tuple[int, int]] = []
    while True:
        text = text.lstrip(" /&+和及").removeprefix("and ").removeprefix("und ").removesuffix(":")
        if found := _GROUP_PATTERN.match(text):
            days.append(_GROUPS[found[0]])
        elif found := _DAYS_PATTERN.match(text):
            first = _day_number(found["zh1"] or found["en1"])
            last = found["zh2"] or found["en2"] or found["bare"]
            days.append((first, first if last is None else _day_number(last)))
        elif days and (found := _MORE_CHINESE_DAYS.match(text)):
            days.append((_day_number(found[0]),) * 2)
        else:
            return days, text.lstrip(" :")
        text = text[found.end() :]


def _day_number(word: str) -> int:
    return _CHINESE_DAYS.index("日" if word == "天" else word) if len(word) == 1 else _DAY_STEMS[word[:2]]


def _parse_dates(text: str) -> tuple[date, date, bool, str] | None:
    """Return (first day, last day, whether every year, rest) of an entry that begins with a date."""
    found = _DATE_PATTERN.match(text)
    if found is None:
        return None
    rest = text[found.end() :]
    if not found["year"] and "-" in found[0] and not rest.strip():
        return None  # "9-18" are times
    first, has_year = _date(found, default_year=None)
    last, yearly = first, not has_year
    if separator := re.match(DASH, rest):
        after = rest[separator.end() :]
        if end := _DATE_PATTERN.match(after):
            last, _ = _date(end, default_year=first.year)
            rest = after[end.end() :]
        elif (number := re.match(r"(\d{1,2})(?:日|号)(?!\d)", after)) is not None:
            last, rest = _make_date(first.year, first.month, int(number[1])), after[number.end() :]
    if not yearly and last < first:
        raise ValueError(f"{text!r}: the last day is before the first")
    return first, last, yearly, rest.strip(" :")


def _date(found: re.Match[str], *, default_year: int | None) -> tuple[date, bool]:
    """Return a date and whether its year is written; the year 2000, a leap year, means every year."""
    year = found["year"] or found["year_after"] or found["year_last"]
    name = found["month_name"] or found["month_last"]
    month = MONTHS.index(name[:3]) + 1 if name else int(found["month"])
    day = int(found["day"] or found["day_after"] or found["day_before"])
    return _make_date(int(year) if year else default_year or 2000, month, day), bool(year)


def _make_date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise ValueError(f"there is no day {month:02d}-{day:02d}; write dates as 2026-10-01") from None


def _usual_times(parsed: _Parsed) -> tuple[TimeRange, ...]:
    """Return the times of the first day that has some, which "open" means on an exceptional day."""
    if not parsed.ranges:
        return ()
    first = parsed.ranges[0].first_day
    return tuple(
        TimeRange(start_min=one.start_min, end_min=one.end_min) for one in parsed.ranges if first in one.days
    )


def _parse_times(
    text: str, entry: str, parsed: _Parsed, *, opened: Callable[[], tuple[TimeRange, ...]]
) -> tuple[TimeRange, ...]:
    """Return the times of an entry; () if it is closed, ``opened()`` if it is only said to be open."""
    if _CLOSED_PATTERN.fullmatch(text):
        return ()
    if _OPEN_PATTERN.fullmatch(text) and (usual := opened()):
        return usual
    if _ALL_DAY_PATTERN.fullmatch(text) and not parsed.are_moments:
        return (TimeRange(start_min=0, end_min=24 * 60),)
    pattern, what, example = TIMES_PATTERN, "hours", "09:00-18:00"
    if parsed.are_moments:
        pattern, what, example = MOMENT_PATTERN, "times", "09:00"
    times = []
    while text:
        found = pattern.match(text)
        if found is None and _CLOSED_PATTERN.search(text) is not None:
            raise ValueError(f"{entry!r} names no day; write holidays as 2026-10-01..2026-10-07 closed")
        if found is None:
            raise ValueError(f'{entry!r} are no {what}; write them such as "mon-fri {example}"')
        times.append(moment_range(found) if parsed.are_moments else time_range(found))
        text = text[found.end() :].strip()
    if not times:
        raise ValueError(f"{entry!r} has no times; write them such as {example}, or closed")
    return tuple(times)
