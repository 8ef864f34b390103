"""``moonthread desk``: statistics of the team's desk: response times, resolution times, ratings."""

import statistics
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from bots.cli.store import open_database
from bots.cli.terminal import run_async
from core.domain.handoff_state import HandoffState
from core.settings import Requirement, Settings, load
from core.store import ratings
from core.store.clock import utc_now
from core.store.ratings import HandoffOutcome

desk = typer.Typer(name="desk", help="The team's desk.", no_args_is_help=True)
DEFAULT_PERIOD = timedelta(days=30)
COLUMNS = ("who", "handovers", "answered", "response p50", "p90", "resolved p50", "closed", "rating", "rated")


@desk.callback()
def _desk() -> None:
    """Keep ``stats`` a subcommand, so that others can be added."""


@desk.command()
def stats(
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day, by UTC; a month ago.")
    ] = None,
) -> None:
    """Print handovers by assignee: first response and resolution (in minutes) and rating."""
    settings = load(required=[Requirement.STORE])
    first = since.replace(tzinfo=UTC) if since is not None else utc_now() - DEFAULT_PERIOD
    outcomes = run_async(_load_outcomes(settings, first))
    assignees = sorted({one.assignee for one in outcomes})
    lines = [list(COLUMNS)]
    lines += [
        table_row(assignee or "(nobody)", [one for one in outcomes if one.assignee == assignee])
        for assignee in assignees
    ]
    lines.append(table_row("total", outcomes))
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    for name, *rest in lines:
        cells = [text.rjust(width) for text, width in zip(rest, widths[1:], strict=True)]
        print("  ".join([name.ljust(widths[0]), *cells]))


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


async def _load_outcomes(settings: Settings, since: datetime) -> list[HandoffOutcome]:
    async with open_database(settings) as database, database.read() as tx:
        return await ratings.load_outcomes(tx, since=since)
