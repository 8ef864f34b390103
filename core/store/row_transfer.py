"""Rows on their way from one database to another, and checksums that show that all arrived.

A value is transferred as its column stores it: moments as aware datetimes, JSON as the stored text,
enums as their values.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import orjson
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    String,
    Table,
    Text,
    cast,
    literal_column,
    select,
    type_coerce,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from core.domain.errors import MoonthreadError
from core.store.database import Transaction

TransferRow: TypeAlias = tuple[Any, ...]

FETCH_ROWS: Final = 50  #: that a driver holds at a time
BATCH_ROWS: Final = 1_000
BATCH_BYTES: Final = 4_000_000  #: about; a single row may be larger


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
        """Whether no further row is to be added."""
        return len(self.rows) >= BATCH_ROWS or self.size_bytes >= BATCH_BYTES


@dataclass(frozen=True, slots=True)
class TableChecksum:
    """Number of rows of a table, and a checksum that does not depend on their order."""

    rows: int
    digest: int


def select_columns(table: Table) -> list[ColumnElement[Any]]:
    """Return the expressions that read a row of a table as it is transferred."""
    return [_stored_value(column) for column in table.columns]


async def row_batches(tx: Transaction, table: Table, *, after: int) -> AsyncIterator[RowBatch]:
    """Yield the rows of a SQLite table behind row number ``after``, in SQLite's order.

    Raises:
        RowNotTransferable: a row does not fit into PostgreSQL's columns.
    """
    rowid: ColumnElement[int] = literal_column("rowid")
    query = select(rowid, *select_columns(table)).where(rowid > after).order_by(rowid)
    batch = RowBatch()
    async for found in await tx.stream(query.execution_options(yield_per=FETCH_ROWS)):
        row = tuple(strip_nul(value) for value in found[1:])
        _check_lengths(table, row)
        batch.rows.append(row)
        batch.last_rowid = found[0]
        batch.size_bytes += sum(len(value) for value in row if isinstance(value, str | bytes))
        if batch.is_full:
            yield batch
            batch = RowBatch()
    if batch.rows:
        yield batch


async def checksum(tx: Transaction, table: Table) -> TableChecksum:
    """Return the checksum of a table of either database; only a few rows are in memory at a time."""
    rows = digest = 0
    query = select(*select_columns(table)).execution_options(yield_per=FETCH_ROWS)
    async for found in await tx.stream(query):
        rows += 1
        row = orjson.dumps([_json_value(strip_nul(value)) for value in found])
        digest += int.from_bytes(hashlib.sha256(row).digest())
    return TableChecksum(rows, digest % 2**256)


def strip_nul(value: Any) -> Any:
    """Return the value without NUL characters, which PostgreSQL's texts cannot hold."""
    return value.replace("\0", "") if isinstance(value, str) and "\0" in value else value


def stored_type(column: Column[Any]) -> TypeEngine[Any]:
    """Return the database's type of a column, without the domain type that wraps it."""
    return column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type


def _stored_value(column: Column[Any]) -> ColumnElement[Any]:
    match stored_type(column):
        case JSON():
            return cast(column, Text).label(column.name)
        case String() as stored:
            return type_coerce(column, stored).label(column.name)
        case _:
            return column


def _json_value(value: Any) -> Any:
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat()
        case bytes():
            return hashlib.sha256(value).hexdigest()
        case _:
            return value


def _check_lengths(table: Table, row: Sequence[Any]) -> None:
    """Check the lengths of texts, which SQLite does not."""
    for column, value in zip(table.columns, row, strict=True):
        stored = stored_type(column)
        limit = stored.length if isinstance(stored, String) else None
        if limit is not None and isinstance(value, str) and len(value) > limit:
            keys = [str(value) for key, value in zip(table.columns, row, strict=True) if key.primary_key]
            raise RowNotTransferable(
                f"{table.name} {', '.join(keys)}: {column.name} has {len(value)} characters, "
                f"and PostgreSQL takes {limit}"
            )
