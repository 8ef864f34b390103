"""``moonthread desk``: how fast people answered who took conversations over, and how they were rated."""

import statistics
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from bots.cli.store import opened
from bots.cli.terminal import run_async
from core.settings import Need, Settings, load
from core.store import ratings
from core.store.clock import utc_now
from core.store.ratings import Outcome

desk = typer.Typer(name="desk", help="The team's desk.", no_args_is_help=True)
MONTH = timedelta(days=30)
COLUMNS = ("who", "handovers", "answered", "response p50", "p90", "resolved p50", "closed", "rating", "rated")


@desk.callback()
def _desk() -> None:
    """Keep ``stats`` a command of its own, for others to stand beside it."""


@desk.command()
def stats(
    since: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day, by UTC; a month ago.")
    ] = None,
) -> None:
    """Print handovers by who took them: first response, resolution (in minutes) and rating."""
    settings = load(needs=[Need.STORE])
    first = since.replace(tzinfo=UTC) if since is not None else utc_now() - MONTH
    found = run_async(_read(settings, first))
    takers = sorted({one.taker for one in found})
    lines = [list(COLUMNS)]
    lines += [row(taker or "(nobody)", [one for one in found if one.taker == taker]) for taker in takers]
    lines.append(row("total", found))
    widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
    for name, *rest in lines:
        cells = [text.rjust(width) for text, width in zip(rest, widths[1:], strict=True)]
        print("  ".join([name.ljust(widths[0]), *cells]))


def row(name: str, found: Sequence[Outcome]) -> list[str]:
    """Return one line of the table; times in minutes, "-" where there are none."""
    responses = [one.response_s for one in found if one.response_s is not None]
    resolved = [one.resolution_s for one in found if one.resolution_s is not None]
    stars = [one.stars for one in found if one.stars is not None]
    return [
        name,
        str(len(found)),
        str(len(responses)),
        _minutes(responses, 0.5),
        _minutes(responses, 0.9),
        _minutes(resolved, 0.5),
        str(sum(one.state == "closed" for one in found)),
        f"{statistics.mean(stars):.1f}" if stars else "-",
        str(len(stars)),
    ]


def _minutes(times_s: Sequence[float], share: float) -> str:
    if not times_s:
        return "-"
    ordered = sorted(times_s)
    return f"{ordered[min(len(ordered) - 1, int(share * len(ordered)))] / 60:.1f}"


async def _read(settings: Settings, since: datetime) -> list[Outcome]:
    async with opened(settings) as database, database.read() as tx:
        return await ratings.outcomes(tx, since=since)
