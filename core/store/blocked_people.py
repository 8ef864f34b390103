"""People who get no answers, in one channel or on a whole platform."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, delete, exists, or_, select, update
from sqlalchemy.engine import Row

from core.access import Actor
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_B = schema.blocked_people

EVERYWHERE: Final = ""  #: channel of a block that holds on the whole platform

IS_BLOCKED = exists().where(
    _B.c.platform == bindparam("platform"),
    _B.c.person_id == bindparam("person_id"),
    or_(_B.c.channel == bindparam("channel"), _B.c.channel == EVERYWHERE),
)
"""Whether a person is blocked in a channel; parameters "platform", "channel" and "person_id"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedPerson:
    """One block of one person."""

    platform: str
    person_id: str
    channel: str  #: "" everywhere
    name: str  #: display name at the time; "" if it was not known
    blocked_by: str  #: id of a person; "" for the operator
    blocked_at: datetime
    notified: bool  #: whether the blocked person was told


async def block(
    tx: Transaction, *, platform: str, person_id: str, channel: str, name: str = "", blocked_by: str = ""
) -> bool:
    """Block somebody in a channel or everywhere; return False if they were blocked there already."""
    added = (
        upsert(tx, _B)
        .values(
            platform=platform,
            person_id=person_id,
            channel=channel,
            name=name[:255],
            blocked_by=blocked_by,
            blocked_at=utc_now(),
        )
        .on_conflict_do_nothing()
        .returning(_B.c.person_id)
    )
    return (await tx.execute(added)).scalar_one_or_none() is not None


async def unblock(tx: Transaction, *, platform: str, person_id: str, channel: str | None = None) -> int:
    """Delete somebody's blocks, in one channel or all (None); return how many there were."""
    where = (_B.c.platform == platform) & (_B.c.person_id == person_id)
    if channel is not None:
        where &= _B.c.channel == channel
    return (await tx.execute(delete(_B).where(where))).rowcount


async def get_block(tx: Transaction, actor: Actor) -> BlockedPerson | None:
    """Return the block that holds for somebody in a channel; None if there is none."""
    query = select(_B).where(_blocks_of(actor)).order_by(_B.c.channel).limit(1)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else _blocked(row)


async def mark_notified(tx: Transaction, actor: Actor) -> bool:
    """Claim the notice to a blocked person; return False if another replica has claimed it."""
    marked = await tx.execute(
        update(_B).where(_blocks_of(actor), _B.c.notified_at.is_(None)).values(notified_at=utc_now())
    )
    return marked.rowcount > 0


async def migrate_channel(tx: Transaction, *, platform: str, old: str, new: str) -> None:
    """Move blocks to a channel's new id."""
    await tx.execute(update(_B).where(_B.c.platform == platform, _B.c.channel == old).values(channel=new))


async def load_blocked(tx: Transaction) -> Sequence[BlockedPerson]:
    """Return every block, the latest first."""
    query = select(_B).order_by(_B.c.blocked_at.desc(), _B.c.platform, _B.c.person_id)
    return [_blocked(row) for row in await tx.execute(query)]


async def forget_name(tx: Transaction, actor: Actor) -> None:
    """Delete the name that a person's blocks keep; the blocks themselves stay."""
    where = (_B.c.platform == actor.platform) & (_B.c.person_id == actor.person_id)
    await tx.execute(update(_B).where(where).values(name=""))


def _blocks_of(actor: Actor) -> ColumnElement[bool]:
    return (
        (_B.c.platform == actor.platform)
        & (_B.c.person_id == actor.person_id)
        & _B.c.channel.in_((EVERYWHERE, actor.channel))
    )


def _blocked(row: Row[*tuple[Any, ...]]) -> BlockedPerson:
    return BlockedPerson(
        platform=row.platform,
        person_id=row.person_id,
        channel=row.channel,
        name=row.name,
        blocked_by=row.blocked_by,
        blocked_at=row.blocked_at,
        notified=row.notified_at is not None,
    )
