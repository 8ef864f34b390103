"""``moonthread feedback``: answers that people rated."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import typer

from bots.cli.store import run_read
from bots.cli.tables import JsonOption, Row, one_line, print_rows
from core.domain.bot_messages import FeedbackVerdict
from core.store import Transaction, turn_reports
from core.store.clock import utc_now
from core.store.conversation_scope import EVERYTHING
from core.store.turn_reports import TurnFilter, TurnReport

DEFAULT_PERIOD = timedelta(days=30)
COLUMNS = ("turn", "conversation", "at", "outcome", "good", "bad", "question", "answer")

SinceOption = Annotated[
    datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The first day, by UTC; a month ago.")
]
LimitOption = Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")]


def feedback(
    verdict: Annotated[Literal["good", "bad"], typer.Argument(help="Which ratings.")] = "bad",
    since: SinceOption = None,
    limit: LimitOption = 50,
    as_json: JsonOption = False,
) -> None:
    """List answers that people rated, the latest first.

    Example: moonthread feedback bad --since 2026-11-01
    """
    wanted = TurnFilter(verdict=FeedbackVerdict(verdict), since=first_moment(since))
    print_turns(wanted, limit, as_json=as_json, empty=f"no answer was rated {verdict}")


def first_moment(since: datetime | None) -> datetime:
    """Return the moment from which to list: the day that was named, or a month ago."""
    return utc_now() - DEFAULT_PERIOD if since is None else since.replace(tzinfo=UTC)


def print_turns(wanted: TurnFilter, limit: int, *, as_json: bool, empty: str) -> None:
    """Print the turns that a filter selects."""

    async def work(tx: Transaction) -> Sequence[TurnReport]:
        return await turn_reports.list_turns(tx, wanted, scope=EVERYTHING, limit=limit)

    rows = [turn_row(turn, whole=as_json) for turn in run_read(work)]
    print_rows(rows, COLUMNS, as_json=as_json, empty=empty)


def turn_row(turn: TurnReport, *, whole: bool) -> Row:
    """Return the cells of a turn; ``whole`` leaves its texts as long as they are."""
    return {
        "turn": turn.id,
        "conversation": turn.conversation_id,
        "at": turn.started_at,
        "outcome": str(turn.outcome or turn.state.value),
        "good": turn.ratings.get(FeedbackVerdict.GOOD, 0),
        "bad": turn.ratings.get(FeedbackVerdict.BAD, 0),
        "question": turn.question if whole else one_line(turn.question, 50),
        "answer": turn.answer if whole else one_line(turn.answer, 50),
    }
