"""Channels that have got another id, kept for what settings say of the old one."""

from collections.abc import Sequence

from sqlalchemy import select

from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_M = schema.channel_moves


async def save(tx: Transaction, *, platform: str, old: str, new: str) -> None:
    """Store that a channel got a new id."""
    row = upsert(tx, _M).values(platform=platform, old_channel=old, new_channel=new, moved_at=utc_now())
    await tx.execute(row.on_conflict_do_nothing())


async def load(tx: Transaction) -> Sequence[tuple[str, str, str]]:
    """Return all moves, each as (platform, old channel, new channel)."""
    rows = await tx.execute(select(_M.c.platform, _M.c.old_channel, _M.c.new_channel))
    return [(platform, old, new) for platform, old, new in rows]
