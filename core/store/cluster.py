"""What replicas on one PostgreSQL need beside transactions: sessions of their own, and one leader.

A pool hands connections around; LISTEN, advisory locks and heartbeats need one that stays.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, LiteralString, TypeVar

import psycopg
import structlog
from psycopg import sql

from core.domain.errors import StoreUnavailable
from core.store.database import LIVELY_LINE, Database, Transaction, sever

T = TypeVar("T")
log = structlog.get_logger(__name__)

POLLING_LOCK = 0x6D6F6F70  #: the advisory lock of whoever polls; any fixed number will do


def conninfo(database: Database) -> str:
    """Return libpq's address of a PostgreSQL database."""
    return database.url.set(drivername="postgresql").render_as_string(hide_password=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """What NOTIFY brought."""

    channel: str
    payload: str


async def notify(tx: Transaction, channel: str, payload: str) -> None:
    """Tell every listening replica something once the transaction is committed; nothing on SQLite."""
    if tx.dialect.name == "postgresql":
        await tx.exec_driver_sql("SELECT pg_notify(%s, %s)", (channel, payload))


class Silent(StoreUnavailable):
    """The database did not answer in time: other connections to it may be as dead."""


class Session:
    """One PostgreSQL connection outside the pool; not for two tasks at once.

    Every verb raises :class:`StoreUnavailable` where no answer comes in time; the connection is
    closed then, and with it its locks and what it listened to.
    """

    def __init__(self, database: Database, *, name: str, timeout_s: float = 2.0) -> None:
        """``name`` is shown in ``pg_stat_activity``; ``timeout_s`` bounds every statement."""
        self._database = database
        self._name = name
        self._timeout_s = timeout_s
        self._connection: psycopg.AsyncConnection[tuple[Any, ...]] | None = None

    async def open(self) -> None:
        """Connect, where it is not connected."""
        if self._connection is not None:
            return
        try:
            self._connection = await psycopg.AsyncConnection.connect(
                conninfo(self._database),
                autocommit=True,
                application_name=f"moonthread {self._name}",
                **LIVELY_LINE,
            )
        except psycopg.Error as exc:
            raise StoreUnavailable(f"{type(exc).__name__}: {exc}") from exc

    async def rows(self, query: LiteralString, **values: object) -> list[tuple[Any, ...]]:
        """Execute one statement by itself and return its rows."""
        return await self._within(self._rows(query, values), self._timeout_s)

    async def listen(self, channels: Iterable[str]) -> None:
        """Begin to receive what is notified on ``channels``."""
        for channel in channels:
            statement = sql.SQL("LISTEN {}").format(sql.Identifier(channel))
            await self._within(self._rows(statement, None), self._timeout_s)

    async def notices(self, wait_s: float) -> list[Notice]:
        """Return what was notified, as soon as something is or after ``wait_s`` seconds."""
        return await self._within(self._notices(wait_s), wait_s + self._timeout_s)

    async def close(self) -> None:
        """Disconnect."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                await connection.close()

    async def _rows(
        self, query: LiteralString | sql.Composed, values: dict[str, object] | None
    ) -> list[tuple[Any, ...]]:
        cursor = await self._connected().execute(query, values or None)
        return await cursor.fetchall() if cursor.description is not None else []

    async def _notices(self, wait_s: float) -> list[Notice]:
        found = self._connected().notifies(timeout=wait_s, stop_after=1)
        return [Notice(notify.channel, notify.payload) async for notify in found]

    def _connected(self) -> psycopg.AsyncConnection[tuple[Any, ...]]:
        if self._connection is None:
            raise psycopg.OperationalError("not connected")
        return self._connection

    async def _within(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Do ``work``; where it takes too long, cut the line.

        Cancelling would ask the server to cancel, which is of no use to us where it is out of reach.
        """
        task = asyncio.ensure_future(work)
        silent = False
        try:
            await asyncio.wait({task}, timeout=timeout_s)
            if silent := not task.done():
                self._sever()
            return await task
        except psycopg.Error as exc:
            await self.close()
            kind = Silent if silent else StoreUnavailable
            raise kind(f"{type(exc).__name__}: {exc}") from exc
        except asyncio.CancelledError:
            self._sever()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.close()
            raise

    def _sever(self) -> None:
        if self._connection is not None:
            sever(self._connection)


SETTLE_S = 1.0  #: a new leader waits so long: the one before has noticed its loss by then
CHECK_S = 0.4  #: how often a leader makes sure that it still is one
TRY_S = 1.0  #: how often the others try to become it
SILENT_S = 4.0  #: a leader that did not check for so long is frozen or cut off, and is deposed

_TAKE = "SELECT pg_try_advisory_lock(%(lock)s)"

# A leader's session outlives a frozen process or a cut line: the lock is freed by ending it.
_DEPOSE = """
SELECT pg_terminate_backend(pid)
  FROM pg_locks JOIN pg_stat_activity USING (pid)
 WHERE locktype = 'advisory' AND granted AND objsubid = 1
   AND classid = (%(lock)s::bigint >> 32)::oid AND objid = (%(lock)s::bigint & 4294967295)::oid
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND state_change < clock_timestamp() - make_interval(secs => %(silent_s)s)
"""


class Leadership:
    """Makes one of all replicas the leader of something, and another one when that one is gone.

    On PostgreSQL the leader holds an advisory lock in a session of its own. On SQLite there is one
    process, and it leads.
    """

    def __init__(
        self,
        database: Database,
        lock: int,
        *,
        on_gain: Callable[[], Awaitable[None]],
        on_loss: Callable[[], Awaitable[None]],
    ) -> None:
        """``on_gain`` begins what only the leader does, ``on_loss`` ends it before anything else."""
        self._database = database
        self._lock = lock
        self._on_gain = on_gain
        self._on_loss = on_loss
        self._session = Session(database, name="leader")
        self._task: asyncio.Task[None] | None = None
        self.leading = False

    async def start(self) -> None:
        """Take part; returns at once on PostgreSQL, and as the leader on SQLite."""
        if self._database.dialect == "postgresql":
            self._task = asyncio.create_task(self._take_part(), name="leadership")
        else:
            await self._lead()

    async def stop(self) -> None:
        """Give up what we lead and take no further part."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._resign()

    async def _take_part(self) -> None:
        while True:
            try:
                await self._session.open()
                await self._become()
                await self._lead()
                while True:
                    await asyncio.sleep(CHECK_S)
                    await self._session.rows("SELECT 1")
            except StoreUnavailable as exc:
                log.warning("leadership_interrupted", leading=self.leading, error=str(exc))
            except Exception:  # the boundary of a task: what was begun is ended, then tried again
                log.exception("leadership_failed")
            await self._resign()
            await asyncio.sleep(TRY_S)

    async def _become(self) -> None:
        """Return as the holder of the lock."""
        while not (await self._session.rows(_TAKE, lock=self._lock))[0][0]:
            for _ in await self._session.rows(_DEPOSE, lock=self._lock, silent_s=SILENT_S):
                log.warning("leader_deposed")
            await asyncio.sleep(TRY_S)
        await asyncio.sleep(SETTLE_S)
        await self._session.rows("SELECT 1")

    async def _lead(self) -> None:
        self.leading = True
        log.info("leadership_taken")
        await self._on_gain()

    async def _resign(self) -> None:
        if self.leading:
            self.leading = False
            log.info("leadership_left")
            await self._on_loss()
        await self._session.close()
