"""Sessions on PostgreSQL beside the pool's, and notifications between replicas.

A pool hands connections around; LISTEN, advisory locks and heartbeats need one that stays.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import sql

from core.domain.errors import StoreUnavailable
from core.store.database import KEEPALIVE_OPTIONS, Database, Transaction, abort_connection

T = TypeVar("T")


def conninfo(database: Database) -> str:
    """Return libpq's address of a PostgreSQL database."""
    return database.url.set(drivername="postgresql").render_as_string(hide_password=False)


@dataclass(frozen=True, slots=True)
class Notification:
    """A notification that NOTIFY sent."""

    channel: str
    payload: str


async def notify(tx: Transaction, channel: str, payload: str) -> None:
    """Notify every listening replica when the transaction is committed; does nothing on SQLite."""
    if tx.dialect.name == "postgresql":
        await tx.exec_driver_sql("SELECT pg_notify(%s, %s)", (channel, payload))


class DatabaseTimeout(StoreUnavailable):
    """The database did not answer in time: other connections to it may be as dead."""


class DedicatedConnection:
    """One PostgreSQL connection outside the pool; not for two tasks at once.

    Every method raises :class:`StoreUnavailable` if the server does not answer in time; the connection is
    then closed, which ends its locks and subscriptions.
    """

    def __init__(self, database: Database, *, name: str, timeout_s: float = 2.0) -> None:
        """``name`` is shown in ``pg_stat_activity``; ``timeout_s`` bounds every statement."""
        self._database = database
        self._name = name
        self._timeout_s = timeout_s
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None

    async def open(self) -> None:
        """Connect, unless it is connected."""
        if self._connection is not None:
            return
        try:
            self._connection = await psycopg.AsyncConnection.connect(
                conninfo(self._database),
                autocommit=True,
                application_name=f"moonthread {self._name}",
                **KEEPALIVE_OPTIONS,
            )
        except psycopg.Error as exc:
            raise StoreUnavailable(f"{type(exc).__name__}: {exc}") from exc

    async def fetch(self, query: LiteralString, **values: object) -> list[tuple[Any, ...]]:
        """Execute one statement by itself and return its rows."""
        return await self._with_timeout(self._fetch(query, values), self._timeout_s)

    async def listen(self, channels: Iterable[str]) -> None:
        """Subscribe to notifications on ``channels``."""
        for channel in channels:
            statement = sql.SQL("LISTEN {}").format(sql.Identifier(channel))
            await self._with_timeout(self._fetch(statement, None), self._timeout_s)

    async def notifications(self, wait_s: float) -> list[Notification]:
        """Return the received notifications, at the latest after ``wait_s`` seconds."""
        return await self._with_timeout(self._notifications(wait_s), wait_s + self._timeout_s)

    async def close(self) -> None:
        """Disconnect."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                await connection.close()

    async def _fetch(
        self, query: LiteralString | sql.Composed, values: dict[str, object] | None
    ) -> list[tuple[Any, ...]]:
        cursor = await self._require_connection().execute(query, values or None)
        return await cursor.fetchall() if cursor.description is not None else []

    async def _notifications(self, wait_s: float) -> list[Notification]:
        found = self._require_connection().notifies(timeout=wait_s, stop_after=1)
        return [Notification(notify.channel, notify.payload) async for notify in found]

    def _require_connection(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        if self._connection is None:
            raise psycopg.OperationalError("not connected")
        return self._connection

    async def _with_timeout(self, coroutine: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Await ``coroutine``; abort the connection if that takes longer than ``timeout_s`` seconds.

        Cancelling would send a request to the server, which is useless if it cannot be reached.
        """
        task = asyncio.ensure_future(coroutine)
        silent = False
        try:
            await asyncio.wait({task}, timeout=timeout_s)
            if silent := not task.done():
                self._abort()
            return await task
        except psycopg.Error as exc:
            await self.close()
            kind = DatabaseTimeout if silent else StoreUnavailable
            raise kind(f"{type(exc).__name__}: {exc}") from exc
        except asyncio.CancelledError:
            self._abort()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.close()
            raise

    def _abort(self) -> None:
        if self._connection is not None:
            abort_connection(self._connection)
