"""Pages about the team's work: desk, knowledge, rules of chats."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from starlette.responses import Response

from bots.console.site import Visit
from core.chat_policy import render_rules
from core.knowledge.finder import FoundPassage, PassageFinder
from core.store import (
    activity_report,
    blocked_people,
    knowledge,
    ratings,
    rules,
    turn_reports,
)
from core.store.clock import utc_now
from core.store.ratings import HandoffOutcome
from core.store.turn_reports import TurnFilter

PERIOD = timedelta(days=30)
MAX_GAPS = 50
MAX_QUESTION_CHARS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AssigneeFigures:
    """Handoffs of one member of the team."""

    name: str  #: "" for handoffs that nobody took
    handoffs: int
    answered: int
    median_response_s: float | None
    mean_stars: float | None


async def desk(visit: Visit) -> Response:
    """Return who is at the desk, and figures of the last month."""
    async with visit.site.database.read() as tx:
        handoffs = await activity_report.list_open_handoffs(tx, scope=visit.rights.readable)
        outcomes = await ratings.load_outcomes(tx, scope=visit.rights.readable, since=utc_now() - PERIOD)
    return visit.render("desk.html", handoffs=handoffs, assignees=figures_by_assignee(outcomes))


async def knowledge_sets(visit: Visit) -> Response:
    """Return sets, their files, gaps, and the passages for a question that is tried."""
    question = visit.argument("q")[:MAX_QUESTION_CHARS]
    async with visit.site.database.read() as tx:
        sets = await knowledge.load_all_sets(tx)
        documents = {one.id: await knowledge.load_documents(tx, one.id) for one in sets}
        gaps = await turn_reports.list_turns(
            tx,
            TurnFilter(unknown=True, since=utc_now() - PERIOD),
            scope=visit.rights.readable,
            limit=MAX_GAPS,
        )
    found: Sequence[FoundPassage] = ()
    if question:
        found = await PassageFinder(visit.site.database).find([one.id for one in sets], question)
    if gaps:
        await visit.audit("gaps.read", str(len(gaps)))
    return visit.render(
        "knowledge.html", sets=sets, documents=documents, gaps=gaps, question=question, found=found
    )


async def chats(visit: Visit) -> Response:
    """Return the rules of every chat that has any, and blocked people."""
    async with visit.site.database.read() as tx:
        stored = await rules.load_all(tx)
        blocked = await blocked_people.load_blocked(tx)
    rows = [(one, render_rules(one.rules)) for one in stored]
    return visit.render("chats.html", rows=rows, blocked=blocked)


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
        median_response_s=statistics.median(responses) if responses else None,
        mean_stars=statistics.mean(stars) if stars else None,
    )
