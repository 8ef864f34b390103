"""Turns: one question's way to its finished answer, fenced against a second worker.

``run`` is the fence. Whoever takes a turn adds one to it, and every later write says
``WHERE run = :run``: a worker that was thought dead and wakes up writes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.engine import Row

from core.domain.errors import LeaseLost
from core.domain.events import MessageRef
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import Upsert

_T = schema.turns


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A turn as the worker that has taken it sees it."""

    id: int
    conversation_id: int
    inbox_id: int
    seq: int
    asker_id: str
    attempt: int  #: 1 for the first worker; more after a takeover
    state: str  #: "running", "notice"; "answered": the text only has to be shown; "done"
    outcome: str
    cancel_reason: str  #: "" or why it was asked to end: "stop", "new", "interrupt", "retry"
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
            "state": "notice" if notice else "running",
            "asker_id": asker_id,
            "refs": _dump_refs(refs),
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


async def get_state(tx: Transaction, inbox_id: int) -> str | None:
    """Return the state of an event's turn; None where nobody has taken it yet."""
    state: str | None = (await tx.execute(_GET_STATE, {"inbox_id": inbox_id})).scalar_one_or_none()
    return state


_GET_STATE = select(_T.c.state).where(_T.c.inbox_id == bindparam("inbox_id"))


async def get(tx: Transaction, turn_id: int) -> Turn | None:
    """Return a turn by its id; None where there is none (any more)."""
    row = (await tx.execute(select(_T).where(_T.c.id == turn_id))).one_or_none()
    return None if row is None else _turn(row)


async def get_latest(
    tx: Transaction, conversation_id: int, *, before_inbox_id: int | None = None
) -> Turn | None:
    """Return a conversation's newest turn that is no notice, if given one older than an event."""
    query = select(_T).where(
        _T.c.conversation_id == conversation_id, _T.c.state != "notice", _T.c.outcome != "notice"
    )
    if before_inbox_id is not None:
        query = query.where(_T.c.inbox_id < before_inbox_id)
    query = query.order_by(_T.c.id.desc()).limit(1)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else _turn(row)


async def request_cancel(tx: Transaction, conversation_id: int, reason: str) -> Turn | None:
    """Ask a conversation's running turn to end; return it, or None where none is running."""
    asked = await tx.execute(
        update(_T)
        .where(_T.c.conversation_id == conversation_id, _T.c.state == "running")
        .values(cancel=reason)
        .returning(*_T.c)
    )
    rows = asked.all()
    return _turn(rows[-1]) if rows else None


async def load_cancel_requests(tx: Transaction, conversation_ids: Sequence[int]) -> list[tuple[int, str]]:
    """Return which of these conversations' running turns are asked to end, and why."""
    query = select(_T.c.conversation_id, _T.c.cancel).where(
        _T.c.conversation_id.in_(conversation_ids), _T.c.state == "running", _T.c.cancel != ""
    )
    return [(conversation_id, why) for conversation_id, why in await tx.execute(query)]


async def save_refs(tx: Transaction, turn: Turn, refs: Sequence[MessageRef]) -> None:
    """Store the messages posted so far.

    Raises:
        Fenced: another run owns the turn.
    """
    await _write(tx, turn, refs=_dump_refs(refs))


async def save_partial(tx: Transaction, turn: Turn, *, partial: str, reasoning: str) -> None:
    """Store the answer as far as it has come, so that a takeover goes on from there.

    Raises:
        Fenced: another run owns the turn.
    """
    await _write(tx, turn, partial=partial, reasoning=reasoning)


async def save_answer(tx: Transaction, turn: Turn, *, text: str, outcome: str) -> None:
    """Store the whole text that is to be shown; from here on only showing it is left.

    Raises:
        Fenced: another run owns the turn.
    """
    await _write(tx, turn, partial=text, reasoning="", state="answered", outcome=outcome)


async def finish(tx: Transaction, turn: Turn, *, outcome: str) -> None:
    """Close the turn.

    Raises:
        Fenced: another run owns the turn.
    """
    await _write(tx, turn, state="done", outcome=outcome, finished_at=utc_now())


def _dump_refs(refs: Sequence[MessageRef]) -> list[dict[str, str]]:
    return [{"channel": ref.channel, "message_id": ref.message_id, "rung": ref.rung} for ref in refs]


async def _write(tx: Transaction, turn: Turn, **values: object) -> None:
    written = await tx.execute(_WRITE, {"of_id": turn.id, "of_run": turn.attempt, **values})
    if written.rowcount == 0:
        raise LeaseLost(f"turn {turn.id} belongs to a later run than {turn.attempt}")


_WRITE = update(_T).where(
    _T.c.id == bindparam("of_id"), _T.c.run == bindparam("of_run"), _T.c.state != "done"
)


def _turn(row: Row[*tuple[Any, ...]]) -> Turn:
    return Turn(
        id=row.id,
        conversation_id=row.conversation_id,
        inbox_id=row.inbox_id,
        seq=row.seq,
        asker_id=row.asker_id,
        attempt=row.run,
        state=row.state,
        outcome=row.outcome,
        cancel_reason=row.cancel,
        refs=tuple(MessageRef(**ref) for ref in row.refs),
        partial=row.partial,
        reasoning=row.reasoning,
    )
