"""Whether somebody asks too much at once, or the same again and again. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

FLOOD_WINDOW_S: Final = 60.0
PAUSE_S: Final = 60.0  #: how long who asked too much waits
REPEAT_WINDOW_S: Final = 600.0  #: also how long the same words are not heard again
MOST_SEEN: Final = 300  #: questions that are remembered of one person


class Verdict(StrEnum):
    """What becomes of a question."""

    PASS = "pass"  # noqa: S105 (no password)
    FLOOD = "flood"  #: too many: told, and a pause begins
    REPEAT = "repeat"  #: the same too often: told
    SILENT = "silent"  #: not answered, and told before


@dataclass(frozen=True, slots=True, kw_only=True)
class PaceLimits:
    """What one person may do; 0 is no limit."""

    flood: int = 0  #: questions within :data:`FLOOD_WINDOW_S`
    repeats: int = 0  #: of the very same within :data:`REPEAT_WINDOW_S`


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How one person has asked lately. Times are seconds of the wall clock."""

    seen: tuple[tuple[float, str], ...] = ()  #: when, and the mark of what
    paused_until: float = 0.0
    hushed: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))  #: mark → until when


def judge(
    pace: Pace, limits: PaceLimits, *, now: float, mark: str, once: bool = False
) -> tuple[Pace, Verdict]:
    """Return how the person asks from now on, and what becomes of this question.

    ``mark`` stands for what is asked; "" is like nothing else. With ``once`` everything of the same
    mark is one question, as the pictures of an album are.
    """
    if now < pace.paused_until or now < pace.hushed.get(mark, 0.0):
        return pace, Verdict.SILENT
    seen = tuple(one for one in pace.seen if now - one[0] < REPEAT_WINDOW_S)[-MOST_SEEN:]
    if once and any(one[1] == mark for one in seen):
        return pace, Verdict.PASS
    seen = (*seen, (now, mark))
    pace = replace(pace, seen=seen, hushed={one: until for one, until in pace.hushed.items() if now < until})
    if 0 < limits.flood < sum(now - at < FLOOD_WINDOW_S for at, _ in seen):
        return replace(pace, seen=(), paused_until=now + PAUSE_S), Verdict.FLOOD
    if mark and 0 < limits.repeats < sum(one == mark for _, one in seen):
        return replace(pace, hushed={**pace.hushed, mark: now + REPEAT_WINDOW_S}), Verdict.REPEAT
    return pace, Verdict.PASS
