"""Alerts that were sent to the admins and are not over, and observations for new ones."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select, text

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
    return await _tokens_by(tx, _C.c.platform + ":" + _C.c.tenant, since)


async def tokens_by_chat(tx: Transaction, *, since: datetime) -> Sequence[tuple[str, int]]:
    """Return the tokens that each chat has used since a moment, by "platform:channel"."""
    return await _tokens_by(tx, _C.c.platform + ":" + _C.c.channel, since)


async def _tokens_by(tx: Transaction, name: ColumnElement[str], since: datetime) -> Sequence[tuple[str, int]]:
    tokens = func.sum(_U.c.prompt_tokens + _U.c.completion_tokens).label("tokens")
    query = (
        select(name.label("name"), tokens)
        .select_from(_U.join(_C, _C.c.id == _U.c.conversation_id))
        .where(_U.c.created_at >= since)
        .group_by(text("1"))  # by position: parameters would make the name another expression
        .order_by(tokens.desc())
    )
    return [(row.name, int(row.tokens)) for row in await tx.execute(query)]
