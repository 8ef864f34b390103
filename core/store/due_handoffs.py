"""Active handoffs: those with a due reminder, which one replica claims, those without a ticket, and all."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select, update

from core.domain.handoff_state import HandoffState
from core.store import schema
from core.store.database import Transaction
from core.store.handoffs import DeskRoom, Handoff, build_handoff

_H, _C = schema.handoffs, schema.conversations


async def load_ids(tx: Transaction, now: datetime, *, limit: int = 50) -> Sequence[int]:
    """Return the handoffs with a due reminder, the most overdue first."""
    query = select(_H.c.id).where(_H.c.ended_at.is_(None), _H.c.due_at <= now)
    return list((await tx.execute(query.order_by(_H.c.due_at).limit(limit))).scalars())


async def claim(tx: Transaction, handoff_id: int, *, now: datetime, until: datetime | None) -> Handoff | None:
    """Claim a due handoff for this transaction; None if another replica has claimed it.

    ``until`` is its next due time unless the caller sets another.
    """
    claimed = await tx.execute(
        update(_H)
        .where(_H.c.id == handoff_id, _H.c.ended_at.is_(None), _H.c.due_at <= now)
        .values(due_at=until, reminder_count=_H.c.reminder_count + 1)
        .returning(*_H.c)
    )
    row = claimed.one_or_none()
    return None if row is None else build_handoff(row)


async def set_due_at(tx: Transaction, handoff_id: int, due_at: datetime | None) -> None:
    """Set the time of a handoff's next reminder."""
    await tx.execute(update(_H).where(_H.c.id == handoff_id).values(due_at=due_at))


async def is_any_without_ticket(tx: Transaction, room: DeskRoom) -> bool:
    """Return whether an active handoff of a desk's room is not shown there yet."""
    query = select(_H.c.id).where(
        _H.c.desk_platform == room.platform,
        _H.c.desk_channel == room.channel,
        _H.c.ended_at.is_(None),
        _H.c.desk_thread == "",
    )
    return (await tx.execute(query.limit(1))).one_or_none() is not None


async def count_ahead(tx: Transaction, handoff: Handoff) -> int:
    """Return the number of older handoffs that wait for the same team."""
    query = (
        select(func.count())
        .select_from(_H)
        .where(
            _H.c.desk_platform == handoff.desk_room.platform,
            _H.c.desk_channel == handoff.desk_room.channel,
            _H.c.state == HandoffState.WAITING,
            _H.c.id < handoff.id,
        )
    )
    return int((await tx.execute(query)).scalar_one())


async def load_active_on(tx: Transaction, platform: str, *, limit: int) -> Sequence[Handoff]:
    """Return active handoffs with their customer or desk on a platform, the newest first."""
    query = (
        select(_H)
        .join(_C, _C.c.id == _H.c.conversation_id)
        .where(_H.c.ended_at.is_(None), or_(_H.c.desk_platform == platform, _C.c.platform == platform))
        .order_by(_H.c.id.desc())
        .limit(limit)
    )
    return [build_handoff(row) for row in await tx.execute(query)]
