"""State that replicas share: JSON rows, each locked while one replica changes it.

These are limits and budgets, worth nothing a second later: their commits do not wait for PostgreSQL's disk,
and a crash of the server may cost the last half second. Transactions that lock rows change nothing else.

The caller's codec gives a row its shape and writes a format version into it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, TypeAlias, TypeVar

from sqlalchemy import Table, bindparam, delete, func, select, update

from core.store import schema
from core.store.clock import SERVER_TIME_S, utc_now
from core.store.database import Database, Transaction
from core.store.upsert import Upsert

T = TypeVar("T")

_COMMIT_WITHOUT_DISK: Final = func.set_config("synchronous_commit", "off", True)

State: TypeAlias = Mapping[str, Any]
"""A row's state as JSON; empty if the row is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedRow:
    """A row while its transaction holds it."""

    version: int  #: raised by each change
    state: State
    server_time_s: float | None  #: the database server's clock; None without a server


Change: TypeAlias = Callable[[Mapping[str, SharedRow]], tuple[Mapping[str, State], T]]
"""Takes the locked rows by key; returns the states to store and a result."""


class SharedRows:
    """The rows of one table."""

    def __init__(self, table: Table) -> None:
        key, version, state, updated_at = table.c.key, table.c.version, table.c.state, table.c.updated_at
        self._table = table
        self._locked = {
            dialect: select(
                key,
                version,
                state,
                clock.label("server_time_s"),
                *([_COMMIT_WITHOUT_DISK] if dialect == "postgresql" else []),
            )
            .where(key.in_(bindparam("keys", expanding=True)))
            .order_by(key)  # two transactions that lock in one order cannot deadlock
            .with_for_update()  # SQLite has one writer anyway
            for dialect, clock in SERVER_TIME_S.items()
        }
        self._insert = Upsert(table, lambda insert: insert.on_conflict_do_nothing())
        self._save = Upsert(
            table,
            lambda insert: insert.on_conflict_do_update(
                index_elements=["key"],
                set_={
                    "version": insert.excluded.version,
                    "state": insert.excluded.state,
                    "updated_at": insert.excluded.updated_at,
                },
            ),
        )
        swap = (
            update(table)
            .where(key == bindparam("of_key"), version == bindparam("of_version"))
            .values(
                version=bindparam("version"),
                state=bindparam("state", type_=state.type),
                updated_at=bindparam("updated_at", type_=updated_at.type),
            )
        )
        self._compare_and_swap = {"sqlite": swap, "postgresql": swap.where(_COMMIT_WITHOUT_DISK == "off")}
        self._version = select(version).where(key == bindparam("key"))

    async def lock(self, tx: Transaction, keys: Sequence[str]) -> Mapping[str, SharedRow]:
        """Return rows by their keys, created if they are new; nobody else holds them until ``tx`` ends."""
        wanted = sorted(set(keys))
        rows = await self._load_locked(tx, wanted)
        if len(rows) < len(wanted):
            now = utc_now()
            new = [
                {"key": key, "version": 0, "state": {}, "updated_at": now}
                for key in wanted
                if key not in rows
            ]
            await tx.execute(self._insert.on(tx), new)
            rows = await self._load_locked(tx, wanted)
        return rows

    async def save(self, tx: Transaction, states: Mapping[str, tuple[int, State]]) -> None:
        """Store a version and a state for each key."""
        if not states:
            return
        now = utc_now()
        values = [
            {"key": key, "version": version, "state": state, "updated_at": now}
            for key, (version, state) in sorted(states.items())
        ]
        await tx.execute(self._save.on(tx), values)

    async def update(self, database: Database, keys: Sequence[str], change: Change[T]) -> T:
        """Run ``change`` on the locked rows in one transaction and store the states that it returns.

        Raises:
            StoreUnavailable: it is unknown whether the states were stored.
        """
        async with database.begin() as tx:
            rows = await self.lock(tx, keys)
            states, result = change(rows)
            await self.save(tx, {key: (rows[key].version + 1, state) for key, state in states.items()})
        return result

    async def compare_and_swap(self, tx: Transaction, key: str, state: State, *, version: int) -> bool:
        """Store the next state of a row that still has ``version``; return False if it has another."""
        values = {"of_key": key, "of_version": version, "version": version + 1, "state": state}
        swap = self._compare_and_swap[tx.dialect.name]
        swapped = await tx.execute(swap, {**values, "updated_at": utc_now()})
        return swapped.rowcount == 1

    async def load_version(self, tx: Transaction, key: str) -> int:
        """Return a row's version; 0 if there is no row."""
        return (await tx.execute(self._version, {"key": key})).scalar_one_or_none() or 0

    async def load_all(self, tx: Transaction) -> Mapping[str, State]:
        """Return the state of every row without locking it."""
        rows = await tx.execute(select(self._table.c.key, self._table.c.state))
        return {row.key: row.state for row in rows}

    async def delete_unused(self, tx: Transaction, *, unused_s: float) -> int:
        """Delete rows that nobody has changed for ``unused_s`` seconds; return how many there were."""
        before = utc_now() - timedelta(seconds=unused_s)
        return (await tx.execute(delete(self._table).where(self._table.c.updated_at < before))).rowcount

    async def _load_locked(self, tx: Transaction, keys: Sequence[str]) -> Mapping[str, SharedRow]:
        rows = await tx.execute(self._locked[tx.dialect.name], {"keys": keys})
        return {
            row.key: SharedRow(
                version=row.version,
                state=row.state,
                server_time_s=None if row.server_time_s is None else float(row.server_time_s),
            )
            for row in rows
        }


LLM_LIMITER_STATE: Final = SharedRows(schema.llm_limiter_state)
DELIVERY_BUDGETS: Final = SharedRows(schema.delivery_budgets)
