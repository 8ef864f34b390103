"""One row for each Kimi account: what its replicas share, as JSON that only they understand."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update

from core.store import schema
from core.store.clock import SERVER_TIME_S, utc_now
from core.store.database import Transaction
from core.store.upsert import insert as upsert

_A = schema.llm_limiter_state


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterRow:
    """The row as it is while we hold it."""

    version: int
    payload: dict[str, Any]  #: empty where the row is new
    wall_s: float | None  #: the database server's clock; None where there is no server


async def lock(tx: Transaction, account: str) -> LimiterRow:
    """Return the account's row, made where it is new; nobody else has it until ``tx`` ends."""
    row = await _load_locked(tx, account)
    if row is None:
        new = upsert(tx, _A).values(key=account, version=0, state={}, updated_at=utc_now())
        await tx.execute(new.on_conflict_do_nothing())
        row = await _load_locked(tx, account)
    assert row is not None  # noqa: S101 (made above, and rows are never deleted)
    return row


async def save(tx: Transaction, account: str, payload: dict[str, Any], *, version: int) -> None:
    """Store what :func:`lock` returned in its new form."""
    await tx.execute(
        _SAVE, {"of_account": account, "version": version, "state": payload, "updated_at": utc_now()}
    )


_SAVE = update(_A).where(_A.c.key == bindparam("of_account"))


async def compare_and_swap(tx: Transaction, account: str, payload: dict[str, Any], *, version: int) -> bool:
    """Store the row's next form where it still has ``version``; False where somebody was first."""
    swapped = await tx.execute(
        _COMPARE_AND_SWAP,
        {
            "of_account": account,
            "of_version": version,
            "version": version + 1,
            "state": payload,
            "updated_at": utc_now(),
        },
    )
    return swapped.rowcount == 1


_COMPARE_AND_SWAP = (
    update(_A)
    .where(_A.c.key == bindparam("of_account"), _A.c.version == bindparam("of_version"))
    .values(
        version=bindparam("version"),
        state=bindparam("state", type_=_A.c.state.type),
        updated_at=bindparam("updated_at", type_=_A.c.updated_at.type),
    )
)


async def load_version(tx: Transaction, account: str) -> int:
    """Return the row's version; 0 where there is none yet."""
    found = await tx.execute(_VERSION, {"account": account})
    return found.scalar_one_or_none() or 0


_VERSION = select(_A.c.version).where(_A.c.key == bindparam("account"))


async def _load_locked(tx: Transaction, account: str) -> LimiterRow | None:
    row = (await tx.execute(_LOCKED[tx.dialect.name], {"account": account})).one_or_none()
    if row is None:
        return None
    wall_s = None if row.wall_s is None else float(row.wall_s)
    return LimiterRow(version=row.version, payload=row.state, wall_s=wall_s)


_LOCKED = {
    dialect: select(_A.c.version, _A.c.state, wall.label("wall_s"))
    .where(_A.c.key == bindparam("account"))
    .with_for_update()  # SQLite has the one writer anyway
    for dialect, wall in SERVER_TIME_S.items()
}
