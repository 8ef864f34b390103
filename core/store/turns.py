"""Turns: one question each, from its claim to its finished answer, fenced against a second worker.

``attempt`` is the fencing token. Each claim raises it, and every later write requires the same value:
a worker that was taken for dead and wakes up again writes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.engine import Row

from core.access import Actor
from core.domain.bot_messages import MessageRef
from core.domain.buttons import OptionButton
from core.domain.errors import LeaseLost
from core.domain.tool_approval import ToolApproval
from core.domain.turn_states import CancelReason, Outcome, TurnOutcome, TurnState
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.option_codec import decode_options, encode_options
from core.store.upsert import Upsert

_T, _C = schema.turns, schema.conversations


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A stored turn."""

    id: int
    conversation_id: int
    inbox_id: int
    seq: int  #: inbox id of the last message that it answers
    asker_id: str
    attempt: int  #: 1 for the first worker; more after a takeover
    state: TurnState
    outcome: TurnOutcome | None  #: None until the answer is stored
    cancel_reason: CancelReason | None  #: why a running answer was asked to end
    refs: tuple[MessageRef, ...]  #: messages posted so far, one for each page
    partial: str  #: the answer's text as far as it is stored
    reasoning: str
    options: tuple[OptionButton, ...] = ()  #: that the stored reply offers
    approval: ToolApproval | None = None  #: that it asks for, or goes on with

    @property
    def decided_approval(self) -> ToolApproval | None:
        """The approval with the decision that the turn goes on with; None if it goes on with none."""
        return self.approval if self.approval is not None and self.approval.decision is not None else None

    @property
    def first_seq(self) -> int:
        """Inbox id of the first message that it answers; several may have been merged into one question."""
        return min(self.seq, self.inbox_id)

    def answers(self, seq: int) -> bool:
        """Return whether the message with this inbox id is part of the question."""
        return self.first_seq <= seq <= self.seq


IS_QUESTION: Final = (_T.c.state != TurnState.NOTICE, _T.c.outcome.is_distinct_from(Outcome.NOTICE))
"""Conditions for a turn that is a question to Kimi and no reply of the bot itself."""

_CLAIM = Upsert(
    _T,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["inbox_id"], set_={"attempt": _T.c.attempt + 1}
    ).returning(*_T.c),
)
_GET_STATE = select(_T.c.state).where(_T.c.inbox_id == bindparam("inbox_id"))
_WRITE = update(_T).where(
    _T.c.id == bindparam("of_id"),
    _T.c.attempt == bindparam("of_attempt"),
    _T.c.state != TurnState.DONE,
)


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
    approval: ToolApproval | None = None,
) -> Turn:
    """Claim the turn of an event: create it, or raise the attempt of the one that exists.

    Args:
        tx: the transaction.
        conversation_id: the conversation.
        inbox_id: the event.
        seq: inbox id of the last message that the turn answers.
        asker_id: the person who asked.
        refs: messages of an earlier answer that a new turn replaces in place.
        partial: text of an earlier answer that a new turn continues.
        notice: whether a new turn is a reply of the bot itself, which can be neither stopped nor retried.
        approval: a decision that a new turn goes on with.
    """
    claimed = await tx.execute(
        _CLAIM.on(tx),
        {
            "conversation_id": conversation_id,
            "inbox_id": inbox_id,
            "seq": seq,
            "attempt": 1,
            "state": TurnState.NOTICE if notice else TurnState.RUNNING,
            "asker_id": asker_id,
            "refs": tuple(refs),
            "partial_text": partial,
            "approval": approval,
            "started_at": utc_now(),
        },
    )
    return _turn(claimed.one())


async def count_since(tx: Transaction, actor: Actor, moment: datetime) -> int:
    """Return how many turns of a tenant a person or an app began since a moment."""
    conversations = (_C.c.platform == actor.platform) & (_C.c.tenant == actor.tenant)
    counted = (
        select(func.count())
        .select_from(_T.join(_C, _C.c.id == _T.c.conversation_id))
        .where(_T.c.asker_id == actor.person_id, _T.c.started_at >= moment, conversations)
    )
    return int((await tx.execute(counted)).scalar_one())


async def get_state(tx: Transaction, inbox_id: int) -> TurnState | None:
    """Return the state of an event's turn; None if nobody has claimed it yet."""
    state: TurnState | None = (await tx.execute(_GET_STATE, {"inbox_id": inbox_id})).scalar_one_or_none()
    return state


async def get(tx: Transaction, turn_id: int) -> Turn | None:
    """Return a turn by its id; None if it does not exist or was deleted."""
    row = (await tx.execute(select(_T).where(_T.c.id == turn_id))).one_or_none()
    return None if row is None else _turn(row)


async def get_latest(
    tx: Transaction, conversation_id: int, *, before_inbox_id: int | None = None
) -> Turn | None:
    """Return a conversation's newest question, if given only one older than an event."""
    query = select(_T).where(_T.c.conversation_id == conversation_id, *IS_QUESTION)
    if before_inbox_id is not None:
        query = query.where(_T.c.inbox_id < before_inbox_id)
    row = (await tx.execute(query.order_by(_T.c.id.desc()).limit(1))).one_or_none()
    return None if row is None else _turn(row)


async def request_cancel(tx: Transaction, conversation_id: int, reason: CancelReason) -> Turn | None:
    """Ask a conversation's running turn to end; return it, or None if none is running."""
    requested = await tx.execute(
        update(_T)
        .where(_T.c.conversation_id == conversation_id, _T.c.state == TurnState.RUNNING)
        .values(cancel_reason=reason)
        .returning(*_T.c)
    )
    rows = requested.all()
    return _turn(rows[-1]) if rows else None


async def load_cancel_requests(
    tx: Transaction, conversation_ids: Sequence[int]
) -> list[tuple[int, CancelReason]]:
    """Return which of these conversations' running turns were asked to end, and why."""
    query = select(_T.c.conversation_id, _T.c.cancel_reason).where(
        _T.c.conversation_id.in_(conversation_ids),
        _T.c.state == TurnState.RUNNING,
        _T.c.cancel_reason.is_not(None),
    )
    return [(conversation_id, reason) for conversation_id, reason in await tx.execute(query)]


async def save_refs(tx: Transaction, turn: Turn, refs: Sequence[MessageRef]) -> None:
    """Store references to the messages posted so far.

    Raises:
        LeaseLost: another worker has claimed the turn.
    """
    await _write(tx, turn, refs=tuple(refs))


async def save_partial(tx: Transaction, turn: Turn, *, partial: str, reasoning: str) -> None:
    """Store the answer as far as it is written, so that a takeover can continue it.

    Raises:
        LeaseLost: another worker has claimed the turn.
    """
    await _write(tx, turn, partial_text=partial, partial_reasoning=reasoning)


async def save_answer(
    tx: Transaction,
    turn: Turn,
    *,
    text: str,
    outcome: TurnOutcome,
    options: Sequence[OptionButton] = (),
    approval: ToolApproval | None = None,
) -> None:
    """Store the whole text that is to be shown, and its options; from now on only showing it is left.

    Raises:
        LeaseLost: another worker has claimed the turn.
    """
    await _write(
        tx,
        turn,
        partial_text=text,
        partial_reasoning="",
        state=TurnState.ANSWERED,
        outcome=outcome,
        options=encode_options(options) or None,
        approval=approval,
    )


async def save_approval(tx: Transaction, turn: Turn, approval: ToolApproval) -> None:
    """Store how far a decision has been carried out.

    Raises:
        LeaseLost: another worker has claimed the turn.
    """
    await _write(tx, turn, approval=approval)


async def finish(tx: Transaction, turn: Turn, *, outcome: TurnOutcome) -> None:
    """Close the turn.

    Raises:
        LeaseLost: another worker has claimed the turn.
    """
    await _write(tx, turn, state=TurnState.DONE, outcome=outcome, finished_at=utc_now())


async def _write(tx: Transaction, turn: Turn, **values: object) -> None:
    written = await tx.execute(_WRITE, {"of_id": turn.id, "of_attempt": turn.attempt, **values})
    if written.rowcount == 0:
        raise LeaseLost(f"turn {turn.id} was claimed again after attempt {turn.attempt}")


def _turn(row: Row[*tuple[Any, ...]]) -> Turn:
    return Turn(
        id=row.id,
        conversation_id=row.conversation_id,
        inbox_id=row.inbox_id,
        seq=row.seq,
        asker_id=row.asker_id,
        attempt=row.attempt,
        state=row.state,
        outcome=row.outcome,
        cancel_reason=row.cancel_reason,
        refs=row.refs,
        partial=row.partial_text,
        reasoning=row.partial_reasoning,
        options=decode_options(row.options),
        approval=row.approval,
    )
