"""Whether somebody asks too much at once, or the same again and again. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

FLOOD_WINDOW_S: Final = 60.0
PAUSE_S: Final = 60.0  #: how long who asked too much waits
DUPLICATE_WINDOW_S: Final = 600.0  #: also how long the same words are not heard again
MAX_RECENT: Final = 300  #: questions that are remembered of one person


class FloodDecision(StrEnum):
    """What becomes of a question."""

    ALLOW = "pass"
    FLOOD = "flood"  #: too many: told, and a pause begins
    DUPLICATE = "repeat"  #: the same too often: told
    DROP = "silent"  #: not answered, and told before


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodLimits:
    """What one person may do; 0 is no limit."""

    questions_per_minute: int = 0  #: questions within :data:`FLOOD_WINDOW_S`
    duplicates_per_10_min: int = 0  #: of the very same within :data:`DUPLICATE_WINDOW_S`


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodCounter:
    """How one person has asked lately. Times are seconds of the wall clock."""

    recent: tuple[tuple[float, str], ...] = ()  #: when, and the mark of what
    paused_until: float = 0.0
    muted_until: Mapping[str, float] = field(
        default_factory=lambda: MappingProxyType({})
    )  #: mark → until when


def check_flood(
    counter: FloodCounter, limits: FloodLimits, *, now: float, fingerprint: str, count_once: bool = False
) -> tuple[FloodCounter, FloodDecision]:
    """Return how the person asks from now on, and what becomes of this question.

    ``mark`` stands for what is asked; "" is like nothing else. With ``once`` everything of the same
    mark is one question, as the pictures of an album are.
    """
    if now < counter.paused_until or now < counter.muted_until.get(fingerprint, 0.0):
        return counter, FloodDecision.DROP
    seen = tuple(one for one in counter.recent if now - one[0] < DUPLICATE_WINDOW_S)[-MAX_RECENT:]
    if count_once and any(one[1] == fingerprint for one in seen):
        return counter, FloodDecision.ALLOW
    seen = (*seen, (now, fingerprint))
    counter = replace(
        counter,
        recent=seen,
        muted_until={one: until for one, until in counter.muted_until.items() if now < until},
    )
    if 0 < limits.questions_per_minute < sum(now - at < FLOOD_WINDOW_S for at, _ in seen):
        return replace(counter, recent=(), paused_until=now + PAUSE_S), FloodDecision.FLOOD
    if fingerprint and 0 < limits.duplicates_per_10_min < sum(one == fingerprint for _, one in seen):
        return replace(
            counter, muted_until={**counter.muted_until, fingerprint: now + DUPLICATE_WINDOW_S}
        ), FloodDecision.DUPLICATE
    return counter, FloodDecision.ALLOW
