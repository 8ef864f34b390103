"""A desk's past: people who have acted there, and earlier handoffs of a customer."""

from collections.abc import Sequence

from sqlalchemy import func, select

from core.domain.addresses import Person
from core.store import schema
from core.store.database import Transaction
from core.store.handoffs import DeskRoom, Handoff, build_handoff

_H, _T = schema.handoffs, schema.handoff_transitions


async def find_by_name(tx: Transaction, room: DeskRoom, name: str) -> Person | None:
    """Return the person who last acted at a desk under a display name, in any case; None if nobody did."""
    query = (
        select(_T.c.author_id, _T.c.author_name)
        .join(_H, _H.c.id == _T.c.handoff_id)
        .where(
            _H.c.desk_platform == room.platform,
            _H.c.desk_channel == room.channel,
            _T.c.author_id != "",
            _T.c.author_id != _H.c.customer_id,
            func.lower(_T.c.author_name) == name.lower(),
        )
        .order_by(_T.c.id.desc())
        .limit(1)
    )
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else Person(id=row.author_id, name=row.author_name)


async def load_earlier_handoffs(tx: Transaction, handoff: Handoff, *, limit: int) -> Sequence[Handoff]:
    """Return the customer's latest handoffs before this one in the same room, newest first."""
    query = (
        select(_H)
        .where(
            _H.c.customer_id == handoff.customer.id,
            _H.c.desk_platform == handoff.desk_room.platform,
            _H.c.desk_channel == handoff.desk_room.channel,
            _H.c.ended_at.is_not(None),
            _H.c.id < handoff.id,
        )
        .order_by(_H.c.id.desc())
        .limit(limit)
    )
    found = [build_handoff(row) for row in await tx.execute(query)]
    return [one for one in found if one.address.key.platform == handoff.address.key.platform]
