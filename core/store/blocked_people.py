"""People who get no answers: in one channel, from one team or bot, or on a whole platform."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, bindparam, delete, exists, or_, select, update
from sqlalchemy.engine import Row

from core.access import Actor
from core.domain.addresses import ThreadKey
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_B = schema.blocked_people

EVERYWHERE: Final = ""  #: channel of a block that holds in all of them
EVERY_TENANT: Final = ""  #: tenant of a block by the operator

IS_BLOCKED = exists().where(
    _B.c.platform == bindparam("platform"),
    or_(_B.c.tenant == bindparam("tenant"), _B.c.tenant == EVERY_TENANT),
    _B.c.person_id == bindparam("person_id"),
    or_(_B.c.channel == bindparam("channel"), _B.c.channel == EVERYWHERE),
)
"""Whether a person is blocked in a channel; parameters "platform", "tenant", "channel", "person_id"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockedPerson:
    """One block of one person."""

    platform: str
    tenant: str  #: Slack team or Telegram bot; "" for all of them
    person_id: str
    channel: str  #: "" everywhere
    name: str  #: display name at the time; "" if it was not known
    blocked_by: str  #: id of a person; "" for the operator
    blocked_at: datetime
    notified: bool  #: whether the blocked person was told


async def block(
    tx: Transaction,
    *,
    platform: str,
    person_id: str,
    channel: str,
    tenant: str = EVERY_TENANT,
    name: str = "",
    blocked_by: str = "",
) -> bool:
    """Block somebody in a channel or everywhere; return False if they were blocked there already."""
    added = (
        upsert(tx, _B)
        .values(
            platform=platform,
            tenant=tenant,
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


async def unblock(
    tx: Transaction, *, platform: str, person_id: str, channel: str | None = None, tenant: str | None = None
) -> int:
    """Delete somebody's blocks, of one tenant and channel or of all (None); return how many there were."""
    where = (_B.c.platform == platform) & (_B.c.person_id == person_id)
    if tenant is not None:
        where &= _B.c.tenant == tenant
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


async def migrate_channel(tx: Transaction, *, platform: str, tenant: str, old: str, new: str) -> None:
    """Move blocks to a channel's new id."""
    moved = update(_B).where(
        _B.c.platform == platform, _B.c.tenant.in_((tenant, EVERY_TENANT)), _B.c.channel == old
    )
    await tx.execute(moved.values(channel=new))


async def load_of_channel(tx: Transaction, key: ThreadKey) -> Sequence[BlockedPerson]:
    """Return the blocks that a chat's own staff made there, the latest first."""
    here = select(_B).where(
        _B.c.platform == key.platform, _B.c.tenant == key.tenant, _B.c.channel == key.channel
    )
    return [_blocked(row) for row in await tx.execute(here.order_by(_B.c.blocked_at.desc(), _B.c.person_id))]


async def load_blocked(tx: Transaction) -> Sequence[BlockedPerson]:
    """Return every block, the latest first."""
    query = select(_B).order_by(_B.c.blocked_at.desc(), _B.c.platform, _B.c.person_id)
    return [_blocked(row) for row in await tx.execute(query)]


async def forget_name(tx: Transaction, actor: Actor) -> None:
    """Delete the name that a person's blocks keep; the blocks themselves stay."""
    await tx.execute(update(_B).where(_about(actor)).values(name=""))


def _blocks_of(actor: Actor) -> ColumnElement[bool]:
    return _about(actor) & _B.c.channel.in_((EVERYWHERE, actor.channel))


def _about(actor: Actor) -> ColumnElement[bool]:
    return (
        (_B.c.platform == actor.platform)
        & _B.c.tenant.in_((actor.tenant, EVERY_TENANT))
        & (_B.c.person_id == actor.person_id)
    )


def _blocked(row: Row[*tuple[Any, ...]]) -> BlockedPerson:
    return BlockedPerson(
        platform=row.platform,
        tenant=row.tenant,
        person_id=row.person_id,
        channel=row.channel,
        name=row.name,
        blocked_by=row.blocked_by,
        blocked_at=row.blocked_at,
        notified=row.notified_at is not None,
    )
