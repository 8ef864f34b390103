"""Flood control of one person: requests in a minute, and repetitions of the same words. Pure.

A request is whatever makes the service call Kimi or a platform: a question, a command, a pressed button,
an edit that is answered anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

FLOOD_WINDOW_S: Final = 60.0
PAUSE_S: Final = 60.0  #: pause after too many questions
DUPLICATE_WINDOW_S: Final = 600.0  #: also the time for which repeated words are ignored
MAX_RECENT: Final = 300  #: requests that are counted of one person
GROUP_COMMANDS_PER_MINUTE: Final = 4  #: of one person; the members of a group share the platform's limits
COMMAND_MARK: Final = "command"  #: fingerprint of such commands; those of questions are hexadecimal


class FloodDecision(StrEnum):
    """Decision on one request."""

    ALLOW = "pass"
    FLOOD = "flood"  #: too many: refused with a notice, and a pause begins
    DUPLICATE = "repeat"  #: the same words too often: refused with a notice
    DROP = "silent"  #: refused in silence, after a notice


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodLimits:
    """Limits of one person; 0 is no limit."""

    questions_per_minute: int = 0  #: requests within :data:`FLOOD_WINDOW_S`
    duplicates_per_10_min: int = 0  #: questions in the same words within :data:`DUPLICATE_WINDOW_S`


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodCounter:
    """One person's recent requests. Times are seconds since the epoch."""

    recent: tuple[tuple[float, str], ...] = ()  #: (time, fingerprint), oldest first
    paused_until: float = 0.0
    #: Fingerprint → end of the time in which it is ignored.
    muted_until: Mapping[str, float] = field(default_factory=dict)
    upload_day: str = ""  #: the UTC day of the newest upload, in ISO form
    uploads: int = 0  #: files read on that day


def check_flood(
    counter: FloodCounter, limits: FloodLimits, *, now: float, fingerprint: str, count_once: bool = False
) -> tuple[FloodCounter, FloodDecision]:
    """Return the counter after one more question, and the decision on it.

    Args:
        counter: the person's recent questions.
        limits: the person's limits.
        now: seconds since the epoch.
        fingerprint: equal for equal questions; "" is never a repetition.
        count_once: counts all questions of this fingerprint as one, such as the pictures of an album.
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


def check_request(
    counter: FloodCounter, limits: FloodLimits, *, now: float, group_command: bool
) -> tuple[FloodCounter, FloodDecision]:
    """Return the counter after one more request that is no question, and the decision on it.

    It is refused in silence, because a notice would be one more reply to the same flood.

    Args:
        counter: the person's recent requests.
        limits: the person's limits.
        now: seconds since the epoch.
        group_command: whether it is a command in a group.
    """
    marks = [mark for at, mark in counter.recent if now - at < FLOOD_WINDOW_S]
    if (
        now < counter.paused_until
        or 0 < limits.questions_per_minute <= len(marks)
        or (group_command and marks.count(COMMAND_MARK) >= GROUP_COMMANDS_PER_MINUTE)
    ):
        return counter, FloodDecision.DROP
    request = (now, COMMAND_MARK if group_command else "")
    return replace(counter, recent=(*counter.recent, request)[-MAX_RECENT:]), FloodDecision.ALLOW


def count_upload(counter: FloodCounter, *, day: str, limit: int) -> FloodCounter | None:
    """Return the counter after one more file of a person; None if the day's limit is reached.

    Args:
        counter: the person's counter.
        day: the present UTC day, in ISO form.
        limit: files per day, at least 1.
    """
    uploads = counter.uploads if counter.upload_day == day else 0
    return None if uploads >= limit else replace(counter, upload_day=day, uploads=uploads + 1)
