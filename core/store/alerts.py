"""Alerts that were sent to the admins and are not over, and the outcomes that new ones depend on."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select

from core.domain.turn_states import TurnOutcome, TurnState
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.turns import IS_QUESTION
from core.store.upsert import insert as upsert

_A, _T = schema.operator_alerts, schema.turns


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
