"""Weekly hours in a time zone: what they cover, when they begin again. Pure.

Times are those on the wall. Where the clocks go forward over an end of a span, it moves by as much;
where they go back, a span begins with the first and ends with the second of the two equal hours.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES: Final = 24 * 60
_SEARCH_DAYS: Final = 9  #: how far from a moment spans are looked for: a week, and an end on each side
_RANGE_PATTERN = re.compile(
    r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?|daily)\s+"
    r"(?P<begin>\d{1,2}:\d{2})-(?P<end>\d{1,2}:\d{2})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyRange:
    """The same hours on several days of the week."""

    first_day: int  #: weekday on which it begins, 0 is Monday
    last_day: int  #: the last such weekday; before ``first`` where it runs over a Sunday
    start_min: int  #: minutes after midnight
    end_min: int  #: at most 1440; not after ``begin_min`` where it ends on the next day

    @property
    def days(self) -> frozenset[int]:
        """The weekdays on which it begins."""
        count = (self.last_day - self.first_day) % 7 + 1
        return frozenset((self.first_day + step) % 7 for step in range(count))

    def __str__(self) -> str:
        """Return it as people write it."""
        days = (
            DAYS[self.first_day]
            if self.first_day == self.last_day
            else f"{DAYS[self.first_day]}-{DAYS[self.last_day]}"
        )
        return f"{days} {_format_minutes(self.start_min)}-{_format_minutes(self.end_min)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WeeklyHours:
    """Spans of a week, by the clocks of a place."""

    ranges: tuple[WeeklyRange, ...]  #: at least one
    time_zone: str  #: IANA name, such as "Asia/Shanghai"

    @classmethod
    def parse(cls, text: str) -> "WeeklyHours":
        """Read hours such as "mon-fri 09:00-18:00, sat 10:00-14:00 Asia/Shanghai".

        Raises:
            ValueError: it cannot be read; the text says what is wrong.
        """
        written, _, zone = text.strip().rpartition(" ")
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
            raise ValueError(f"{zone!r} is no time zone; write one such as Asia/Shanghai at the end") from exc
        spans = tuple(_parse_range(part) for part in re.split(r"\s*[,;]\s*", written.strip().lower()) if part)
        if not spans:
            raise ValueError('no hours; write them such as "mon-fri 09:00-18:00 Asia/Shanghai"')
        return cls(ranges=spans, time_zone=zone)

    def __str__(self) -> str:
        """Return them as :meth:`parse` reads them."""
        return f"{', '.join(map(str, self.ranges))} {self.time_zone}"

    def contains(self, moment: datetime) -> bool:
        """Return whether an aware moment lies within."""
        return any(begin <= moment < end for begin, end in self._intervals(moment))

    def next_start(self, moment: datetime) -> datetime | None:
        """Return the next moment, in the zone, from which on they cover; the moment itself if they do.

        None where nothing is covered within a week.
        """
        for begin, end in self._intervals(moment):
            if moment < end:
                return max(begin, moment).astimezone(ZoneInfo(self.time_zone))
        return None

    def current_end(self, moment: datetime) -> datetime | None:
        """Return when the hours that cover a moment end, in the zone; None where none do.

        Hours that never end are told to end in about a week.
        """
        for begin, end in self._intervals(moment):
            if begin <= moment < end:
                return end.astimezone(ZoneInfo(self.time_zone))
        return None

    def closed_since(self, moment: datetime) -> datetime | None:
        """Return when the hours last ended, in UTC: the name of a closed period; None while they cover."""
        since = None
        for begin, end in self._intervals(moment):
            if begin <= moment < end:
                return None
            if end <= moment:
                since = end
        return since

    def _intervals(self, moment: datetime) -> list[tuple[datetime, datetime]]:
        """Return what is covered around a moment, in UTC, in order; what touches is one."""
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
            for span in self.ranges:
                if day.weekday() not in span.days:
                    continue
                over = span.end_min <= span.start_min
                begin = _to_utc(day, span.start_min, zone, fold=0)
                end = _to_utc(day + timedelta(days=1) if over else day, span.end_min, zone, fold=1)
                if begin < end:
                    yield begin, end


def _to_utc(day: date, minute: int, zone: ZoneInfo, *, fold: int) -> datetime:
    """Return a time on the wall as a moment in UTC."""
    days, rest = divmod(minute, DAY_MINUTES)
    clock = time(rest // 60, rest % 60, tzinfo=zone, fold=fold)
    local = datetime.combine(day + timedelta(days=days), clock)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        local = local.replace(fold=0)  # a time that the clocks leave out: it moves forward
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
