"""What customers thought of how people helped them, and how long that took."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from core.domain.handoff_state import HandoffReason, HandoffState
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_N, _H = schema.ratings, schema.handovers


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffOutcome:
    """One ended handover in figures."""

    reason: HandoffReason
    state: HandoffState
    assignee: str
    response_s: float | None  #: from asked to the first words of a person; None where there were none
    resolution_s: float | None  #: from asked to the end; None while it goes on
    stars: int | None


async def save(tx: Transaction, handoff_id: int, stars: int) -> bool:
    """Store a rating; False where there was one already."""
    row = await tx.execute(
        upsert(tx, _N)
        .values(handover_id=handoff_id, stars=stars, given_at=utc_now())
        .on_conflict_do_nothing()
        .returning(_N.c.handover_id)
    )
    return row.scalar_one_or_none() is not None


async def expect_comment(tx: Transaction, handoff_id: int) -> bool:
    """Remember that the customer's next words are a comment; False where nothing is rated, or it is there."""
    changed = await tx.execute(
        update(_N).where(_N.c.handover_id == handoff_id, _N.c.comment == "").values(comment_wanted=True)
    )
    return changed.rowcount > 0


async def save_comment(tx: Transaction, handoff_id: int, text: str) -> bool:
    """Take the customer's words as their comment; False where none is waited for."""
    changed = await tx.execute(
        update(_N)
        .where(_N.c.handover_id == handoff_id, _N.c.comment_wanted.is_(True))
        .values(comment=text, comment_wanted=False)
    )
    return changed.rowcount > 0


async def get(tx: Transaction, handoff_id: int) -> tuple[int, str] | None:
    """Return the stars and the comment of a handover; None where it is not rated."""
    query = select(_N.c.stars, _N.c.comment).where(_N.c.handover_id == handoff_id)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else (row.stars, row.comment)


async def load_outcomes(tx: Transaction, *, since: datetime) -> list[HandoffOutcome]:
    """Return all handovers that were asked for since then, oldest first."""
    query = (
        select(_H.c.why, _H.c.state, _H.c.taker, _H.c.asked_at, _H.c.answered_at, _H.c.ended_at, _N.c.stars)
        .outerjoin(_N, _N.c.handover_id == _H.c.id)
        .where(_H.c.asked_at >= since)
        .order_by(_H.c.id)
    )
    return [
        HandoffOutcome(
            reason=HandoffReason(row.why),
            state=HandoffState(row.state),
            assignee=row.taker,
            response_s=_seconds(row.asked_at, row.answered_at),
            resolution_s=_seconds(row.asked_at, row.ended_at),
            stars=row.stars,
        )
        for row in await tx.execute(query)
    ]


def _seconds(begin: datetime, end: datetime | None) -> float | None:
    return None if end is None else (end - begin).total_seconds()
