"""Turns: one question's way to its finished answer, fenced against a second worker.

``run`` is the fence. Whoever takes a turn adds one to it, and every later write says
``WHERE run = :run``: a worker that was thought dead and wakes up writes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import bindparam, select, update
from sqlalchemy.engine import Row

from core.domain.bot_messages import MessageRef
from core.domain.errors import LeaseLost
from core.domain.turn_states import CancelReason, Outcome, TurnOutcome, TurnState, parse_outcome
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.stored_refs import dump_refs, load_refs
from core.store.upsert import Upsert

_T = schema.turns

NO_NOTICE: Final = (_T.c.state != TurnState.NOTICE.value, _T.c.outcome != Outcome.NOTICE.value)
"""Conditions under which a turn is a question to Kimi, not the bot's own reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A turn as the worker that has taken it sees it."""

    id: int
    conversation_id: int
    inbox_id: int
    seq: int
    asker_id: str
    attempt: int  #: 1 for the first worker; more after a takeover
    state: TurnState
    outcome: TurnOutcome | None  #: None until the answer is stored
    cancel_reason: CancelReason | None  #: why it was asked to end; None if it was not
    refs: tuple[MessageRef, ...]  #: messages posted so far, one per page
    partial: str  #: the answer as far as it was stored
    reasoning: str


async def claim(
    tx: Transaction,
    *,
    conversation_id: int,
    inbox_id: int,
    seq: int,
    asker_id: str,
    refs: Sequence[MessageRef] = (),
    partial: str = "",
    notice: bool = False,
) -> Turn:
    """Take the turn of an event: made where it is new, else with its run number raised.

    A new turn begins with ``refs``, the messages of an earlier answer that it replaces in place,
    and with ``partial``, the text of an answer that it goes on from. A ``notice`` is the bot's
    reply to a command: nobody can stop or retry it.
    """
    taken = await tx.execute(
        _CLAIM.on(tx),
        {
            "conversation_id": conversation_id,
            "inbox_id": inbox_id,
            "seq": seq,
            "run": 1,
            "state": (TurnState.NOTICE if notice else TurnState.RUNNING).value,
            "asker_id": asker_id,
            "refs": dump_refs(refs),
            "partial": partial,
            "started_at": utc_now(),
        },
    )
    return _turn(taken.one())


_CLAIM = Upsert(
    _T,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["inbox_id"], set_={"run": _T.c.run + 1}
    ).returning(*_T.c),
)


async def get_state(tx: Transaction, inbox_id: int) -> TurnState | None:
    """Return the state of an event's turn; None if nobody has claimed it yet."""
    state: str | None = (await tx.execute(_GET_STATE, {"inbox_id": inbox_id})).scalar_one_or_none()
    return None if state is None else TurnState(state)


_GET_STATE = select(_T.c.state).where(_T.c.inbox_id == bindparam("inbox_id"))


async def get(tx: Transaction, turn_id: int) -> Turn | None:
    """Return a turn by its id; None where there is none (any more)."""
    row = (await tx.execute(select(_T).where(_T.c.id == turn_id))).one_or_none()
    return None if row is None else _turn(row)


async def get_latest(
    tx: Transaction, conversation_id: int, *, before_inbox_id: int | None = None
) -> Turn | None:
    """Return a conversation's newest turn that is no notice, if given one older than an event."""
    query = select(_T).where(_T.c.conversation_id == conversation_id, *NO_NOTICE)
    if before_inbox_id is not None:
        query = query.where(_T.c.inbox_id < before_inbox_id)
    query = query.order_by(_T.c.id.desc()).limit(1)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else _turn(row)


async def request_cancel(tx: Transaction, conversation_id: int, reason: CancelReason) -> Turn | None:
    """Ask a conversation's running turn to end; return it, or None where none is running."""
    asked = await tx.execute(
        update(_T)
        .where(_T.c.conversation_id == conversation_id, _T.c.state == TurnState.RUNNING.value)
        .values(cancel=reason.value)
        .returning(*_T.c)
    )
    rows = asked.all()
    return _turn(rows[-1]) if rows else None


async def load_cancel_requests(
    tx: Transaction, conversation_ids: Sequence[int]
) -> list[tuple[int, CancelReason]]:
    """Return which of these conversations' running turns are asked to end, and why."""
    query = select(_T.c.conversation_id, _T.c.cancel).where(
        _T.c.conversation_id.in_(conversation_ids), _T.c.state == TurnState.RUNNING.value, _T.c.cancel != ""
    )
    return [(conversation_id, CancelReason(reason)) for conversation_id, reason in await tx.execute(query)]


async def save_refs(tx: Transaction, turn: Turn, refs: Sequence[MessageRef]) -> None:
    """Store the messages posted so far.

    Raises:
        Fenced: another run owns the turn.
    """
    await _write(tx, turn, refs=dump_refs(refs))


async def save_partial(tx: Transaction, turn: Turn, *, partial: str, reasoning: str) -> None:
    """Store the answer as far as it has come, so that a takeover goes on from there.

    Raises:
        Fenced: another run owns the turn.
    """
    await _write(tx, turn, partial=partial, reasoning=reasoning)


async def save_answer(tx: Transaction, turn: Turn, *, text: str, outcome: TurnOutcome) -> None:
    """Store the whole text that is to be shown; from here on only showing it is left.

    Raises:
        Fenced: another run owns the turn.
    """
    await _write(tx, turn, partial=text, reasoning="", state=TurnState.ANSWERED.value, outcome=str(outcome))


async def finish(tx: Transaction, turn: Turn, *, outcome: TurnOutcome) -> None:
    """Close the turn.

    Raises:
        Fenced: another run owns the turn.
    """
    await _write(tx, turn, state=TurnState.DONE.value, outcome=str(outcome), finished_at=utc_now())


async def _write(tx: Transaction, turn: Turn, **values: object) -> None:
    written = await tx.execute(_WRITE, {"of_id": turn.id, "of_run": turn.attempt, **values})
    if written.rowcount == 0:
        raise LeaseLost(f"turn {turn.id} belongs to a later run than {turn.attempt}")


_WRITE = update(_T).where(
    _T.c.id == bindparam("of_id"), _T.c.run == bindparam("of_run"), _T.c.state != TurnState.DONE.value
)


def _turn(row: Row[*tuple[Any, ...]]) -> Turn:
    return Turn(
        id=row.id,
        conversation_id=row.conversation_id,
        inbox_id=row.inbox_id,
        seq=row.seq,
        asker_id=row.asker_id,
        attempt=row.run,
        state=TurnState(row.state),
        outcome=parse_outcome(row.outcome),
        cancel_reason=CancelReason(row.cancel) if row.cancel else None,
        refs=load_refs(row.refs),
        partial=row.partial,
        reasoning=row.reasoning,
    )
