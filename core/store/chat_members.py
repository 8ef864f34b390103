"""What is remembered of the people of a chat that has rules, and where its staff has spoken."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update

from core.domain.addresses import ThreadKey
from core.store import schema
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_P, _S = schema.chat_people, schema.staff_words
_KEY = ("platform", "tenant", "channel", "person_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRecord:
    """One person in one chat."""

    conversation_id: int | None = None  #: where they last spoke
    heard_at: datetime | None = None  #: when, by the platform's clock
    staff: bool = False
    closed_since: datetime | None = None  #: the closed period in which they were told last
    closed_seq: int | None = None  #: the question that it was told to


async def get(tx: Transaction, key: ThreadKey, person_id: str) -> MemberRecord:
    """Return what is known of a person in the chat that a conversation is in."""
    query = select(_P.c.conversation_id, _P.c.heard_at, _P.c.staff, _P.c.closed_since, _P.c.closed_seq)
    row = (await tx.execute(query.where(_in_chat(key), _P.c.person_id == person_id))).one_or_none()
    return MemberRecord() if row is None else MemberRecord(**row._asdict())


async def record_message(
    tx: Transaction, key: ThreadKey, person_id: str, *, conversation_id: int | None, at: datetime, staff: bool
) -> None:
    """Note that a person spoke."""
    await _upsert(tx, key, person_id, conversation_id=conversation_id, heard_at=at, staff=staff)


async def set_conversation(tx: Transaction, key: ThreadKey, person_id: str, conversation_id: int) -> None:
    """Note which conversation the last words of a person belong to."""
    spoken = update(_P).where(_in_chat(key), _P.c.person_id == person_id)
    await tx.execute(spoken.values(conversation_id=conversation_id))


async def record_closed_notice(
    tx: Transaction, key: ThreadKey, person_id: str, *, since: datetime, seq: int
) -> None:
    """Note that a person was told that nobody is there."""
    await _upsert(tx, key, person_id, closed_since=since, closed_seq=seq)


async def claim_welcome(tx: Transaction, key: ThreadKey, person_id: str, *, seq: int) -> bool:
    """Return whether a person is to be welcomed: True the first time only, which inbox id ``seq`` is."""
    await tx.execute(
        upsert(tx, _P).values(**_primary_key(key, person_id), staff=False).on_conflict_do_nothing()
    )
    first = (
        update(_P)
        .where(_in_chat(key), _P.c.person_id == person_id, _P.c.welcomed_seq.is_(None))
        .values(welcomed_seq=seq)
    )
    return (await tx.execute(first)).rowcount > 0


async def filter_staff(tx: Transaction, key: ThreadKey, ids: Collection[str]) -> frozenset[str]:
    """Return who of these people spoke as staff last."""
    if not ids:
        return frozenset()
    query = select(_P.c.person_id).where(_in_chat(key), _P.c.staff, _P.c.person_id.in_(ids))
    return frozenset((await tx.execute(query)).scalars())


async def customer_conversations_since(tx: Transaction, key: ThreadKey, since: datetime) -> list[int]:
    """Return the conversations of everybody not of the staff who spoke in a chat since a moment."""
    query = select(_P.c.conversation_id).where(
        _in_chat(key), _P.c.heard_at >= since, ~_P.c.staff, _P.c.conversation_id.is_not(None)
    )
    return list((await tx.execute(query)).scalars())


async def record_staff_activity(tx: Transaction, conversation_ids: Collection[int], at: datetime) -> None:
    """Note that somebody of the staff spoke in conversations."""
    for conversation_id in sorted(conversation_ids):
        said = upsert(tx, _S).values(conversation_id=conversation_id, at=at)
        await tx.execute(said.on_conflict_do_update(index_elements=["conversation_id"], set_={"at": at}))


async def last_staff_activity(tx: Transaction, conversation_id: int) -> datetime | None:
    """Return when the staff last spoke in a conversation, if nobody has mentioned us since."""
    query = select(_S.c.at).where(_S.c.conversation_id == conversation_id)
    at: datetime | None = (await tx.execute(query)).scalar_one_or_none()
    return at


async def clear_staff_activity(tx: Transaction, conversation_id: int) -> None:
    """Note that somebody mentioned us: the staff's word no longer keeps us silent there."""
    await tx.execute(delete(_S).where(_S.c.conversation_id == conversation_id))


async def forget_person(tx: Transaction, *, platform: str, tenant: str, person_id: str) -> None:
    """Delete what is remembered of a person."""
    await tx.execute(
        delete(_P).where(_P.c.platform == platform, _P.c.tenant == tenant, _P.c.person_id == person_id)
    )


async def migrate_channel(tx: Transaction, *, platform: str, tenant: str, old: str, new: str) -> None:
    """Give what is remembered in a chat the chat's new id; people whom the new id knows stay there."""
    place = (_P.c.platform == platform) & (_P.c.tenant == tenant)
    known = select(_P.c.person_id).where(place, _P.c.channel == new)
    moved = update(_P).where(place, _P.c.channel == old, _P.c.person_id.not_in(known.scalar_subquery()))
    await tx.execute(moved.values(channel=new))


def _in_chat(key: ThreadKey) -> ColumnElement[bool]:
    return (_P.c.platform == key.platform) & (_P.c.tenant == key.tenant) & (_P.c.channel == key.channel)


def _primary_key(key: ThreadKey, person_id: str) -> dict[str, str]:
    return {
        "platform": key.platform,
        "tenant": key.tenant,
        "channel": key.channel,
        "person_id": person_id,
    }


async def _upsert(tx: Transaction, key: ThreadKey, person_id: str, **values: Any) -> None:
    kept = upsert(tx, _P).values(**{"staff": False, **_primary_key(key, person_id), **values})
    await tx.execute(kept.on_conflict_do_update(index_elements=list(_KEY), set_=values))
