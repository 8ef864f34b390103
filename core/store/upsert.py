"""``INSERT … ON CONFLICT``, which SQLAlchemy spells once for each dialect."""

from collections.abc import Callable

from sqlalchemy import Executable, Table
from sqlalchemy.dialects import postgresql, sqlite

from core.store.database import Transaction

Insert = sqlite.Insert | postgresql.Insert


def insert(tx: Transaction, table: Table) -> Insert:
    """Return the dialect's insert, which has ``on_conflict_do_nothing`` and ``…_do_update``."""
    return postgresql.insert(table) if tx.dialect.name == "postgresql" else sqlite.insert(table)


class Upsert:
    """Such a statement of the busiest paths, built once: building one takes longer than running it."""

    def __init__(self, table: Table, build: Callable[[Insert], Executable]) -> None:
        """``build`` completes the dialect's insert; its values are given with each execution."""
        self._by_dialect = {
            "postgresql": build(postgresql.insert(table)),
            "sqlite": build(sqlite.insert(table)),
        }

    def on(self, tx: Transaction) -> Executable:
        """Return the statement for the database that ``tx`` is open on."""
        return self._by_dialect[tx.dialect.name]
