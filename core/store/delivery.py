"""Rows of the budgets that replicas share: what they hold is :mod:`core.delivery.shared_budget`'s."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, select

from core.store import schema
from core.store.clock import SERVER_TIME_S
from core.store.database import Transaction
from core.store.upsert import Upsert

_B = schema.delivery_budgets


async def lock(tx: Transaction, keys: Sequence[str]) -> tuple[float, dict[str, dict[str, Any]]]:
    """Return the server's time and the rows of these budgets, which nobody else has until ``tx`` ends.

    A new budget's row is empty.
    """
    wanted = sorted(set(keys))
    now, found = await _load_locked(tx, wanted)
    if len(found) < len(wanted):
        touched = datetime.now(UTC)
        new = [
            {"key": key, "version": 0, "state": {}, "updated_at": touched}
            for key in wanted
            if key not in found
        ]
        await tx.execute(_INSERT.on(tx), new)
        now, found = await _load_locked(tx, wanted)
    return now, found


async def save(tx: Transaction, rows: Mapping[str, dict[str, Any]]) -> None:
    """Store what :func:`lock` returned in its new form."""
    if not rows:
        return
    touched = datetime.now(UTC)
    values = [
        {"key": key, "version": 0, "state": row, "updated_at": touched} for key, row in sorted(rows.items())
    ]
    await tx.execute(_SAVE.on(tx), values)


_INSERT = Upsert(_B, lambda insert: insert.on_conflict_do_nothing())
_SAVE = Upsert(
    _B,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["key"],
        set_={"state": insert.excluded.state, "updated_at": insert.excluded.updated_at},
    ),
)


async def load_all(tx: Transaction) -> dict[str, dict[str, Any]]:
    """Return every row; for a process that is alone with its database."""
    return {row.key: row.state for row in (await tx.execute(select(_B.c.key, _B.c.state))).all()}


async def delete_unused(tx: Transaction, *, unused_s: float) -> int:
    """Forget budgets that nobody has spent from for so long that they are as good as new."""
    until = datetime.now(UTC) - timedelta(seconds=unused_s)
    return (await tx.execute(delete(_B).where(_B.c.updated_at < until))).rowcount


async def _load_locked(tx: Transaction, keys: Sequence[str]) -> tuple[float, dict[str, dict[str, Any]]]:
    rows = (await tx.execute(_LOCKED[tx.dialect.name], {"keys": keys})).all()
    told = [float(row.wall_s) for row in rows if row.wall_s is not None]
    return max(told, default=datetime.now(UTC).timestamp()), {row.key: row.state for row in rows}


_LOCKED = {
    dialect: select(_B.c.key, _B.c.state, wall.label("wall_s"))
    .where(_B.c.key.in_(bindparam("keys", expanding=True)))
    .order_by(_B.c.key)
    .with_for_update()
    for dialect, wall in SERVER_TIME_S.items()
}
