"""Rows of the budgets that replicas share: what they hold is :mod:`core.delivery.shared`'s."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, null, select

from core.store import schema
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_B = schema.delivery_budgets


async def lock(tx: Transaction, keys: Sequence[str]) -> tuple[float, dict[str, dict[str, Any]]]:
    """Return the server's time and the rows of these budgets, which nobody else has until ``tx`` ends.

    A new budget's row is empty.
    """
    wanted = sorted(set(keys))
    now, found = await _locked(tx, wanted)
    if len(found) < len(wanted):
        touched = datetime.now(UTC)
        new = [{"key": key, "payload": {}, "touched_at": touched} for key in wanted if key not in found]
        await tx.execute(upsert(tx, _B).values(new).on_conflict_do_nothing())
        now, found = await _locked(tx, wanted)
    return now, found


async def save(tx: Transaction, rows: Mapping[str, dict[str, Any]]) -> None:
    """Store what :func:`lock` returned in its new form, in one statement."""
    if not rows:
        return
    touched = datetime.now(UTC)
    values = [{"key": key, "payload": row, "touched_at": touched} for key, row in sorted(rows.items())]
    statement = upsert(tx, _B).values(values)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=[_B.c.key],
            set_={
                "payload": statement.excluded.payload,
                "touched_at": statement.excluded.touched_at,
            },
        )
    )


async def all_of(tx: Transaction) -> dict[str, dict[str, Any]]:
    """Return every row; for a process that is alone with its database."""
    return {row.key: row.payload for row in (await tx.execute(select(_B.c.key, _B.c.payload))).all()}


async def prune(tx: Transaction, *, unused_s: float) -> int:
    """Forget budgets that nobody has spent from for so long that they are as good as new."""
    until = datetime.now(UTC) - timedelta(seconds=unused_s)
    return (await tx.execute(delete(_B).where(_B.c.touched_at < until))).rowcount


async def _locked(tx: Transaction, keys: Sequence[str]) -> tuple[float, dict[str, dict[str, Any]]]:
    has_server = tx.dialect.name == "postgresql"
    wall = func.extract("epoch", func.clock_timestamp()) if has_server else null()
    query = select(_B.c.key, _B.c.payload, wall.label("wall_s")).where(_B.c.key.in_(keys)).order_by(_B.c.key)
    rows = (await tx.execute(query.with_for_update())).all()
    told = [float(row.wall_s) for row in rows if row.wall_s is not None]
    return max(told, default=datetime.now(UTC).timestamp()), {row.key: row.payload for row in rows}
