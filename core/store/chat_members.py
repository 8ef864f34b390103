"""Members of chats that have rules, and when the team last wrote in a conversation."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update

from core.domain.addresses import ThreadKey
from core.store import schema
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_M, _S = schema.chat_members, schema.staff_activity
_KEY = ("platform", "tenant", "channel", "person_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRecord:
    """What is remembered of one person in one chat."""

    conversation_id: int | None = None  #: of their last message
    last_message_at: datetime | None = None  #: by the platform's clock
    is_staff: bool = False  #: as of their last message
    closed_notice_since: datetime | None = None  #: begin of the closed period of their last notice
    closed_notice_seq: int | None = None  #: inbox id of the question that got the notice
    joined_at: datetime | None = None  #: as the platform reported it; None if it did not


async def get(tx: Transaction, key: ThreadKey, person_id: str) -> MemberRecord:
    """Return the record of a person in the chat of a conversation."""
    query = select(
        _M.c.conversation_id,
        _M.c.last_message_at,
        _M.c.is_staff,
        _M.c.closed_notice_since,
        _M.c.closed_notice_seq,
        _M.c.joined_at,
    ).where(_in_chat(key), _M.c.person_id == person_id)
    row = (await tx.execute(query)).one_or_none()
    return MemberRecord() if row is None else MemberRecord(**row._asdict())


async def record_message(
    tx: Transaction, key: ThreadKey, person_id: str, *, conversation_id: int | None, at: datetime, staff: bool
) -> None:
    """Record that a person wrote a message."""
    await _upsert(tx, key, person_id, conversation_id=conversation_id, last_message_at=at, is_staff=staff)


async def record_join(tx: Transaction, key: ThreadKey, person_id: str, at: datetime) -> None:
    """Record that a person came into a chat."""
    await _upsert(tx, key, person_id, joined_at=at)


async def set_conversation(tx: Transaction, key: ThreadKey, person_id: str, conversation_id: int) -> None:
    """Set the conversation that a person's last message belongs to."""
    changed = update(_M).where(_in_chat(key), _M.c.person_id == person_id)
    await tx.execute(changed.values(conversation_id=conversation_id))


async def record_closed_notice(
    tx: Transaction, key: ThreadKey, person_id: str, *, since: datetime, seq: int
) -> None:
    """Record that a person was told that the team is away."""
    await _upsert(tx, key, person_id, closed_notice_since=since, closed_notice_seq=seq)


async def claim_welcome(tx: Transaction, key: ThreadKey, person_id: str, *, seq: int) -> bool:
    """Record that a person is welcomed by the event ``seq``; return False if they were welcomed before."""
    await tx.execute(
        upsert(tx, _M).values(**_primary_key(key, person_id), is_staff=False).on_conflict_do_nothing()
    )
    claimed = (
        update(_M)
        .where(_in_chat(key), _M.c.person_id == person_id, _M.c.welcome_seq.is_(None))
        .values(welcome_seq=seq)
    )
    return (await tx.execute(claimed)).rowcount > 0


async def filter_staff(tx: Transaction, key: ThreadKey, ids: Collection[str]) -> frozenset[str]:
    """Return those of these people who were staff when they last wrote."""
    if not ids:
        return frozenset()
    query = select(_M.c.person_id).where(_in_chat(key), _M.c.is_staff, _M.c.person_id.in_(ids))
    return frozenset((await tx.execute(query)).scalars())


async def customer_conversations_since(tx: Transaction, key: ThreadKey, since: datetime) -> list[int]:
    """Return the conversations of everybody in a chat who is no staff and wrote since a moment."""
    query = select(_M.c.conversation_id).where(
        _in_chat(key), _M.c.last_message_at >= since, ~_M.c.is_staff, _M.c.conversation_id.is_not(None)
    )
    return list((await tx.execute(query)).scalars())


async def record_staff_activity(tx: Transaction, conversation_ids: Collection[int], at: datetime) -> None:
    """Record that the team wrote in conversations."""
    for conversation_id in sorted(conversation_ids):
        stored = upsert(tx, _S).values(conversation_id=conversation_id, last_message_at=at)
        await tx.execute(
            stored.on_conflict_do_update(index_elements=["conversation_id"], set_={"last_message_at": at})
        )


async def last_staff_activity(tx: Transaction, conversation_id: int) -> datetime | None:
    """Return when the team last wrote in a conversation; None if the bot was mentioned since."""
    query = select(_S.c.last_message_at).where(_S.c.conversation_id == conversation_id)
    at: datetime | None = (await tx.execute(query)).scalar_one_or_none()
    return at


async def clear_staff_activity(tx: Transaction, conversation_id: int) -> None:
    """Record that the bot was mentioned: the team's last message no longer mutes it there."""
    await tx.execute(delete(_S).where(_S.c.conversation_id == conversation_id))


async def forget_person(tx: Transaction, *, platform: str, tenant: str, person_id: str) -> None:
    """Delete a person's records in all chats of a tenant."""
    await tx.execute(
        delete(_M).where(_M.c.platform == platform, _M.c.tenant == tenant, _M.c.person_id == person_id)
    )


async def migrate_channel(tx: Transaction, *, platform: str, tenant: str, old: str, new: str) -> None:
    """Move records to a chat's new channel id, unless that has a record of the same person."""
    in_tenant = (_M.c.platform == platform) & (_M.c.tenant == tenant)
    known = select(_M.c.person_id).where(in_tenant, _M.c.channel == new)
    moved = update(_M).where(in_tenant, _M.c.channel == old, _M.c.person_id.not_in(known.scalar_subquery()))
    await tx.execute(moved.values(channel=new))


def _in_chat(key: ThreadKey) -> ColumnElement[bool]:
    return (_M.c.platform == key.platform) & (_M.c.tenant == key.tenant) & (_M.c.channel == key.channel)


def _primary_key(key: ThreadKey, person_id: str) -> dict[str, str]:
    return {
        "platform": key.platform,
        "tenant": key.tenant,
        "channel": key.channel,
        "person_id": person_id,
    }


async def _upsert(tx: Transaction, key: ThreadKey, person_id: str, **values: Any) -> None:
    stored = upsert(tx, _M).values(**{"is_staff": False, **_primary_key(key, person_id), **values})
    await tx.execute(stored.on_conflict_do_update(index_elements=list(_KEY), set_=values))
