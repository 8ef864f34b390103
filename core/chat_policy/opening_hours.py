"""Weekly hours in a time zone. Pure.

Times are local. If the clocks go forward over the boundary of a range, the boundary moves by as much; if
they go back, a range begins at the first and ends at the second of the two equal times.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES: Final = 24 * 60
_SEARCH_DAYS: Final = 9  #: days before and after a moment that are examined: a week and a margin
_RANGE_PATTERN = re.compile(
    r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?|daily)\s+"
    r"(?P<begin>\d{1,2}:\d{2})-(?P<end>\d{1,2}:\d{2})"
)


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
        """Return it as :meth:`WeeklyHours.parse` reads it, such as "mon-fri 09:00-18:00"."""
        days = (
            DAYS[self.first_day]
            if self.first_day == self.last_day
            else f"{DAYS[self.first_day]}-{DAYS[self.last_day]}"
        )
        return f"{days} {_format_minutes(self.start_min)}-{_format_minutes(self.end_min)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyHours:
    """Hours of a week in one time zone."""

    ranges: tuple[WeeklyRange, ...]  #: at least one
    time_zone: str  #: IANA name, such as "Asia/Shanghai"

    @classmethod
    def parse(cls, text: str) -> "WeeklyHours":
        """Parse hours such as "mon-fri 09:00-18:00, sat 10:00-14:00 Asia/Shanghai".

        Raises:
            ValueError: they cannot be parsed; the message, which people see, says why.
        """
        hours, _, zone = text.strip().rpartition(" ")
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
            raise ValueError(f"{zone!r} is no time zone; write one such as Asia/Shanghai at the end") from exc
        ranges = tuple(_parse_range(part) for part in re.split(r"\s*[,;]\s*", hours.strip().lower()) if part)
        if not ranges:
            raise ValueError('no hours; write them such as "mon-fri 09:00-18:00 Asia/Shanghai"')
        return cls(ranges=ranges, time_zone=zone)

    def __str__(self) -> str:
        """Return the hours as :meth:`parse` reads them."""
        return f"{', '.join(map(str, self.ranges))} {self.time_zone}"

    def contains(self, moment: datetime) -> bool:
        """Return whether a moment, a time-zone-aware datetime, lies within the hours."""
        return any(begin <= moment < end for begin, end in self._intervals(moment))

    def next_start(self, moment: datetime) -> datetime | None:
        """Return the next start of the hours in their zone; the moment itself if it lies within them.

        None if there is no start within about a week.
        """
        for begin, end in self._intervals(moment):
            if moment < end:
                return max(begin, moment).astimezone(ZoneInfo(self.time_zone))
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
        for begin, end in sorted(self._raw_intervals(moment)):
            if merged and begin <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((begin, end))
        return merged

    def _raw_intervals(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        zone = ZoneInfo(self.time_zone)
        today = moment.astimezone(zone).date()
        for step in range(-_SEARCH_DAYS, _SEARCH_DAYS + 1):
            day = today + timedelta(days=step)
            for weekly in self.ranges:
                if day.weekday() not in weekly.days:
                    continue
                last_day = day + timedelta(days=1) if weekly.end_min <= weekly.start_min else day
                begin = _to_utc(day, weekly.start_min, zone, fold=0)
                end = _to_utc(last_day, weekly.end_min, zone, fold=1)
                if begin < end:
                    yield begin, end


def _to_utc(day: date, minute: int, zone: ZoneInfo, *, fold: int) -> datetime:
    """Return a local time, in minutes after midnight, as a moment in UTC."""
    days, rest = divmod(minute, DAY_MINUTES)
    clock = time(rest // 60, rest % 60, tzinfo=zone, fold=fold)
    local = datetime.combine(day + timedelta(days=days), clock)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        local = local.replace(fold=0)  # the clocks skip this time: it moves forward
    return local.astimezone(UTC)


def _parse_range(text: str) -> WeeklyRange:
    found = _RANGE_PATTERN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'{text!r} are no hours; write them such as "mon-fri 09:00-18:00"')
    first, last = found["first"] or "mon", found["last"] or found["first"] or "sun"
    for day in (first, last):
        if day not in DAYS:
            raise ValueError(f"{day!r} is no day; they are {', '.join(DAYS)} and daily")
    begin, end = _parse_minutes(found["begin"]), _parse_minutes(found["end"])
    if begin == DAY_MINUTES:
        raise ValueError("hours cannot begin at 24:00; write 00:00")
    return WeeklyRange(first_day=DAYS.index(first), last_day=DAYS.index(last), start_min=begin, end_min=end)


def _parse_minutes(text: str) -> int:
    hour, _, minute = text.partition(":")
    minutes = int(hour) * 60 + int(minute)
    if int(minute) > 59 or minutes > DAY_MINUTES:
        raise ValueError(f"{text!r} is no time of day")
    return minutes


def _format_minutes(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
