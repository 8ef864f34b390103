"""Rows as they go from one database to another, and what tells that they arrived whole.

A value travels as its declared type has it in Python; JSON as the very text that is stored.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeAlias

import orjson
from sqlalchemy import JSON, ColumnElement, String, Table, Text, cast, literal_column, select

from core.domain.errors import MoonthreadError
from core.store.database import Transaction

TransferRow: TypeAlias = tuple[Any, ...]

FETCH_ROWS = 50  #: that a driver holds at a time
BATCH_ROWS = 1_000
BATCH_BYTES = 4_000_000  #: about; one row may be more by itself


class RowNotTransferable(MoonthreadError):
    """PostgreSQL cannot hold a value that SQLite holds."""


@dataclass(slots=True)
class RowBatch:
    """Rows that are written together."""

    rows: list[TransferRow] = field(default_factory=list)
    last_rowid: int = 0  #: SQLite's number of the last row
    size_bytes: int = 0

    @property
    def is_full(self) -> bool:
        """Whether no further row should join."""
        return len(self.rows) >= BATCH_ROWS or self.size_bytes >= BATCH_BYTES


@dataclass(frozen=True, slots=True)
class TableChecksum:
    """How many rows a table has, and a checksum that does not depend on their order."""

    rows: int
    digest: int


def select_columns(table: Table) -> list[ColumnElement[Any]]:
    """Return what is read of each row: every column, JSON as text."""
    return [
        cast(column, Text).label(column.name) if isinstance(column.type, JSON) else column
        for column in table.columns
    ]


async def row_batches(tx: Transaction, table: Table, *, after: int) -> AsyncIterator[RowBatch]:
    """Yield a SQLite table's rows behind number ``after``, in the order in which SQLite has them.

    Raises:
        RowNotTransferable: a row does not fit into PostgreSQL's columns.
    """
    number: ColumnElement[int] = literal_column("rowid")
    query = select(number, *select_columns(table)).where(number > after).order_by(number)
    portion = RowBatch()
    async for found in await tx.stream(query.execution_options(yield_per=FETCH_ROWS)):
        row = tuple(strip_nul(value) for value in found[1:])
        _check_lengths(table, row)
        portion.rows.append(row)
        portion.last_rowid = found[0]
        portion.size_bytes += sum(len(value) for value in row if isinstance(value, str | bytes))
        if portion.is_full:
            yield portion
            portion = RowBatch()
    if portion.rows:
        yield portion


async def checksum(tx: Transaction, table: Table) -> TableChecksum:
    """Read a whole table of either database, with little of it in memory at a time."""
    rows = digest = 0
    query = select(*select_columns(table)).execution_options(yield_per=FETCH_ROWS)
    async for found in await tx.stream(query):
        rows += 1
        row = orjson.dumps([_json_value(strip_nul(value)) for value in found])
        digest += int.from_bytes(hashlib.sha256(row).digest())
    return TableChecksum(rows, digest % 2**256)


def strip_nul(value: Any) -> Any:
    """Return the value without what PostgreSQL's texts cannot hold: the character of code 0."""
    return value.replace("\0", "") if isinstance(value, str) and "\0" in value else value


def _json_value(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case bytes():
            return hashlib.sha256(value).hexdigest()
        case _:
            return value


def _check_lengths(table: Table, row: Sequence[Any]) -> None:
    """SQLite does not keep to a column's length."""
    for column, value in zip(table.columns, row, strict=True):
        most = column.type.length if isinstance(column.type, String) else None
        if most is not None and isinstance(value, str) and len(value) > most:
            keys = [str(value) for key, value in zip(table.columns, row, strict=True) if key.primary_key]
            raise RowNotTransferable(
                f"{table.name} {', '.join(keys)}: {column.name} has {len(value)} characters, "
                f"and PostgreSQL takes {most}"
            )
