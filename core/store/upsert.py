"""``INSERT … ON CONFLICT``, which SQLAlchemy spells once for each dialect."""

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite

from core.store.database import Transaction

Insert = sqlite.Insert | postgresql.Insert


def insert(tx: Transaction, table: Table) -> Insert:
    """Return the dialect's insert, which has ``on_conflict_do_nothing`` and ``…_do_update``."""
    return postgresql.insert(table) if tx.dialect.name == "postgresql" else sqlite.insert(table)
