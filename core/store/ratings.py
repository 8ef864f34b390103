"""Customers' ratings of handoffs, and how long people took to answer."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, update

from core.domain.handoff_state import HandoffReason, HandoffState
from core.store import schema
from core.store.clock import utc_now
from core.store.conversation_scope import ConversationScope
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_R, _H = schema.handoff_ratings, schema.handoffs


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffOutcome:
    """Figures of one handoff."""

    reason: HandoffReason
    state: HandoffState
    assignee: str  #: display name
    response_s: float | None  #: from the request to the first reply of a person; None if there was none
    resolution_s: float | None  #: from the request to the end; None while it goes on
    stars: int | None  #: 1 to 5; None if it is not rated
    requested_at: datetime


async def save(tx: Transaction, handoff_id: int, stars: int) -> bool:
    """Store a rating; return False if the handoff has one already."""
    added = await tx.execute(
        upsert(tx, _R)
        .values(handoff_id=handoff_id, stars=stars, rated_at=utc_now())
        .on_conflict_do_nothing()
        .returning(_R.c.handoff_id)
    )
    return added.scalar_one_or_none() is not None


async def expect_comment(tx: Transaction, handoff_id: int, *, rated_since: datetime | None = None) -> bool:
    """Take the customer's next message as a comment; return False without a rating or with a comment.

    With ``rated_since``, a rating of before that moment counts as none.
    """
    open_ratings = update(_R).where(_R.c.handoff_id == handoff_id, _R.c.comment == "")
    if rated_since is not None:
        open_ratings = open_ratings.where(_R.c.rated_at >= rated_since)
    changed = await tx.execute(open_ratings.values(comment_expected=True))
    return changed.rowcount > 0


async def save_comment(tx: Transaction, handoff_id: int, text: str) -> bool:
    """Store the customer's comment; return False if none is expected."""
    changed = await tx.execute(
        update(_R)
        .where(_R.c.handoff_id == handoff_id, _R.c.comment_expected)
        .values(comment=text, comment_expected=False)
    )
    return changed.rowcount > 0


async def get(tx: Transaction, handoff_id: int) -> tuple[int, str] | None:
    """Return the stars and the comment of a handoff; None if it is not rated."""
    query = select(_R.c.stars, _R.c.comment).where(_R.c.handoff_id == handoff_id)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else (row.stars, row.comment)


async def load_outcomes(
    tx: Transaction, *, scope: ConversationScope, since: datetime
) -> list[HandoffOutcome]:
    """Return the figures of the handoffs in ``scope`` that were requested since a moment, oldest first."""
    query = (
        select(
            _H.c.reason,
            _H.c.state,
            _H.c.assignee_name,
            _H.c.requested_at,
            _H.c.first_reply_at,
            _H.c.ended_at,
            _R.c.stars,
        )
        .outerjoin(_R, _R.c.handoff_id == _H.c.id)
        .where(_H.c.requested_at >= since, scope.condition_on(_H.c.conversation_id))
        .order_by(_H.c.id)
    )
    return [
        HandoffOutcome(
            reason=row.reason,
            state=row.state,
            assignee=row.assignee_name,
            response_s=_seconds(row.requested_at, row.first_reply_at),
            resolution_s=_seconds(row.requested_at, row.ended_at),
            stars=row.stars,
            requested_at=row.requested_at,
        )
        for row in await tx.execute(query)
    ]


def _seconds(begin: datetime, end: datetime | None) -> float | None:
    return None if end is None else (end - begin).total_seconds()
