"""Time zones as people write them: by name in any case, by city, or by offset. Pure."""

import re
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from core.text.language import Language, pick

_OFFSET_PATTERN = re.compile(r"(?:utc|gmt)?\s?([+-])(\d{1,2})(?::?(\d{2}))?")
_CITIES: Final = {"北京时间": "Asia/Shanghai", "北京": "Asia/Shanghai", "beijing": "Asia/Shanghai"}
_MAX_ZONE_WORDS: Final = 3


def default_time_zone(language: Language) -> str:
    """Return the time zone that times without one are meant in, in a chat without hours."""
    return pick(language, zh="Asia/Shanghai", en="UTC")


def split_time_zone(text: str, original: str) -> tuple[str, str]:
    """Return a text without the time zone at its end, and the zone's name.

    Args:
        text: in lower case, with single spaces.
        original: as it was written, for the error.

    Returns:
        The rest, and an IANA name or an offset such as "UTC+08:00".

    Raises:
        ValueError: there is no time zone at the end.
    """
    words = text.split(" ")
    for count in range(min(_MAX_ZONE_WORDS, len(words)), 0, -1):
        zone = _find_zone(" ".join(words[-count:]).strip("()[].,;"))
        if zone is not None:
            return " ".join(words[:-count]).rstrip(" ,;("), zone
    last = original.strip().rpartition(" ")[2]
    raise ValueError(f"{last!r} is no time zone; write one such as Asia/Shanghai at the end")


def _find_zone(name: str) -> str | None:
    if name in _CITIES:
        return _CITIES[name]
    name = name.removesuffix(" time")
    if name in _CITIES:
        return _CITIES[name]
    if (offset := _OFFSET_PATTERN.fullmatch(name)) is not None and (name[0] in "ug" or ":" in name):
        hours, minutes = int(offset[2]), int(offset[3] or 0)
        return f"UTC{offset[1]}{hours:02d}:{minutes:02d}" if hours <= 14 and minutes < 60 else None
    return _zones_by_name().get(name.replace(" ", "_"))


@cache
def _zones_by_name() -> dict[str, str]:
    """Return the IANA zones by their names and, if one zone alone has it, their city, in lower case."""
    cities: dict[str, set[str]] = {}
    for zone in available_timezones():
        if "/" in zone and not zone.startswith(("Etc/", "posix/", "right/", "SystemV/")):
            cities.setdefault(zone.rpartition("/")[2].casefold(), set()).add(zone)
    found = {city: min(zones) for city, zones in cities.items() if len(zones) == 1}
    return found | {zone.casefold(): zone for zone in available_timezones()}
