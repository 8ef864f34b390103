"""Parts that every table is built of: constraint names, keys, foreign keys."""

from typing import Any

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, MetaData

NAMING_CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

metadata = MetaData(naming_convention=NAMING_CONVENTION)

Id = BigInteger().with_variant(Integer, "sqlite")
"""64 bits on PostgreSQL; on SQLite only a column of type INTEGER counts itself up."""


def owned_by(table: str, column: str, *, nullable: bool = False, **options: Any) -> Column[int]:
    """Return a foreign key to ``table`` with cascading deletes."""
    key = ForeignKey(f"{table}.id", ondelete="CASCADE")
    return Column(column, Id, key, nullable=nullable, **options)


def refers_to(table: str, column: str) -> Column[int]:
    """Return a foreign key that becomes NULL when the row of ``table`` is deleted."""
    return Column(column, Id, ForeignKey(f"{table}.id", ondelete="SET NULL"))
