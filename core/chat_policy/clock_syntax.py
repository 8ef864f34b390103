"""Parsing of times of day, as people write them in business hours. Pure."""

import re
from typing import Final

from core.chat_policy.opening_hours import DAY_MINUTES, TimeRange

DASH: Final = r"\s*(?:\.{2,}|…|[-–—‐‑−~〜～至到]|\bto\b|\bthru\b|\bthrough\b|\btill?\b|\buntil\b|\bbis\b)\s*"
_CLOCK: Final = (
    r"(?P<part{n}>上午|早上|早|凌晨|中午|下午|傍晚|晚上|晚)?\s?(?P<hour{n}>\d{{1,2}})"
    r"(?:\s?[:.点时h]\s?(?P<minute{n}>\d{{2}})?分?|(?P<tight{n}>\d{{2}}))?"
    r"\s?(?P<half{n}>[ap]\.?m\.?)?(?:\s?(?:uhr|o'clock))?"
)
TIMES_PATTERN = re.compile(
    rf"\s*(?:from\s+)?{_CLOCK.format(n=1)}{DASH}{_CLOCK.format(n=2)}(?:\s*(?:and|und|和|及|&|\+)\s*)?"
)
MOMENT_PATTERN = re.compile(rf"\s*(?:at\s+)?{_CLOCK.format(n=1)}(?:\s*(?:and|und|和|及|&|\+|/)\s*)?")
_BARE_HOURS = re.compile(r"\d{1,2}\s*\D{1,3}\s*\d{1,2}")
_MORNING: Final = range(6 * 60, 12 * 60)
_BEFORE_EVENING: Final = range(60, 9 * 60)  #: said of the afternoon, if it follows a morning


def time_range(found: re.Match[str]) -> TimeRange:
    """Return the times of a match of :data:`TIMES_PATTERN`.

    Raises:
        ValueError: one of them is no time of day.
    """
    half_of_first = found["half1"] or ""
    start, end = _minutes(found, 1, half_of_first), _minutes(found, 2, found["half2"] or "")
    bare = _BARE_HOURS.fullmatch(found[0].strip()) is not None
    if bare and end < start and start in _MORNING and end in _BEFORE_EVENING:
        end += 12 * 60  # "9-5" is no night shift
    if start == 24 * 60:
        raise ValueError("hours cannot begin at 24:00; write 00:00")
    return TimeRange(start_min=start, end_min=end)


def moment_range(found: re.Match[str]) -> TimeRange:
    """Return the minute that begins at the time of a match of :data:`MOMENT_PATTERN`.

    Raises:
        ValueError: it is no time of day.
    """
    start = _minutes(found, 1, found["half1"] or "") % DAY_MINUTES
    return TimeRange(start_min=start, end_min=start + 1)


def _minutes(found: re.Match[str], number: int, half: str) -> int:
    hour, part = int(found[f"hour{number}"]), found[f"part{number}"] or ""
    minute = int(found[f"minute{number}"] or found[f"tight{number}"] or 0)
    if half and not 1 <= hour <= 12:
        raise ValueError(f"{found[0].strip()!r} is no time of day")
    if half.startswith("p") or part in ("下午", "傍晚", "晚上", "晚", "中午"):
        hour += 12 if hour < 12 and not (part == "中午" and hour > 10) else 0
    elif half.startswith("a") and hour == 12:
        hour = 0
    minutes = hour * 60 + minute
    if minute > 59 or minutes > 24 * 60:
        raise ValueError(f"{found[0].strip()!r} is no time of day")
    return minutes
