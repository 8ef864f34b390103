"""What people think of an answer: one verdict a person, the latest counts."""

from sqlalchemy import func, select

from core.domain.bot_messages import FeedbackVerdict
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_F = schema.feedback


async def save(tx: Transaction, *, turn_id: int, person_id: str, verdict: FeedbackVerdict) -> None:
    """Store a verdict; a later one of the same person replaces it."""
    now = utc_now()
    statement = upsert(tx, _F).values(
        turn_id=turn_id, person_id=person_id, verdict=verdict.value, given_at=now
    )
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=["turn_id", "person_id"], set_={"verdict": verdict.value, "given_at": now}
        )
    )


async def count_by_verdict(tx: Transaction, turn_id: int) -> dict[FeedbackVerdict, int]:
    """Return how many people gave which verdict on a turn."""
    query = (
        select(_F.c.verdict, func.count().label("number"))
        .where(_F.c.turn_id == turn_id)
        .group_by(_F.c.verdict)
    )
    return {FeedbackVerdict(row.verdict): row.number for row in await tx.execute(query)}
