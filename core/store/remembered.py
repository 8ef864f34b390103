"""Messages that are kept for digests, in chats that were told so; see the rule ``remember``."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import ColumnElement, Table, delete, select, update

from core.access import Actor
from core.domain.addresses import ThreadKey
from core.ports.channel_history import ChannelMessage
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.tenancy import is_of_tenants
from core.store.upsert import insert as upsert

_C, _M = schema.remembered_chats, schema.remembered_messages


async def load_chats(tx: Transaction, tenants: Collection[tuple[str, str]]) -> Sequence[ThreadKey]:
    """Return the chats of some (platform, tenant) pairs that were told that messages are kept."""
    query = select(_C.c.platform, _C.c.tenant, _C.c.channel).where(
        is_of_tenants(_C.c.platform, _C.c.tenant, tenants)
    )
    return [ThreadKey(**row, thread="") for row in (await tx.execute(query)).mappings()]


async def get_announced_at(tx: Transaction, key: ThreadKey) -> datetime | None:
    """Return when a chat was told that its messages are kept; None if it was not."""
    query = select(_C.c.announced_at).where(*_in_chat(_C, key))
    announced_at: datetime | None = (await tx.execute(query)).scalar_one_or_none()
    return announced_at


async def start(tx: Transaction, key: ThreadKey, at: datetime) -> None:
    """Record that a chat was told; from now on :func:`add` stores its messages."""
    await tx.execute(upsert(tx, _C).values(**_place(key), announced_at=at).on_conflict_do_nothing())


async def stop(tx: Transaction, key: ThreadKey) -> None:
    """Delete everything that is kept of a chat."""
    for table in (_M, _C):
        await tx.execute(delete(table).where(*_in_chat(table, key)))


async def add(tx: Transaction, key: ThreadKey, message: ChannelMessage) -> None:
    """Store a message, unless its chat was not told or the message is stored."""
    if await get_announced_at(tx, key) is None:
        return
    values = {
        **_place(key),
        "message_id": message.message_id,
        "thread": message.thread,
        "author_id": message.author_id,
        "author_name": message.author[:255],
        "text": message.text,
        "sent_at": message.sent_at,
    }
    await tx.execute(upsert(tx, _M).values(**values).on_conflict_do_nothing())


async def edit(tx: Transaction, key: ThreadKey, message_id: str, text: str) -> None:
    """Replace the text of a stored message."""
    this = (*_in_chat(_M, key), _M.c.message_id == message_id)
    await tx.execute(update(_M).where(*this).values(text=text))


async def remove(tx: Transaction, key: ThreadKey, message_id: str) -> None:
    """Delete a message."""
    await tx.execute(delete(_M).where(*_in_chat(_M, key), _M.c.message_id == message_id))


async def remove_before(tx: Transaction, key: ThreadKey, before: datetime) -> int:
    """Delete the older messages of a chat; return their number."""
    deleted = await tx.execute(delete(_M).where(*_in_chat(_M, key), _M.c.sent_at < before))
    return deleted.rowcount


async def load(
    tx: Transaction, key: ThreadKey, *, since: datetime, up_to: datetime, limit: int
) -> Sequence[ChannelMessage]:
    """Return the newest messages of a chat, or with a ``thread`` of that thread, oldest first."""
    query = select(_M).where(*_in_chat(_M, key), _M.c.sent_at.between(since, up_to))
    if key.thread:
        query = query.where(_M.c.thread == key.thread)
    rows = await tx.execute(query.order_by(_M.c.sent_at.desc(), _M.c.message_id.desc()).limit(limit))
    return [
        ChannelMessage(
            message_id=row.message_id,
            author_id=row.author_id,
            author=row.author_name,
            text=row.text,
            sent_at=row.sent_at,
            thread=row.thread,
        )
        for row in reversed(rows.all())
    ]


async def forget_person(tx: Transaction, actor: Actor) -> int:
    """Delete a person's messages in all chats of a tenant; return their number."""
    deleted = await tx.execute(
        delete(_M).where(
            _M.c.platform == actor.platform,
            _M.c.tenant == actor.tenant,
            _M.c.author_id == actor.person_id,
        )
    )
    return deleted.rowcount


async def purge(tx: Transaction, before: datetime, tenants: Collection[tuple[str, str]]) -> None:
    """Delete messages from before a moment in all chats of some (platform, tenant) pairs."""
    await tx.execute(
        delete(_M).where(_M.c.sent_at < before, is_of_tenants(_M.c.platform, _M.c.tenant, tenants))
    )


async def migrate_channel(tx: Transaction, *, platform: str, tenant: str, old: str, new: str) -> None:
    """Go on with a chat's new id. What is kept is deleted: the ids of its messages may mean others there."""
    key = ThreadKey(platform=platform, tenant=tenant, channel=old, thread="")
    if await get_announced_at(tx, key) is not None:
        await stop(tx, key)
        await start(tx, replace(key, channel=new), utc_now())


def _place(key: ThreadKey) -> dict[str, str]:
    return {"platform": key.platform, "tenant": key.tenant, "channel": key.channel}


def _in_chat(table: Table, key: ThreadKey) -> tuple[ColumnElement[bool], ...]:
    return tuple(table.c[name] == value for name, value in _place(key).items())
