"""Verdicts on answers: one for each person, of which the latest counts."""

from sqlalchemy import select

from core.domain.bot_messages import FeedbackVerdict
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_F = schema.feedback


async def save(tx: Transaction, *, turn_id: int, person_id: str, verdict: FeedbackVerdict) -> None:
    """Store a person's verdict on a turn in place of an earlier one."""
    values = {"verdict": verdict, "given_at": utc_now()}
    stored = upsert(tx, _F).values(turn_id=turn_id, person_id=person_id, **values)
    await tx.execute(stored.on_conflict_do_update(index_elements=["turn_id", "person_id"], set_=values))


async def load(tx: Transaction, turn_id: int, person_id: str) -> FeedbackVerdict | None:
    """Return a person's verdict on a turn; None if they gave none."""
    query = select(_F.c.verdict).where(_F.c.turn_id == turn_id, _F.c.person_id == person_id)
    return (await tx.execute(query)).scalar_one_or_none()
