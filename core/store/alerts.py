"""Alerts that were sent to the admins and are not over, and observations for new ones."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, FromClause, delete, func, select, text

from core.domain.turn_states import TurnOutcome, TurnState
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.turns import IS_QUESTION
from core.store.upsert import insert as upsert

_A, _T, _U, _C = schema.operator_alerts, schema.turns, schema.usage, schema.conversations


async def load(tx: Transaction) -> Sequence[tuple[str, str]]:
    """Return kind and subject of each active alert."""
    query = select(_A.c.kind, _A.c.subject).order_by(_A.c.kind, _A.c.subject)
    return [(row.kind, row.subject) for row in await tx.execute(query)]


async def add(tx: Transaction, kind: str, subject: str) -> None:
    """Store an alert; nothing happens if it is active already."""
    values = {"kind": kind, "subject": subject[:255], "began_at": utc_now()}
    await tx.execute(upsert(tx, _A).values(**values).on_conflict_do_nothing())


async def remove(tx: Transaction, kind: str, subject: str) -> None:
    """Delete an alert that is over."""
    await tx.execute(delete(_A).where(_A.c.kind == kind, _A.c.subject == subject[:255]))


async def latest_outcomes(tx: Transaction, *, since: datetime, limit: int) -> Sequence[TurnOutcome]:
    """Return the outcomes of the latest questions that ended since a moment, the newest first."""
    query = (
        select(_T.c.outcome)
        .where(_T.c.state == TurnState.DONE, _T.c.finished_at >= since, *IS_QUESTION)
        .order_by(_T.c.finished_at.desc(), _T.c.id.desc())
        .limit(limit)
    )
    return [row.outcome for row in await tx.execute(query) if row.outcome is not None]


async def tokens_by_tenant(tx: Transaction, *, since: datetime) -> Sequence[tuple[str, int]]:
    """Return the tokens that each tenant has used since a moment, by "platform:tenant"."""
    return await _tokens_by(tx, _C.c.tenant, since)


async def tokens_by_chat(tx: Transaction, *, since: datetime) -> Sequence[tuple[str, int]]:
    """Return the tokens that each chat has used since a moment, by "platform:channel"."""
    return await _tokens_by(tx, _C.c.channel, since)


async def tokens_by_person(tx: Transaction, *, since: datetime) -> Sequence[tuple[str, int]]:
    """Return the tokens that each person has used since a moment, by "platform:person"."""
    return await _tokens_by(tx, _U.c.person_id, since)


async def questions_by_chat(tx: Transaction, *, since: datetime) -> Sequence[tuple[str, int]]:
    """Return how many questions each chat has asked since a moment, by "platform:channel"."""
    return await _questions_by(tx, _C.c.channel, since)


async def questions_by_person(tx: Transaction, *, since: datetime) -> Sequence[tuple[str, int]]:
    """Return how many questions each person has asked since a moment, by "platform:person"."""
    return await _questions_by(tx, _T.c.asker_id, since)


async def _tokens_by(
    tx: Transaction, whose: ColumnElement[str], since: datetime
) -> Sequence[tuple[str, int]]:
    tokens = func.sum(_U.c.prompt_tokens + _U.c.completion_tokens)
    used = _U.join(_C, _C.c.id == _U.c.conversation_id)
    return await _by(tx, whose, tokens, used, _U.c.created_at >= since)


async def _questions_by(
    tx: Transaction, whose: ColumnElement[str], since: datetime
) -> Sequence[tuple[str, int]]:
    asked = _T.join(_C, _C.c.id == _T.c.conversation_id)
    return await _by(tx, whose, func.count(), asked, _T.c.started_at >= since, *IS_QUESTION)


async def _by(
    tx: Transaction,
    whose: ColumnElement[str],
    amount: ColumnElement[int],
    source: FromClause,
    *where: ColumnElement[bool],
) -> Sequence[tuple[str, int]]:
    """Return amounts by "platform:id", the greatest first; ids of two tenants count apart, as quotas do."""
    query = (
        select((_C.c.platform + ":" + whose).label("name"), amount.label("amount"))
        .select_from(source)
        .where(whose != "", *where)
        .group_by(text("1"), _C.c.tenant)  # by position: parameters would make the name another expression
        .order_by(text("2 DESC"))
    )
    return [(row.name, int(row.amount)) for row in await tx.execute(query)]
