"""Copies of a running database, of either kind, as one SQLite file.

SQLite's online backup copies a consistent state while others read and write
(https://www.sqlite.org/backup.html). PostgreSQL is read table by table in one REPEATABLE READ snapshot,
which blocks nobody, so that the file can be restored into either database.
"""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import JSON, Column, MetaData, String, Table, Text, func, insert, select
from sqlalchemy.types import TypeEngine

from core.domain.errors import StoreUnavailable
from core.store import migrate
from core.store.database import Database, Transaction, translated
from core.store.database_transfer import sequence_column, transferred_tables
from core.store.row_transfer import checksum, select_columns, stored_type

LEFT_OUT: Final = ("console_links", "console_sessions")
"""Tables whose rows are removed from a copy: they let people in."""

INSERT_ROWS: Final = 500


async def copy_to_file(source: Database, file: Path) -> None:
    """Write a consistent copy of a database, which may be in use, to a new SQLite file.

    Raises:
        StoreUnavailable: the database cannot be read, the file cannot be written, or the copy is damaged.
    """
    if source.dialect == "sqlite":
        await asyncio.to_thread(_copy_sqlite, Path(str(source.url.database)), file)
    else:
        await _copy_tables(source, file)
    await asyncio.to_thread(_close_copy, file)


def _copy_sqlite(source: Path, file: Path) -> None:
    with _translated(), closing(_connect(source)) as reading, closing(_connect(file)) as writing:
        reading.backup(writing)  # in one step: no writer waits for it in WAL mode


def _close_copy(file: Path) -> None:
    """Remove what lets people in, check the copy and leave it as a single file without journals."""
    with _translated(), closing(_connect(file)) as copy:
        for table in LEFT_OUT:
            copy.execute(f"DELETE FROM {table}")  # noqa: S608 (a constant)
        copy.commit()
        if (found := copy.execute("PRAGMA quick_check").fetchone()[0]) != "ok":
            raise StoreUnavailable(f"the copy is damaged: {found}")
        copy.execute("PRAGMA journal_mode=DELETE")


async def _copy_tables(source: Database, file: Path) -> None:
    url = f"sqlite:///{file}"
    await migrate.require_compatible(source)
    await migrate.upgrade(url, await migrate.revision_of(source))
    target = Database(url)
    try:
        async with translated(), source.engine.connect() as reading:
            await reading.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with target.begin() as writing:
                await writing.exec_driver_sql("PRAGMA defer_foreign_keys=ON")
                for table in transferred_tables():
                    await _copy_table(reading, writing, table)
                await _copy_sequences(reading, writing)
            await _compare(reading, target)
    finally:
        await target.close()


async def _copy_table(reading: Transaction, writing: Transaction, table: Table) -> None:
    into = _as_stored(table)
    rows = await reading.stream(select(*select_columns(table)).execution_options(yield_per=INSERT_ROWS))
    async for batch in rows.partitions():
        await writing.execute(
            insert(into), [dict(zip(table.columns.keys(), row, strict=True)) for row in batch]
        )


def _as_stored(table: Table) -> Table:
    """Return a table with columns for values as they are stored: JSON and domain types as text."""
    return Table(
        table.name,
        MetaData(),
        *(Column(column.name, _plain_type(column)) for column in table.columns),
    )


def _plain_type(column: Column[Any]) -> TypeEngine[Any]:
    match stored_type(column):
        case JSON():
            return Text()
        case String() as stored:
            return stored
        case _:
            return column.type


async def _copy_sequences(reading: Transaction, writing: Transaction) -> None:
    """Let ids go on where PostgreSQL's sequences are, also if the last rows were deleted."""
    for table in transferred_tables():
        if (key := sequence_column(table)) is None:
            continue
        name = (await reading.execute(select(func.pg_get_serial_sequence(table.name, key.name)))).scalar()
        last = (await reading.exec_driver_sql(f"SELECT last_value, is_called FROM {name}")).one()  # noqa: S608 (the database's own name)
        if last.is_called:
            await writing.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (table.name,))
            await writing.exec_driver_sql(
                "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (table.name, last.last_value)
            )


async def _compare(reading: Transaction, target: Database) -> None:
    async with target.read() as copy:
        for table in transferred_tables():
            if await checksum(reading, table) != await checksum(copy, table):
                raise StoreUnavailable(f"the copy of {table.name} differs from the database")


def _connect(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, timeout=60)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as exc:
        raise StoreUnavailable(f"{type(exc).__name__}: {exc}") from exc
