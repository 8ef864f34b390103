"""Usage of the current UTC day, counted from turns and calls for all replicas together, and daily notices."""

import zlib
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select

from core.access import Actor, QuotaLimits, QuotaUsage
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.turns import IS_QUESTION
from core.store.upsert import insert as upsert

_C, _T, _U, _N = schema.conversations, schema.turns, schema.usage, schema.notices_sent

QUOTA_NOTICE: Final = "quota"  #: name of the notice that a quota is used up
_LOCK_NAMESPACE: Final = 1 << 40  #: keeps these advisory locks apart from all others


def utc_day_start(moment: datetime) -> datetime:
    """Return the beginning of a moment's UTC day."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


async def load_quota_usage(
    tx: Transaction, actor: Actor, limits: QuotaLimits, *, alias: str, now: datetime | None = None
) -> QuotaUsage:
    """Return today's usage of a person, a chat and a tenant, as far as it is limited.

    ``alias`` is the name under which a person who was forgotten today is counted
    (:func:`core.store.privacy.forget_person`), so that this does not refill a quota. On PostgreSQL
    other transactions that count for the same person or chat wait until this one has ended.
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
    tx: Transaction, actor: Actor, notice: str, *, now: datetime | None = None
) -> bool:
    """Record that a person gets a notice today; return False if they got it already."""
    claimed = (
        upsert(tx, _N)
        .values(
            platform=actor.platform,
            tenant=actor.tenant,
            person_id=actor.person_id,
            notice=notice,
            day=utc_day_start(now or utc_now()),
        )
        .on_conflict_do_nothing()
        .returning(_N.c.notice)
    )
    return (await tx.execute(claimed)).scalar_one_or_none() is not None


async def was_notified(tx: Transaction, actor: Actor, notice: str, *, now: datetime | None = None) -> bool:
    """Return whether a person got a notice today."""
    query = select(_N.c.notice).where(
        _N.c.platform == actor.platform,
        _N.c.tenant == actor.tenant,
        _N.c.person_id == actor.person_id,
        _N.c.notice == notice,
        _N.c.day == utc_day_start(now or utc_now()),
    )
    return (await tx.execute(query)).one_or_none() is not None


async def delete_notices(tx: Transaction, *, before: datetime) -> None:
    """Delete the records of notices from before a day."""
    await tx.execute(delete(_N).where(_N.c.day < before))


async def _count_questions(tx: Transaction, where: ColumnElement[bool], since: datetime) -> int:
    """Count questions to Kimi; the bot's own replies are none."""
    query = (
        select(func.count())
        .select_from(_T.join(_C, _C.c.id == _T.c.conversation_id + 0))  # see _sum_tokens
        .where(where, _T.c.started_at >= since, *IS_QUESTION)
    )
    return int((await tx.execute(query)).scalar_one())


async def _sum_tokens(tx: Transaction, where: ColumnElement[bool], since: datetime) -> int:
    """Return the sum of prompt and completion tokens.

    The "+ 0" keeps query planners from scanning all conversations: today's rows are few, and their
    times have an index.
    """
    query = (
        select(func.coalesce(func.sum(_U.c.prompt_tokens + _U.c.completion_tokens), 0))
        .select_from(_U.join(_C, _C.c.id == _U.c.conversation_id + 0))
        .where(where, _U.c.created_at >= since)
    )
    return int((await tx.execute(query)).scalar_one())


async def _lock_counter(tx: Transaction, name: str) -> None:
    """Wait for other transactions that count the same; on SQLite there is only one writer."""
    if tx.dialect.name == "postgresql":
        number = zlib.crc32(name.encode()) | _LOCK_NAMESPACE
        await tx.execute(select(func.pg_advisory_xact_lock(number)))
