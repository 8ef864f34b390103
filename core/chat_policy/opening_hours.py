"""Weekly hours in a time zone, with exceptional days. Pure.

Times are local. If the clocks go forward over the boundary of a range, the boundary moves by as much; if
they go back, a range begins at the first and ends at the second of the two equal times.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES: Final = 24 * 60
_NEAR_DAYS: Final = 2  #: before and after a moment: hours that contain it begin at most a day before
_SEARCH_DAYS: Final = 9  #: days before and after a moment that are examined: a week and a margin
_EXCEPTIONAL_SEARCH_DAYS: Final = 62  #: the same if holidays may close a chat for weeks
_END: Final = re.compile(r"(?<=\d\d:\d\d)-\d\d:\d\d")  #: of a range of times
_OFFSET: Final = re.compile(r"UTC([+-])(\d{2}):(\d{2})")


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeRange:
    """Hours of one day."""

    start_min: int  #: minutes after midnight
    end_min: int  #: at most 1440; at most ``start_min`` if it ends on the next day

    def __str__(self) -> str:
        """Return it such as "09:00-18:00"."""
        return f"{_format_minutes(self.start_min)}-{_format_minutes(self.end_min)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyRange:
    """The same hours on consecutive days of the week."""

    first_day: int  #: first weekday, 0 is Monday
    last_day: int  #: last weekday; smaller than ``first_day`` if the days include Sunday and Monday
    start_min: int  #: minutes after midnight
    end_min: int  #: at most 1440; at most ``start_min`` if it ends on the next day

    @property
    def days(self) -> frozenset[int]:
        """Weekdays on which it begins, 0 is Monday."""
        count = (self.last_day - self.first_day) % 7 + 1
        return frozenset((self.first_day + step) % 7 for step in range(count))

    def __str__(self) -> str:
        """Return it as it can be entered, such as "mon-fri 09:00-18:00"."""
        days = (
            DAYS[self.first_day]
            if self.first_day == self.last_day
            else f"{DAYS[self.first_day]}-{DAYS[self.last_day]}"
        )
        return f"{days} {_format_minutes(self.start_min)}-{_format_minutes(self.end_min)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExceptionalDays:
    """Days to which the hours of the week do not apply: holidays, or weekends on which people work."""

    first: date
    last: date  #: included; before ``first`` if ``yearly`` days run over the end of a year
    yearly: bool = False  #: every year; the years of the dates mean nothing then
    times: tuple[TimeRange, ...] = ()  #: () if closed

    def includes(self, day: date) -> bool:
        """Return whether a day is one of them."""
        if not self.yearly:
            return self.first <= day <= self.last
        first, last = (self.first.month, self.first.day), (self.last.month, self.last.day)
        this = (day.month, day.day)
        return first <= this <= last if first <= last else this >= first or this <= last

    def __str__(self) -> str:
        """Return them as they can be entered, such as "2026-10-01..2026-10-07 closed"."""
        form = "%m-%d" if self.yearly else "%Y-%m-%d"
        days = (
            f"{self.first:{form}}" if self.first == self.last else f"{self.first:{form}}..{self.last:{form}}"
        )
        return f"{days} {' '.join(map(str, self.times)) or 'closed'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyHours:
    """Hours of a week in one time zone, with exceptional days."""

    ranges: tuple[WeeklyRange, ...]  #: at least one
    time_zone: str  #: IANA name, such as "Asia/Shanghai", or an offset such as "UTC+08:00"
    exceptions: tuple[ExceptionalDays, ...] = ()  #: the last one that includes a day counts

    @property
    def zone(self) -> tzinfo:
        """The time zone."""
        return find_zone(self.time_zone)

    def __str__(self) -> str:
        """Return the hours as they can be entered."""
        return f"{', '.join(map(str, (*self.ranges, *self.exceptions)))} {self.time_zone}"

    def format_starts(self) -> str:
        """Return times of a week, as :func:`parse_weekly_times` read them, without their ends."""
        parts = (*self.ranges, *self.exceptions)
        return f"{', '.join(_END.sub('', str(one)) for one in parts)} {self.time_zone}".rstrip()

    def last_start(self, moment: datetime) -> datetime | None:
        """Return the last start of the hours at or before a moment, in UTC; None if there is none near it."""
        starts = [begin for begin, _ in self._raw_intervals(moment, days=_SEARCH_DAYS) if begin <= moment]
        return max(starts, default=None)

    def contains(self, moment: datetime) -> bool:
        """Return whether a moment, a time-zone-aware datetime, lies within the hours."""
        return any(begin <= moment < end for begin, end in self._raw_intervals(moment, days=_NEAR_DAYS))

    def next_start(self, moment: datetime) -> datetime | None:
        """Return the next start of the hours in their zone; the moment itself if it lies within them.

        None if there is no start within about a week, or two months if there are exceptional days.
        """
        for begin, end in self._intervals(moment):
            if moment < end:
                return max(begin, moment).astimezone(self.zone)
        return None

    def closed_since(self, moment: datetime) -> datetime | None:
        """Return the last end of the hours before a moment, in UTC; None if it lies within them.

        It identifies a closed period.
        """
        since = None
        for begin, end in self._intervals(moment):
            if begin <= moment < end:
                return None
            if end <= moment:
                since = end
        return since

    def _intervals(self, moment: datetime) -> list[tuple[datetime, datetime]]:
        """Return the intervals (start, end) around a moment in UTC, ordered, adjacent ones merged."""
        merged: list[tuple[datetime, datetime]] = []
        days = _EXCEPTIONAL_SEARCH_DAYS if self.exceptions else _SEARCH_DAYS
        for begin, end in sorted(self._raw_intervals(moment, days=days)):
            if merged and begin <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((begin, end))
        return merged

    def _raw_intervals(self, moment: datetime, *, days: int) -> Iterator[tuple[datetime, datetime]]:
        """Yield the intervals (start, end) in UTC that begin at most ``days`` before or after a moment."""
        zone = self.zone
        today = moment.astimezone(zone).date()
        for step in range(-days, days + 1):
            day = today + timedelta(days=step)
            for hours in self._hours_of(day):
                last_day = day + timedelta(days=1) if hours.end_min <= hours.start_min else day
                begin = _to_utc(day, hours.start_min, zone, fold=0)
                end = _to_utc(last_day, hours.end_min, zone, fold=1)
                if begin < end:
                    yield begin, end

    def _hours_of(self, day: date) -> Sequence[TimeRange | WeeklyRange]:
        for exceptional in reversed(self.exceptions):
            if exceptional.includes(day):
                return exceptional.times
        return [weekly for weekly in self.ranges if day.weekday() in weekly.days]


def find_zone(name: str) -> tzinfo:
    """Return a time zone by its IANA name, or an offset such as "UTC+08:00"."""
    if (offset := _OFFSET.fullmatch(name)) is None:
        return ZoneInfo(name)
    span = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
    return timezone(-span if offset[1] == "-" else span, name)


def _to_utc(day: date, minute: int, zone: tzinfo, *, fold: int) -> datetime:
    """Return a local time, in minutes after midnight, as a moment in UTC."""
    days, rest = divmod(minute, DAY_MINUTES)
    clock = time(rest // 60, rest % 60, tzinfo=zone, fold=fold)
    local = datetime.combine(day + timedelta(days=days), clock)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        local = local.replace(fold=0)  # the clocks skip this time: it moves forward
    return local.astimezone(UTC)


def _format_minutes(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
