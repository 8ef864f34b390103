"""Alerts that admins have not been told yet: stored with the alert, deleted once they are told."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select

from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction

_M = schema.operator_alert_messages


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertMessage:
    """A message about one alert that waits to be sent to one admin."""

    id: int
    person: str  #: "platform:id"
    kind: str
    subject: str
    is_over: bool
    created_at: datetime


async def add(tx: Transaction, persons: Collection[str], kind: str, subject: str, *, is_over: bool) -> None:
    """Store that each of these people is to be told."""
    rows = [
        {"person": one, "kind": kind, "subject": subject[:255], "is_over": is_over, "created_at": utc_now()}
        for one in persons
    ]
    if rows:
        await tx.execute(insert(_M), rows)


async def load(tx: Transaction) -> Sequence[AlertMessage]:
    """Return everything that is to be told, in order."""
    return [AlertMessage(**row._asdict()) for row in await tx.execute(select(_M).order_by(_M.c.id))]


async def remove(tx: Transaction, ids: Collection[int]) -> None:
    """Delete messages that were shown, or that nobody can be shown."""
    await tx.execute(delete(_M).where(_M.c.id.in_(ids)))
