"""Statements take one trip to SQLite's thread, and transactions begin and end when they should."""

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from core.store import Database, sqlite_connection
from core.store.sqlite_connection import MAX_ROWS, SQLiteConnection

ONE = text("SELECT 1")
TABLES = text("SELECT count(*) FROM sqlite_master WHERE name = 'made_meanwhile'")
MAKE_TABLE = text("CREATE TABLE made_meanwhile (a)")
NUMBERS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT {0}) SELECT i FROM n WHERE {0}"
)

trips: list[str] = []  #: names of the functions that connections ran in their threads


class CountedConnection(SQLiteConnection):
    """A connection that tells what it waits for."""

    async def _execute(self, fn: Any, *args: Any, **kwargs: Any) -> Any:
        trips.append(fn.__name__)
        return await super()._execute(fn, *args, **kwargs)


@pytest.fixture
async def store(migrated_sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """An open, migrated SQLite database with one connection, which counts its trips."""
    monkeypatch.setattr(sqlite_connection, "SQLiteConnection", CountedConnection)
    opened = Database(migrated_sqlite_url, pool_size=1)
    async with opened.read() as tx:
        await tx.execute(ONE)
    trips.clear()
    yield opened
    await opened.close()


async def test_each_statement_is_one_trip_and_so_is_a_commit(store: Database) -> None:
    """A transaction of two statements waits three times: BEGIN goes with the first, rows with theirs."""
    async with store.begin() as tx:
        await tx.execute(MAKE_TABLE)
        found = (await tx.execute(text("INSERT INTO made_meanwhile VALUES (1), (2) RETURNING a"))).all()

    assert found == [(1,), (2,)]
    assert len(trips) == 3


async def test_nobody_waits_for_the_end_of_a_transaction_that_reads(store: Database) -> None:
    """Reading waits once for each statement, and never if there is none."""
    async with store.read() as tx:
        await tx.execute(ONE)
    async with store.read():
        pass

    assert len(trips) == 1


async def test_a_transaction_that_reads_sees_one_state(store: Database, migrated_sqlite_url: str) -> None:
    """What another connection commits after the first statement is seen by the next transaction."""
    writer = Database(migrated_sqlite_url)
    async with store.read() as tx:
        assert (await tx.execute(TABLES)).scalar() == 0
        async with writer.begin() as other:
            await other.execute(MAKE_TABLE)
        assert (await tx.execute(TABLES)).scalar() == 0
    async with store.read() as tx:
        assert (await tx.execute(TABLES)).scalar() == 1
    await writer.close()


@pytest.mark.parametrize("rows", [0, 1, MAX_ROWS - 1, MAX_ROWS, MAX_ROWS + 1, 3 * MAX_ROWS])
async def test_any_number_of_rows_is_read_whole(store: Database, rows: int) -> None:
    """Rows that do not come with their statement are fetched, all together or as a stream."""
    numbers = text(NUMBERS.format(rows))
    async with store.read() as tx:
        found = (await tx.execute(numbers)).scalars().all()
        streamed = [row.i async for row in await tx.stream(numbers.execution_options(yield_per=7))]

    assert found == streamed == list(range(1, rows + 1))


async def test_a_stream_that_is_left_early_holds_nothing(store: Database) -> None:
    """A table that was read only in part can be dropped in the same transaction."""
    async with store.begin() as tx:
        await tx.execute(MAKE_TABLE)
        await tx.execute(text(f"INSERT INTO made_meanwhile {NUMBERS.format(3 * MAX_ROWS)}"))
        rows = await tx.stream(text("SELECT a FROM made_meanwhile").execution_options(yield_per=7))
        assert await rows.first() == (1,)
        await tx.execute(text("DROP TABLE made_meanwhile"))


async def test_a_statement_that_is_given_up_leaves_no_transaction(
    store: Database, migrated_sqlite_url: str
) -> None:
    """Whoever waits for a first statement may be cancelled: what it began ends, and others may write."""
    begun, may_end = threading.Event(), threading.Event()

    async def write_slowly() -> None:
        async with store.begin() as tx:
            raw: Any = (await tx.get_raw_connection()).driver_connection
            await raw.create_function("wait", 0, lambda: begun.set() or may_end.wait(20))
            await tx.execute(text("SELECT wait()"))

    writing = asyncio.create_task(write_slowly())
    await asyncio.to_thread(begun.wait, 20)
    writing.cancel()
    may_end.set()
    await asyncio.gather(writing, return_exceptions=True)

    writer = Database(migrated_sqlite_url)
    for database in (writer, store):
        async with database.begin() as tx:
            await tx.execute(text(f"CREATE TABLE t{id(database)} (a)"))
    await writer.close()
