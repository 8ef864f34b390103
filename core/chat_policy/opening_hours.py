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
DAY_MIN: Final = 24 * 60
_REACH_DAYS: Final = 9  #: how far from a moment spans are looked for: a week, and an end on each side
_SPAN = re.compile(
    r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?|daily)\s+"
    r"(?P<begin>\d{1,2}:\d{2})-(?P<end>\d{1,2}:\d{2})"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The same hours on several days of the week."""

    first: int  #: weekday on which it begins, 0 is Monday
    last: int  #: the last such weekday; before ``first`` where it runs over a Sunday
    begin_min: int  #: minutes after midnight
    end_min: int  #: at most 1440; not after ``begin_min`` where it ends on the next day

    @property
    def days(self) -> frozenset[int]:
        """The weekdays on which it begins."""
        count = (self.last - self.first) % 7 + 1
        return frozenset((self.first + step) % 7 for step in range(count))

    def __str__(self) -> str:
        """Return it as people write it."""
        days = DAYS[self.first] if self.first == self.last else f"{DAYS[self.first]}-{DAYS[self.last]}"
        return f"{days} {_clock(self.begin_min)}-{_clock(self.end_min)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Spans of a week, by the clocks of a place."""

    spans: tuple[Span, ...]  #: at least one
    zone: str  #: IANA name, such as "Asia/Shanghai"

    @classmethod
    def parse(cls, text: str) -> "Hours":
        """Read hours such as "mon-fri 09:00-18:00, sat 10:00-14:00 Asia/Shanghai".

        Raises:
            ValueError: it cannot be read; the text says what is wrong.
        """
        written, _, zone = text.strip().rpartition(" ")
        try:
            ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
            raise ValueError(f"{zone!r} is no time zone; write one such as Asia/Shanghai at the end") from exc
        spans = tuple(_span(part) for part in re.split(r"\s*[,;]\s*", written.strip().lower()) if part)
        if not spans:
            raise ValueError('no hours; write them such as "mon-fri 09:00-18:00 Asia/Shanghai"')
        return cls(spans=spans, zone=zone)

    def __str__(self) -> str:
        """Return them as :meth:`parse` reads them."""
        return f"{', '.join(map(str, self.spans))} {self.zone}"

    def covers(self, moment: datetime) -> bool:
        """Return whether an aware moment lies within."""
        return any(begin <= moment < end for begin, end in self._stretches(moment))

    def opens(self, moment: datetime) -> datetime | None:
        """Return the next moment, in the zone, from which on they cover; the moment itself if they do.

        None where nothing is covered within a week.
        """
        for begin, end in self._stretches(moment):
            if moment < end:
                return max(begin, moment).astimezone(ZoneInfo(self.zone))
        return None

    def closes(self, moment: datetime) -> datetime | None:
        """Return when the hours that cover a moment end, in the zone; None where none do.

        Hours that never end are told to end in about a week.
        """
        for begin, end in self._stretches(moment):
            if begin <= moment < end:
                return end.astimezone(ZoneInfo(self.zone))
        return None

    def closed_since(self, moment: datetime) -> datetime | None:
        """Return when the hours last ended, in UTC: the name of a closed period; None while they cover."""
        since = None
        for begin, end in self._stretches(moment):
            if begin <= moment < end:
                return None
            if end <= moment:
                since = end
        return since

    def _stretches(self, moment: datetime) -> list[tuple[datetime, datetime]]:
        """Return what is covered around a moment, in UTC, in order; what touches is one."""
        merged: list[tuple[datetime, datetime]] = []
        for begin, end in sorted(self._each(moment)):
            if merged and begin <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((begin, end))
        return merged

    def _each(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        zone = ZoneInfo(self.zone)
        today = moment.astimezone(zone).date()
        for step in range(-_REACH_DAYS, _REACH_DAYS + 1):
            day = today + timedelta(days=step)
            for span in self.spans:
                if day.weekday() not in span.days:
                    continue
                over = span.end_min <= span.begin_min
                begin = _at(day, span.begin_min, zone, fold=0)
                end = _at(day + timedelta(days=1) if over else day, span.end_min, zone, fold=1)
                if begin < end:
                    yield begin, end


def _at(day: date, minute: int, zone: ZoneInfo, *, fold: int) -> datetime:
    """Return a time on the wall as a moment in UTC."""
    days, rest = divmod(minute, DAY_MIN)
    clock = time(rest // 60, rest % 60, tzinfo=zone, fold=fold)
    local = datetime.combine(day + timedelta(days=days), clock)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
        local = local.replace(fold=0)  # a time that the clocks leave out: it moves forward
    return local.astimezone(UTC)


def _span(text: str) -> Span:
    found = _SPAN.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'{text!r} are no hours; write them such as "mon-fri 09:00-18:00"')
    first, last = found["first"] or "mon", found["last"] or found["first"] or "sun"
    for day in (first, last):
        if day not in DAYS:
            raise ValueError(f"{day!r} is no day; they are {', '.join(DAYS)} and daily")
    begin, end = _minutes(found["begin"]), _minutes(found["end"])
    if begin == DAY_MIN:
        raise ValueError("hours cannot begin at 24:00; write 00:00")
    return Span(first=DAYS.index(first), last=DAYS.index(last), begin_min=begin, end_min=end)


def _minutes(text: str) -> int:
    hour, _, minute = text.partition(":")
    minutes = int(hour) * 60 + int(minute)
    if int(minute) > 59 or minutes > DAY_MIN:
        raise ValueError(f"{text!r} is no time of day")
    return minutes


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"
