"""``moonthread desk``: statistics of the team's desk: response times, resolution times, ratings."""

import statistics
from collections.abc import Sequence

import typer

from bots.cli.feedback import SinceOption, first_moment
from bots.cli.store import run_read
from bots.cli.tables import print_lines
from core.domain.handoff_state import HandoffState
from core.store import Transaction, ratings
from core.store.conversation_scope import EVERYTHING
from core.store.ratings import HandoffOutcome

desk = typer.Typer(name="desk", help="The team's desk.", no_args_is_help=True)
COLUMNS = (
    "who",
    "handoffs",
    "answered",
    "response p50 min",
    "p90 min",
    "resolved p50 min",
    "closed",
    "rating",
    "rated",
)


@desk.callback()
def _desk() -> None:
    """Keep ``stats`` a subcommand, so that others can be added."""


@desk.command()
def stats(since: SinceOption = None) -> None:
    """Print handovers by assignee: first response and resolution (in minutes) and rating."""

    async def work(tx: Transaction) -> Sequence[HandoffOutcome]:
        return await ratings.load_outcomes(tx, scope=EVERYTHING, since=first_moment(since))

    outcomes = run_read(work)
    assignees = sorted({one.assignee for one in outcomes})
    lines = [list(COLUMNS)]
    lines += [
        table_row(assignee or "(nobody)", [one for one in outcomes if one.assignee == assignee])
        for assignee in assignees
    ]
    lines.append(table_row("total", outcomes))
    print_lines(lines, [False, *(True for _ in COLUMNS[1:])])


def table_row(name: str, outcomes: Sequence[HandoffOutcome]) -> list[str]:
    """Return one row of the table; times in minutes, "-" if there are none."""
    responses = [one.response_s for one in outcomes if one.response_s is not None]
    resolved = [one.resolution_s for one in outcomes if one.resolution_s is not None]
    stars = [one.stars for one in outcomes if one.stars is not None]
    return [
        name,
        str(len(outcomes)),
        str(len(responses)),
        _percentile_minutes(responses, 0.5),
        _percentile_minutes(responses, 0.9),
        _percentile_minutes(resolved, 0.5),
        str(sum(one.state is HandoffState.CLOSED for one in outcomes)),
        f"{statistics.mean(stars):.1f}" if stars else "-",
        str(len(stars)),
    ]


def _percentile_minutes(times_s: Sequence[float], quantile: float) -> str:
    if not times_s:
        return "-"
    ordered = sorted(times_s)
    return f"{ordered[min(len(ordered) - 1, int(quantile * len(ordered)))] / 60:.1f}"
