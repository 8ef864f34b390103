"""The data that a change of the tables deletes: compares the tables before and after it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, func, inspect, select, table

BOOKKEEPING: Final = frozenset({"alembic_version", "schema_floor"})  #: rows of the migrations themselves


@dataclass(frozen=True, slots=True, kw_only=True)
class TableContent:
    """Size and columns of one table."""

    rows: int
    columns: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataLoss:
    """Rows of one table that go, or that lose a column."""

    table: str
    rows: int
    column: str = ""  #: "" if the rows go as a whole


def read_contents(connection: Connection) -> dict[str, TableContent]:
    """Return the content of every table that holds rows, in order of name."""
    inspector = inspect(connection)
    contents = {}
    for name in sorted(set(inspector.get_table_names()) - BOOKKEEPING):
        rows = connection.execute(select(func.count()).select_from(table(name))).scalar_one()
        if rows:
            columns = frozenset(column["name"] for column in inspector.get_columns(name))
            contents[name] = TableContent(rows=rows, columns=columns)
    return contents


def compare_contents(before: Mapping[str, TableContent], after: Mapping[str, TableContent]) -> list[DataLoss]:
    """Return what ``after`` holds no longer, in order of table and column."""
    losses = []
    for name, content in before.items():
        left = after.get(name)
        gone = content.rows - (left.rows if left else 0)
        if gone > 0:
            losses.append(DataLoss(table=name, rows=gone))
        if left:
            losses += [
                DataLoss(table=name, rows=left.rows, column=column)
                for column in sorted(content.columns - left.columns)
            ]
    return losses
