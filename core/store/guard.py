"""Who is blocked, how people ask lately, and which questions are refused: the same for all replicas."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, delete, exists, insert, or_, select, update
from sqlalchemy.engine import Row

from core.access import Who
from core.access.flood_limits import Pace
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_B, _P, _R = schema.blocked, schema.paces, schema.refused

EVERYWHERE: Final = ""  #: the channel of somebody who is blocked on the whole platform

STANDS_AGAINST = exists().where(
    _B.c.platform == bindparam("platform"),
    _B.c.person_id == bindparam("person_id"),
    or_(_B.c.channel == bindparam("channel"), _B.c.channel == EVERYWHERE),
)
"""Whether a block stands against a person on a platform and channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """Somebody who gets no answers."""

    platform: str
    person_id: str
    channel: str  #: "" everywhere
    name: str  #: as it was shown then; "" where it is not known
    by_id: str  #: who did it; "" the operator
    blocked_at: datetime
    told: bool  #: whether the person knows


async def block(
    tx: Transaction, *, platform: str, person_id: str, channel: str, name: str = "", by_id: str = ""
) -> bool:
    """Block somebody in a channel or everywhere; False where they were blocked there already."""
    new = (
        upsert(tx, _B)
        .values(
            platform=platform,
            person_id=person_id,
            channel=channel,
            name=name[:255],
            by_id=by_id,
            blocked_at=utc_now(),
        )
        .on_conflict_do_nothing()
        .returning(_B.c.person_id)
    )
    return (await tx.execute(new)).scalar_one_or_none() is not None


async def unblock(tx: Transaction, *, platform: str, person_id: str, channel: str | None = None) -> int:
    """Let somebody ask again, in one channel or (None) everywhere; return how many blocks there were."""
    which = (_B.c.platform == platform) & (_B.c.person_id == person_id)
    if channel is not None:
        which &= _B.c.channel == channel
    return (await tx.execute(delete(_B).where(which))).rowcount


async def block_of(tx: Transaction, who: Who) -> Blocked | None:
    """Return the block that stands against somebody in a place; None where there is none."""
    query = select(_B).where(_of(who)).order_by(_B.c.channel).limit(1)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else _blocked(row)


async def tell(tx: Transaction, who: Who) -> bool:
    """Note that somebody is told now; False where another replica does that at this moment."""
    new = await tx.execute(update(_B).where(_of(who), _B.c.told_at.is_(None)).values(told_at=utc_now()))
    return new.rowcount > 0


async def move(tx: Transaction, *, platform: str, old: str, new: str) -> None:
    """Take blocks along to a channel's new id."""
    await tx.execute(update(_B).where(_B.c.platform == platform, _B.c.channel == old).values(channel=new))


async def everyone(tx: Transaction) -> Sequence[Blocked]:
    """Return everybody who is blocked, the latest first."""
    query = select(_B).order_by(_B.c.blocked_at.desc(), _B.c.platform, _B.c.person_id)
    return [_blocked(row) for row in await tx.execute(query)]


async def pace_of(tx: Transaction, who: Who) -> Pace:
    """Return how somebody has asked lately; until ``tx`` ends nobody else counts for them."""
    name = {"of_platform": who.platform, "of_tenant": who.tenant, "of_person": who.person_id}
    row = (await tx.execute(_PACE_OF, name)).one_or_none()
    if row is None:
        await tx.execute(
            upsert(tx, _P)
            .values(
                platform=who.platform,
                tenant=who.tenant,
                person_id=who.person_id,
                payload={},
                touched_at=utc_now(),
            )
            .on_conflict_do_nothing()
        )
        row = (await tx.execute(_PACE_OF, name)).one()
    return read_pace(row.payload)


def read_pace(payload: object) -> Pace:
    """Return a pace as it is stored."""
    match payload:
        case {"seen": list(seen), "paused_until": float(until) | int(until), "hushed": dict(hushed)}:
            return Pace(
                seen=tuple((float(at), str(mark)) for at, mark in seen), paused_until=until, hushed=hushed
            )
        case _:
            return Pace()


async def keep_pace(tx: Transaction, who: Who, pace: Pace, *, since: datetime | None = None) -> bool:
    """Store a pace in its new form.

    With ``since``, when it was stored last, only where nobody counted since then; else returns False.
    """
    payload = {
        "seen": [[round(at, 1), mark] for at, mark in pace.seen],
        "paused_until": pace.paused_until,
        "hushed": dict(pace.hushed),
    }
    name = {"of_platform": who.platform, "of_tenant": who.tenant, "of_person": who.person_id}
    values = {**name, "payload": payload, "touched_at": utc_now()}
    if since is None:
        kept = await tx.execute(_KEEP_PACE, values)
    else:
        kept = await tx.execute(_SWAP_PACE, {**values, "since": since})
    return kept.rowcount > 0


_NAMED = (
    _P.c.platform == bindparam("of_platform"),
    _P.c.tenant == bindparam("of_tenant"),
    _P.c.person_id == bindparam("of_person"),
)
_PACE_OF = select(_P.c.payload).where(*_NAMED).with_for_update()
_KEEP_PACE = update(_P).where(*_NAMED)
_SWAP_PACE = update(_P).where(*_NAMED, _P.c.touched_at == bindparam("since"))


async def forget(tx: Transaction, who: Who) -> None:
    """Delete how somebody has asked lately, and the name that a block keeps; the block itself stays."""
    await tx.execute(delete(_P).where(_person(who)))
    named = (_B.c.platform == who.platform) & (_B.c.person_id == who.person_id)
    await tx.execute(update(_B).where(named).values(name=""))


async def purge_paces(tx: Transaction, before: datetime) -> None:
    """Delete how people asked who have not asked since ``before``."""
    await tx.execute(delete(_P).where(_P.c.touched_at < before))


async def refuse(tx: Transaction, inbox_id: int, why: str) -> None:
    """Note that an event is not to be answered, and what its person is told."""
    await tx.execute(insert(_R).values(inbox_id=inbox_id, why=why))


def _of(who: Who) -> ColumnElement[bool]:
    return (
        (_B.c.platform == who.platform)
        & (_B.c.person_id == who.person_id)
        & _B.c.channel.in_((EVERYWHERE, who.channel))
    )


def _person(who: Who) -> ColumnElement[bool]:
    return (_P.c.platform == who.platform) & (_P.c.tenant == who.tenant) & (_P.c.person_id == who.person_id)


def _blocked(row: Row[*tuple[Any, ...]]) -> Blocked:
    return Blocked(
        platform=row.platform,
        person_id=row.person_id,
        channel=row.channel,
        name=row.name,
        by_id=row.by_id,
        blocked_at=row.blocked_at,
        told=row.told_at is not None,
    )
