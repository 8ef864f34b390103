"""The page of the desk: who waits, and figures of the team."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from starlette.responses import Response

from bots.console.site import Visit
from bots.console.thread_links import thread_link
from core.inbound.console_rights import ConsoleRole
from core.store import activity_report, ratings
from core.store.clock import utc_now
from core.store.ratings import HandoffOutcome

PERIOD = timedelta(days=30)
STARS = (1, 2, 3, 4, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssigneeFigures:
    """Handoffs of one member of the team."""

    name: str  #: "" for handoffs that nobody took
    handoffs: int
    answered: int
    median_response_s: float | None
    mean_stars: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayFigures:
    """Handoffs that were requested on one day."""

    day: str  #: as MM-DD
    handoffs: int
    response_s: float | None  #: median
    resolution_s: float | None  #: median


async def desk(visit: Visit) -> Response:
    """Return who is at the desk, and figures of the last month."""
    async with visit.site.database.read() as tx:
        handoffs = await activity_report.list_open_handoffs(tx, scope=visit.rights.readable)
        colleagues = await activity_report.list_assignees(tx, scope=visit.rights.changeable)
        outcomes = await ratings.load_outcomes(tx, scope=visit.rights.readable, since=utc_now() - PERIOD)
    return visit.render(
        "desk.html",
        handoffs=handoffs,
        links={one.id: thread_link(one.desk_platform, one.desk_channel, one.desk_thread) for one in handoffs},
        colleagues=colleagues,
        can_change=visit.rights.role is not ConsoleRole.VIEWER,
        assignees=figures_by_assignee(outcomes),
        stars=[sum(one.stars == stars for one in outcomes) for stars in STARS],
        days=figures_by_day(outcomes),
    )


def figures_by_day(outcomes: Sequence[HandoffOutcome]) -> Sequence[DayFigures]:
    """Return figures of each day (UTC) with handoffs, in order."""
    days = sorted({one.requested_at.date() for one in outcomes})
    return [
        DayFigures(
            day=f"{day:%m-%d}",
            handoffs=sum(one.requested_at.date() == day for one in outcomes),
            response_s=_median(one.response_s for one in outcomes if one.requested_at.date() == day),
            resolution_s=_median(one.resolution_s for one in outcomes if one.requested_at.date() == day),
        )
        for day in days
    ]


def figures_by_assignee(outcomes: Sequence[HandoffOutcome]) -> Sequence[AssigneeFigures]:
    """Return figures for each assignee, those with the most handoffs first."""
    names = {one.assignee for one in outcomes}
    figures = [_figures(name, [one for one in outcomes if one.assignee == name]) for name in names]
    return sorted(figures, key=lambda one: (-one.handoffs, one.name))


def _figures(name: str, outcomes: Sequence[HandoffOutcome]) -> AssigneeFigures:
    responses = [one.response_s for one in outcomes if one.response_s is not None]
    stars = [one.stars for one in outcomes if one.stars is not None]
    return AssigneeFigures(
        name=name,
        handoffs=len(outcomes),
        answered=len(responses),
        median_response_s=_median(responses),
        mean_stars=statistics.mean(stars) if stars else None,
    )


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None
