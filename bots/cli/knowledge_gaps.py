"""``moonthread knowledge gaps`` and ``take``: questions without an answer, and the team's answers to them."""

from collections.abc import Sequence
from typing import Annotated

import typer

from bots.cli.feedback import COLUMNS, LimitOption, SinceOption, first_moment, turn_row
from bots.cli.store import open_database
from bots.cli.tables import JsonOption, one_line, print_rows
from bots.cli.terminal import print_error, run_async
from core.knowledge.gaps import GapProposal, load_proposals, take_proposal
from core.settings import Requirement, Settings, load
from core.store import Database, turn_reports
from core.store.conversation_scope import EVERYTHING
from core.store.turn_reports import TurnFilter, TurnReport

READY_ANSWER = "ready answer"


def gaps(since: SinceOption = None, limit: LimitOption = 50, as_json: JsonOption = False) -> None:
    """List questions without an answer in the documents, or with a bad rating: the next entries to write.

    If the team has answered one, its words are a proposal: the question as another sentence of the passage
    that says the same, else a ready answer. "knowledge take TURN" stores it; nothing is stored by itself.
    """
    settings = load(required=[Requirement.STORE])
    wanted = TurnFilter(unknown=True, since=first_moment(since))
    turns, proposals = run_async(_load(settings, wanted, limit))
    by_turn = {one.turn.id: one for one in proposals}
    rows = [
        {**turn_row(turn, whole=as_json), **_proposal_cells(by_turn.get(turn.id), whole=as_json)}
        for turn in turns
    ]
    print_rows(rows, (*COLUMNS, "team", "proposal"), as_json=as_json, empty="no question was left open")


def take(
    turn: Annotated[int, typer.Argument(metavar="TURN", help="A turn of 'knowledge gaps'.")],
    as_ready_answer: Annotated[
        bool, typer.Option("--ready-answer", help="Keep the team's words as a ready answer in any case.")
    ] = False,
) -> None:
    """Take one proposal of "knowledge gaps"."""
    settings = load(required=[Requirement.STORE])
    done = run_async(_take(settings, turn, as_ready_answer=as_ready_answer))
    if done is None:
        print_error(f"turn {turn} has no proposal; 'moonthread knowledge gaps' lists them")
        raise typer.Exit(1)
    print(done)


def _describe(proposal: GapProposal, *, as_ready_answer: bool = False) -> str:
    """Return what a proposal would store, in a line."""
    if proposal.passage is None or as_ready_answer:
        return READY_ANSWER
    entry = proposal.passage.entry
    return one_line(f"also of {entry.label} ({entry.document})", 120)


def _proposal_cells(proposal: GapProposal | None, *, whole: bool) -> dict[str, str]:
    if proposal is None:
        return {"team": "", "proposal": ""}
    return {
        "team": proposal.reply if whole else one_line(proposal.reply, 50),
        "proposal": "taken" if proposal.is_taken else _describe(proposal),
    }


async def _load(
    settings: Settings, wanted: TurnFilter, limit: int
) -> tuple[Sequence[TurnReport], Sequence[GapProposal]]:
    async with open_database(settings) as database:
        turns = await _list_turns(database, wanted, limit)
        return turns, await load_proposals(database, turns)


async def _list_turns(database: Database, wanted: TurnFilter, limit: int) -> Sequence[TurnReport]:
    async with database.read() as tx:
        return await turn_reports.list_turns(tx, wanted, scope=EVERYTHING, limit=limit)


async def _take(settings: Settings, turn_id: int, *, as_ready_answer: bool) -> str | None:
    """Take the proposal of a turn; return a description of it, None if there is no proposal."""
    wanted = TurnFilter(unknown=True, turn_id=turn_id)
    async with open_database(settings) as database:
        found = await load_proposals(database, await _list_turns(database, wanted, 1))
        if not found or not await take_proposal(database, found[0], as_ready_answer=as_ready_answer):
            return None
    what = _describe(found[0], as_ready_answer=as_ready_answer)
    return f"taken as {what}: {one_line(found[0].turn.question, 80)}"
