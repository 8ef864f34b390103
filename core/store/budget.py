"""What was used since the UTC day began: counted from turns and calls, the same for all replicas."""

import zlib
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, delete, func, select

from core.access import Limits, Spending, Who
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_C, _T, _U, _N = schema.conversations, schema.turns, schema.usage, schema.told

BUDGET = "budget"  #: the name under which it is remembered who was told that a budget is used up


def day_of(moment: datetime) -> datetime:
    """Return when the UTC day of a moment began."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


async def spent(
    tx: Transaction, who: Who, limits: Limits, *, alias: str, now: datetime | None = None
) -> Spending:
    """Return what was used today by a person, in a chat and in a tenant, as far as it is limited.

    ``alias`` is the name under which the person's words were forgotten today
    (:func:`core.store.privacy.forget_person`): that does not refill a budget. On PostgreSQL others
    who count for the same person or chat wait until this transaction has ended.
    """
    since = day_of(now or utc_now())
    tenant = (_C.c.platform == who.platform) & (_C.c.tenant == who.tenant)
    chat = tenant & (_C.c.channel == who.channel)
    person_turns = tenant & _T.c.asker_id.in_((who.person_id, alias))
    person_usage = tenant & _U.c.person_id.in_((who.person_id, alias))
    if limits.person_messages:
        await _alone(tx, f"person:{who.platform}:{who.tenant}:{who.person_id}")
    if limits.chat_messages:
        await _alone(tx, f"chat:{who.platform}:{who.tenant}:{who.channel}")
    return Spending(
        person_messages=await _messages(tx, person_turns, since) if limits.person_messages else 0,
        person_tokens=await _tokens(tx, person_usage, since) if limits.person_tokens else 0,
        chat_messages=await _messages(tx, chat, since) if limits.chat_messages else 0,
        chat_tokens=await _tokens(tx, chat, since) if limits.chat_tokens else 0,
        tenant_tokens=await _tokens(tx, tenant, since) if limits.tenant_tokens else 0,
    )


async def tell_once(tx: Transaction, who: Who, name: str, *, now: datetime | None = None) -> bool:
    """Return whether this person is to be told something today: True the first time only."""
    told = (
        upsert(tx, _N)
        .values(
            platform=who.platform,
            tenant=who.tenant,
            person_id=who.person_id,
            name=name,
            day=day_of(now or utc_now()),
        )
        .on_conflict_do_nothing()
        .returning(_N.c.name)
    )
    return (await tx.execute(told)).scalar_one_or_none() is not None


async def was_told(tx: Transaction, who: Who, name: str, *, now: datetime | None = None) -> bool:
    """Return whether this person was told something today."""
    query = select(_N.c.name).where(
        _N.c.platform == who.platform,
        _N.c.tenant == who.tenant,
        _N.c.person_id == who.person_id,
        _N.c.name == name,
        _N.c.day == day_of(now or utc_now()),
    )
    return (await tx.execute(query)).one_or_none() is not None


async def forget_told(tx: Transaction, *, before: datetime) -> None:
    """Delete who was told what before a day."""
    await tx.execute(delete(_N).where(_N.c.day < before))


async def _messages(tx: Transaction, where: ColumnElement[bool], since: datetime) -> int:
    """Count the questions that Kimi was asked; what the bot says in its own words is none."""
    query = (
        select(func.count())
        .select_from(_T.join(_C, _C.c.id == _T.c.conversation_id + 0))  # see _tokens
        .where(where, _T.c.started_at >= since, _T.c.state != "notice", _T.c.outcome != "notice")
    )
    return int((await tx.execute(query)).scalar_one())


async def _tokens(tx: Transaction, where: ColumnElement[bool], since: datetime) -> int:
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


async def _alone(tx: Transaction, name: str) -> None:
    """Wait for others who count the same thing; on SQLite writers wait for each other anyway."""
    if tx.dialect.name == "postgresql":
        number = zlib.crc32(name.encode()) | 1 << 40  # a range of its own among advisory locks
        await tx.execute(select(func.pg_advisory_xact_lock(number)))
