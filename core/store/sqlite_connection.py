"""A connection to SQLite whose statements take one trip to its thread each, for which aiosqlite makes four.

A trip costs more than most statements: two threads wake up, and on a busy machine each of them waits.
"""

import sqlite3
from collections.abc import Iterable
from enum import Enum, auto
from typing import Any, Final

import aiosqlite

MAX_ROWS: Final = 500  #: that come with the statement; further ones are fetched as they are read


class _State(Enum):
    """Of a connection's transaction."""

    NONE = auto()
    WANTED = auto()  #: begins with the next statement
    READING = auto()
    WRITING = auto()


class SQLiteConnection(aiosqlite.Connection):
    """Begins a transaction with its first statement, and ends none that has not begun.

    Give it to SQLAlchemy as ``async_creator_fn``.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the arguments of :func:`sqlite3.connect`."""
        super().__init__(lambda: sqlite3.connect(*args, **kwargs), iter_chunk_size=MAX_ROWS)
        self._thread.daemon = True
        self._state = _State.NONE
        self._reads_only = False

    def begin(self, *, reads_only: bool) -> None:
        """Begin a transaction with the next statement.

        One that may write takes the write lock at once: if it read first, it would fail with SQLITE_BUSY
        after another one had written in between.
        """
        self._state, self._reads_only = _State.WANTED, reads_only

    def cursor(self) -> "SQLiteCursor":  # type: ignore[override]  # aiosqlite's is one more trip
        """Return a cursor, which is made with its first statement."""
        return SQLiteCursor(self)

    async def commit(self) -> None:
        """Commit the transaction, if one has begun."""
        if self._has_begun():
            await super().commit()
            self._state = _State.NONE

    async def rollback(self) -> None:
        """Roll the transaction back, if one has begun; one that has only read ends in its own time."""
        if self._state is _State.READING:
            self._tx.put_nowait((None, self._conn.rollback))
        elif self._has_begun():
            await super().rollback()
        self._state = _State.NONE

    async def run(
        self, statement: str, parameters: Iterable[Any] | None, *, many: bool = False
    ) -> tuple[sqlite3.Cursor, list[Any]]:
        """Run a statement; return its cursor, and its rows up to :data:`MAX_ROWS`."""
        begin = ""
        if self._state is _State.WANTED:
            begin = "BEGIN" if self._reads_only else "BEGIN IMMEDIATE"
            self._state = _State.READING if self._reads_only else _State.WRITING
        found: tuple[sqlite3.Cursor, list[Any]]
        found = await self._execute(self._run, begin, statement, parameters or (), many)  # type: ignore[no-untyped-call]
        return found

    def _run(
        self, begin: str, statement: str, parameters: Any, many: bool
    ) -> tuple[sqlite3.Cursor, list[Any]]:
        """Run a statement in the connection's thread."""
        if begin:
            self._conn.execute(begin)
        if many:
            return self._conn.executemany(statement, parameters), []
        cursor = self._conn.execute(statement, parameters)
        rows = cursor.fetchmany(MAX_ROWS) if cursor.description else []
        if len(rows) < MAX_ROWS:
            cursor.close()  # its lock on the database ends
        return cursor, rows

    def _has_begun(self) -> bool:
        return self._state in (_State.READING, _State.WRITING)


class SQLiteCursor(aiosqlite.Cursor):
    """The rows of one statement: the first ones come with it, and usually those are all."""

    _connection: SQLiteConnection
    _rows: list[Any]
    _is_open = False  #: whether there may be rows that have not been fetched

    def __init__(self, connection: SQLiteConnection) -> None:
        self._connection = connection

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> "SQLiteCursor":
        """Run a statement."""
        return await self._run(sql, parameters, many=False)

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> "SQLiteCursor":
        """Run a statement once for each of the parameters."""
        return await self._run(sql, parameters, many=True)

    async def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        rows, self._rows = self._rows, []
        if self._is_open:
            rows += await super().fetchall()
            self._is_open = False
        return rows

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return the next rows; none at the end."""
        size = size or self.arraysize
        if self._is_open and len(self._rows) < size:
            more = list(await super().fetchmany(max(size, MAX_ROWS)))
            self._is_open = len(more) == max(size, MAX_ROWS)
            self._rows += more
        rows, self._rows = self._rows[:size], self._rows[size:]
        return rows

    async def fetchone(self) -> Any:
        """Return the next row; None at the end."""
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    async def close(self) -> None:
        """Drop the rows that are left."""
        if self._is_open:
            self._is_open = False
            await super().close()

    async def _run(self, statement: str, parameters: Iterable[Any] | None, *, many: bool) -> "SQLiteCursor":
        cursor, self._rows = await self._connection.run(statement, parameters, many=many)
        self._is_open = len(self._rows) == MAX_ROWS
        super().__init__(self._connection, cursor)
        return self
