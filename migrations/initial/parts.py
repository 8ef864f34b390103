"""Column types and named constraints that the initial tables share."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT: Final = sa.DateTime(timezone=True)


def primary_key(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    """Return a table's primary key."""
    return sa.PrimaryKeyConstraint(*columns, name=op.f(f"pk_{table}"))


def unique(table: str, *columns: str) -> sa.UniqueConstraint:
    """Return a unique constraint of a table."""
    return sa.UniqueConstraint(*columns, name=op.f(f"uq_{table}_{'_'.join(columns)}"))


def foreign_key(table: str, column: str, parent: str, *, ondelete: str) -> sa.ForeignKeyConstraint:
    """Return a foreign key from a table's column to the id of another table."""
    name = op.f(f"fk_{table}_{column}_{parent}")
    return sa.ForeignKeyConstraint([column], [f"{parent}.id"], name=name, ondelete=ondelete)


def only_where(condition: str) -> dict[str, Any]:
    """Return the arguments of ``op.create_index`` for an index of the rows that meet a condition."""
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}
