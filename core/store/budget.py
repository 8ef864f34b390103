"""What was used since the UTC day began: counted from turns and calls, the same for all replicas."""

import zlib
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, delete, func, select

from core.access import Actor, QuotaLimits, QuotaUsage
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.turns import NO_NOTICE
from core.store.upsert import insert as upsert

_C, _T, _U, _N = schema.conversations, schema.turns, schema.usage, schema.told

QUOTA_NOTICE = "budget"  #: the name under which it is remembered who was told that a budget is used up


def utc_day_start(moment: datetime) -> datetime:
    """Return when the UTC day of a moment began."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


async def load_quota_usage(
    tx: Transaction, actor: Actor, limits: QuotaLimits, *, alias: str, now: datetime | None = None
) -> QuotaUsage:
    """Return what was used today by a person, in a chat and in a tenant, as far as it is limited.

    ``alias`` is the name under which the person's words were forgotten today
    (:func:`core.store.privacy.forget_person`): that does not refill a budget. On PostgreSQL others
    who count for the same person or chat wait until this transaction has ended.
    """
    since = utc_day_start(now or utc_now())
    tenant = (_C.c.platform == actor.platform) & (_C.c.tenant == actor.tenant)
    chat = tenant & (_C.c.channel == actor.channel)
    person_turns = tenant & _T.c.asker_id.in_((actor.person_id, alias))
    person_usage = tenant & _U.c.person_id.in_((actor.person_id, alias))
    if limits.person_messages:
        await _lock_counter(tx, f"person:{actor.platform}:{actor.tenant}:{actor.person_id}")
    if limits.chat_messages:
        await _lock_counter(tx, f"chat:{actor.platform}:{actor.tenant}:{actor.channel}")
    return QuotaUsage(
        person_messages=await _count_questions(tx, person_turns, since) if limits.person_messages else 0,
        person_tokens=await _sum_tokens(tx, person_usage, since) if limits.person_tokens else 0,
        chat_messages=await _count_questions(tx, chat, since) if limits.chat_messages else 0,
        chat_tokens=await _sum_tokens(tx, chat, since) if limits.chat_tokens else 0,
        tenant_tokens=await _sum_tokens(tx, tenant, since) if limits.tenant_tokens else 0,
    )


async def claim_daily_notice(
    tx: Transaction, actor: Actor, name: str, *, now: datetime | None = None
) -> bool:
    """Return whether this person is to be told something today: True the first time only."""
    told = (
        upsert(tx, _N)
        .values(
            platform=actor.platform,
            tenant=actor.tenant,
            person_id=actor.person_id,
            name=name,
            day=utc_day_start(now or utc_now()),
        )
        .on_conflict_do_nothing()
        .returning(_N.c.name)
    )
    return (await tx.execute(told)).scalar_one_or_none() is not None


async def was_notified(tx: Transaction, actor: Actor, name: str, *, now: datetime | None = None) -> bool:
    """Return whether this person was told something today."""
    query = select(_N.c.name).where(
        _N.c.platform == actor.platform,
        _N.c.tenant == actor.tenant,
        _N.c.person_id == actor.person_id,
        _N.c.name == name,
        _N.c.day == utc_day_start(now or utc_now()),
    )
    return (await tx.execute(query)).one_or_none() is not None


async def delete_notices(tx: Transaction, *, before: datetime) -> None:
    """Delete who was told what before a day."""
    await tx.execute(delete(_N).where(_N.c.day < before))


async def _count_questions(tx: Transaction, where: ColumnElement[bool], since: datetime) -> int:
    """Count the questions that Kimi was asked; what the bot says in its own words is none."""
    query = (
        select(func.count())
        .select_from(_T.join(_C, _C.c.id == _T.c.conversation_id + 0))  # see _tokens
        .where(where, _T.c.started_at >= since, *NO_NOTICE)
    )
    return int((await tx.execute(query)).scalar_one())


async def _sum_tokens(tx: Transaction, where: ColumnElement[bool], since: datetime) -> int:
    """Sum up tokens.

    The "+ 0" keeps planners from walking through all conversations there ever were: what happened
    today is few rows, and their times have an index.
    """
    query = (
        select(func.coalesce(func.sum(_U.c.prompt_tokens + _U.c.completion_tokens), 0))
        .select_from(_U.join(_C, _C.c.id == _U.c.conversation_id + 0))
        .where(where, _U.c.created_at >= since)
    )
    return int((await tx.execute(query)).scalar_one())


async def _lock_counter(tx: Transaction, name: str) -> None:
    """Wait for others who count the same thing; on SQLite writers wait for each other anyway."""
    if tx.dialect.name == "postgresql":
        number = zlib.crc32(name.encode()) | 1 << 40  # a range of its own among advisory locks
        await tx.execute(select(func.pg_advisory_xact_lock(number)))
