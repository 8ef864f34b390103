"""One database, seen as transactions. The only file that knows drivers and pragmas."""

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext, suppress
from typing import Any, TypeAlias
from weakref import WeakSet

import orjson
from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DataError, DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from core.domain.errors import StoreRefusedData, StoreUnavailable
from core.store import sqlite_connection
from core.store.outage import OutageLog
from core.store.released_revisions import is_pre_release

Transaction: TypeAlias = AsyncConnection
"""An open transaction; every function of :mod:`core.store` works in one."""

BUSY_TIMEOUT_MS = 5_000  #: how long SQLite waits for another process's write
#: libpq's settings that make a cut line an error within seconds, where the system would wait for minutes.
KEEPALIVE_OPTIONS: dict[str, Any] = {
    "connect_timeout": 3,  # seconds
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,  # milliseconds that sent bytes may stay unacknowledged
}
PING_AFTER_IDLE_S = 0.5  #: a connection that was used so lately is taken for alive: each ping is a round trip
_READ_ONLY = "moonthread_read_only"
_IDLE_SINCE = "moonthread_rests_since"


def driver_url(url: str) -> URL:
    """Return ``url`` with the asynchronous driver that belongs to its database.

    Raises:
        ValueError: the scheme is neither SQLite's nor PostgreSQL's.
    """
    parsed = make_url(url)
    match parsed.drivername.partition("+")[0]:
        case "sqlite":
            return parsed.set(drivername="sqlite+aiosqlite")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
        case other:
            raise ValueError(f"{other!r} is neither sqlite nor postgresql")


class Database:
    """An engine with one verb for writing and one for reading.

    SQLite allows one writer at a time: in this process writers queue for a lock, in order and
    without polling.
    """

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = driver_url(url)
        self.dialect = self.url.get_backend_name()
        self.engine: AsyncEngine = create_async_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=orjson.loads,
            pool_use_lifo=True,  # the connection that was used last is the most probably alive
            connect_args=KEEPALIVE_OPTIONS if self.dialect == "postgresql" else _sqlite_arguments(),
        )
        self._connections: WeakSet[Any] = WeakSet()
        self._watch: Callable[[], AbstractContextManager[None]] = _unwatched
        read_options: dict[str, Any] = {_READ_ONLY: True}
        self._write_lock: asyncio.Lock | nullcontext[None] = nullcontext()
        if self.dialect == "sqlite":
            self._write_lock = asyncio.Lock()
            event.listen(self.engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self.engine.sync_engine, "begin", _begin_sqlite)
        else:
            # Each statement has a snapshot of its own in any case: BEGIN and ROLLBACK are idle round trips.
            read_options["isolation_level"] = "AUTOCOMMIT"
            event.listen(self.engine.sync_engine, "connect", self._track_connection)
            event.listen(self.engine.sync_engine, "checkin", _note_idle)
            event.listen(self.engine.sync_engine, "checkout", self._ping_if_idle)
        self._reader = self.engine.execution_options(**read_options)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[Transaction]:
        """Open a transaction that may write; committed at the end, rolled back on an error.

        Raises:
            StoreUnavailable: the database cannot be reached or written.
        """
        async with self._write_lock:
            with self._watch():
                async with translated(), self.engine.connect() as connection:
                    yield connection
                    await connection.commit()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Transaction]:
        """Open a transaction for one single statement that writes; PostgreSQL needs no more for it.

        Raises:
            StoreUnavailable: the database cannot be reached or written.
        """
        if self.dialect == "sqlite":
            async with self.begin() as tx:
                yield tx
        else:
            async with self.read() as tx:
                yield tx

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Transaction]:
        """Open a transaction that only reads; it waits for no writer.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        with self._watch():
            async with translated(), self._reader.connect() as connection:
                yield connection

    def log_outages(self) -> None:
        """Log from now on when the database becomes unavailable, and when it is back."""
        self._watch = OutageLog().watch

    def abort_connections(self) -> None:
        """Close every connection to PostgreSQL at once; pending statements fail."""
        for line in list(self._connections):
            abort_connection(line)

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.dispose()

    def _track_connection(self, connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        self._connections.add(connection.driver_connection)

    def _ping_if_idle(
        self, connection: DBAPIConnection, entry: ConnectionPoolEntry, _: PoolProxiedConnection
    ) -> None:
        """Let the pool replace a connection that died while it rested."""
        if time.monotonic() - entry.info.get(_IDLE_SINCE, float("-inf")) < PING_AFTER_IDLE_S:
            return
        dialect = self.engine.sync_engine.dialect
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as exc:
            raise DisconnectionError(str(exc)) from exc


@contextmanager
def _unwatched() -> Generator[None]:
    yield


@asynccontextmanager
async def translated() -> AsyncIterator[None]:
    """Let only :class:`StoreUnavailable` out where the database is the one that failed."""
    try:
        yield
    except (PoolTimeout, OSError) as exc:
        raise StoreUnavailable(str(exc)) from exc
    except DataError as exc:
        raise StoreRefusedData(_first_line(exc)) from exc
    except DBAPIError as exc:
        raise StoreUnavailable(_first_line(exc)) from exc
    except SQLAlchemyError as exc:
        raise StoreUnavailable(type(exc).__name__) from exc


def _first_line(exc: DBAPIError) -> str:
    """Return an error's class and first line: the statement and its details hold people's words."""
    reason = str(exc.orig).partition("\n")[0]
    return f"{type(exc.orig).__name__}: {reason}"


def abort_connection(connection: Any) -> None:
    """End a psycopg connection's line under it: what waits there fails at once, without the server."""
    if not connection.closed:
        with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)


def _note_idle(_: DBAPIConnection | None, entry: ConnectionPoolEntry) -> None:
    entry.info[_IDLE_SINCE] = time.monotonic()


def _sqlite_arguments() -> dict[str, Any]:
    return {"async_creator_fn": sqlite_connection.SQLiteConnection}


def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    # The driver's own transactions begin too late (at the first write); ours begin at BEGIN.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("synchronous=FULL", f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    if not _is_pre_release(cursor):  # a file that will be refused stays as it is, to the byte
        cursor.execute("PRAGMA journal_mode=WAL")
    cursor.close()


def _is_pre_release(cursor: Any) -> bool:
    cursor.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")
    if cursor.fetchone() is None:
        return False
    cursor.execute("SELECT version_num FROM alembic_version")
    revision = cursor.fetchone()
    return revision is not None and is_pre_release(str(revision[0]))


def _begin_sqlite(connection: Connection) -> None:
    reads_only = connection.get_execution_options().get(_READ_ONLY, False)
    raw: Any = connection.connection.driver_connection
    raw.begin(reads_only=reads_only)
