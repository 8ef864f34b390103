"""Who is blocked, how people ask lately, and which questions are refused: the same for all replicas."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, delete, exists, insert, or_, select, update
from sqlalchemy.engine import Row

from core.access import Actor, RefusalReason
from core.access.flood_limits import FloodCounter
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_B, _P, _R = schema.blocked, schema.paces, schema.refused

EVERYWHERE: Final = ""  #: the channel of somebody who is blocked on the whole platform

IS_BLOCKED = exists().where(
    _B.c.platform == bindparam("platform"),
    _B.c.person_id == bindparam("person_id"),
    or_(_B.c.channel == bindparam("channel"), _B.c.channel == EVERYWHERE),
)
"""Whether a block stands against a person on a platform and channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedPerson:
    """Somebody who gets no answers."""

    platform: str
    person_id: str
    channel: str  #: "" everywhere
    name: str  #: as it was shown then; "" where it is not known
    blocked_by: str  #: who did it; "" the operator
    blocked_at: datetime
    notified: bool  #: whether the person knows


async def block(
    tx: Transaction, *, platform: str, person_id: str, channel: str, name: str = "", blocked_by: str = ""
) -> bool:
    """Block somebody in a channel or everywhere; False where they were blocked there already."""
    new = (
        upsert(tx, _B)
        .values(
            platform=platform,
            person_id=person_id,
            channel=channel,
            name=name[:255],
            by_id=blocked_by,
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


async def get_block(tx: Transaction, actor: Actor) -> BlockedPerson | None:
    """Return the block that stands against somebody in a place; None where there is none."""
    query = select(_B).where(_blocks_of(actor)).order_by(_B.c.channel).limit(1)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else _blocked(row)


async def mark_notified(tx: Transaction, actor: Actor) -> bool:
    """Note that somebody is told now; False where another replica does that at this moment."""
    new = await tx.execute(
        update(_B).where(_blocks_of(actor), _B.c.told_at.is_(None)).values(told_at=utc_now())
    )
    return new.rowcount > 0


async def migrate_channel(tx: Transaction, *, platform: str, old: str, new: str) -> None:
    """Take blocks along to a channel's new id."""
    await tx.execute(update(_B).where(_B.c.platform == platform, _B.c.channel == old).values(channel=new))


async def load_blocked(tx: Transaction) -> Sequence[BlockedPerson]:
    """Return everybody who is blocked, the latest first."""
    query = select(_B).order_by(_B.c.blocked_at.desc(), _B.c.platform, _B.c.person_id)
    return [_blocked(row) for row in await tx.execute(query)]


async def lock_flood_counter(tx: Transaction, actor: Actor) -> FloodCounter:
    """Return how somebody has asked lately; until ``tx`` ends nobody else counts for them."""
    name = {"of_platform": actor.platform, "of_tenant": actor.tenant, "of_person": actor.person_id}
    row = (await tx.execute(_LOCK_COUNTER, name)).one_or_none()
    if row is None:
        await tx.execute(
            upsert(tx, _P)
            .values(
                platform=actor.platform,
                tenant=actor.tenant,
                person_id=actor.person_id,
                payload={},
                touched_at=utc_now(),
            )
            .on_conflict_do_nothing()
        )
        row = (await tx.execute(_LOCK_COUNTER, name)).one()
    return parse_flood_counter(row.payload)


def parse_flood_counter(payload: object) -> FloodCounter:
    """Return a pace as it is stored."""
    match payload:
        case {"seen": list(seen), "paused_until": float(until) | int(until), "hushed": dict(hushed)}:
            return FloodCounter(
                recent=tuple((float(at), str(mark)) for at, mark in seen),
                paused_until=until,
                muted_until=hushed,
            )
        case _:
            return FloodCounter()


async def save_flood_counter(
    tx: Transaction, actor: Actor, counter: FloodCounter, *, unchanged_since: datetime | None = None
) -> bool:
    """Store a pace in its new form.

    With ``since``, when it was stored last, only where nobody counted since then; else returns False.
    """
    payload = {
        "seen": [[round(at, 1), mark] for at, mark in counter.recent],
        "paused_until": counter.paused_until,
        "hushed": dict(counter.muted_until),
    }
    name = {"of_platform": actor.platform, "of_tenant": actor.tenant, "of_person": actor.person_id}
    values = {**name, "payload": payload, "touched_at": utc_now()}
    if unchanged_since is None:
        kept = await tx.execute(_SAVE_COUNTER, values)
    else:
        kept = await tx.execute(_COMPARE_AND_SWAP_COUNTER, {**values, "since": unchanged_since})
    return kept.rowcount > 0


_BY_PERSON = (
    _P.c.platform == bindparam("of_platform"),
    _P.c.tenant == bindparam("of_tenant"),
    _P.c.person_id == bindparam("of_person"),
)
_LOCK_COUNTER = select(_P.c.payload).where(*_BY_PERSON).with_for_update()
_SAVE_COUNTER = update(_P).where(*_BY_PERSON)
_COMPARE_AND_SWAP_COUNTER = update(_P).where(*_BY_PERSON, _P.c.touched_at == bindparam("since"))


async def forget_person(tx: Transaction, actor: Actor) -> None:
    """Delete how somebody has asked lately, and the name that a block keeps; the block itself stays."""
    await tx.execute(delete(_P).where(_counter_of(actor)))
    named = (_B.c.platform == actor.platform) & (_B.c.person_id == actor.person_id)
    await tx.execute(update(_B).where(named).values(name=""))


async def delete_flood_counters(tx: Transaction, before: datetime) -> None:
    """Delete how people asked who have not asked since ``before``."""
    await tx.execute(delete(_P).where(_P.c.touched_at < before))


async def save_refusal(tx: Transaction, inbox_id: int, reason: RefusalReason) -> None:
    """Note that an event is not to be answered, and what its person is told."""
    await tx.execute(insert(_R).values(inbox_id=inbox_id, why=reason.value))


def _blocks_of(actor: Actor) -> ColumnElement[bool]:
    return (
        (_B.c.platform == actor.platform)
        & (_B.c.person_id == actor.person_id)
        & _B.c.channel.in_((EVERYWHERE, actor.channel))
    )


def _counter_of(actor: Actor) -> ColumnElement[bool]:
    return (
        (_P.c.platform == actor.platform)
        & (_P.c.tenant == actor.tenant)
        & (_P.c.person_id == actor.person_id)
    )


def _blocked(row: Row[*tuple[Any, ...]]) -> BlockedPerson:
    return BlockedPerson(
        platform=row.platform,
        person_id=row.person_id,
        channel=row.channel,
        name=row.name,
        blocked_by=row.by_id,
        blocked_at=row.blocked_at,
        notified=row.told_at is not None,
    )
