"""What replicas on one PostgreSQL need beside transactions: sessions of their own, and one leader.

A pool hands connections around; LISTEN, advisory locks and heartbeats need one that stays.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, LiteralString, TypeVar

import psycopg
import structlog
from psycopg import sql

from core.domain.errors import StoreUnavailable
from core.store.database import KEEPALIVE_OPTIONS, Database, Transaction, abort_connection

T = TypeVar("T")
log = structlog.get_logger(__name__)

_POLLING_LOCKS: Final = b"moonthread polling"


def polling_lock(tenants: Collection[tuple[str, str]]) -> int:
    """Return the advisory lock of the replica that polls for these (platform, tenant) pairs.

    Bots on one database poll side by side; replicas of the same bot take turns.
    """
    names = "\0".join(f"{platform}:{tenant}" for platform, tenant in sorted(tenants))
    digest = hashlib.blake2b(names.encode(), digest_size=4, key=_POLLING_LOCKS).digest()
    return int.from_bytes(digest, "big") >> 1  # an oid, as which pg_locks shows it, has no sign


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


LEADER_SETTLE_S = 1.0  #: a new leader waits so long: the one before has noticed its loss by then
LEADER_CHECK_S = 0.4  #: how often a leader makes sure that it still is one
LEADER_RETRY_S = 1.0  #: how often the others try to become it
LEADER_TIMEOUT_S = 4.0  #: a leader that did not check for so long is frozen or cut off, and is deposed

_TRY_LOCK = "SELECT pg_try_advisory_lock(%(lock)s)"

# A leader's session outlives a frozen process or a cut line: the lock is freed by ending it.
_DEPOSE_LEADER = """
SELECT pg_terminate_backend(pid)
  FROM pg_locks JOIN pg_stat_activity USING (pid)
 WHERE locktype = 'advisory' AND granted AND objsubid = 1
   AND classid = (%(lock)s::bigint >> 32)::oid AND objid = (%(lock)s::bigint & 4294967295)::oid
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND state_change < clock_timestamp() - make_interval(secs => %(silent_s)s)
"""


class LeaderElection:
    """Makes one of all replicas the leader of something, and another one when that one is gone.

    On PostgreSQL the leader holds an advisory lock in a session of its own. On SQLite there is one
    process, and it leads.
    """

    def __init__(
        self,
        database: Database,
        lock: Callable[[], int],
        *,
        on_elected: Callable[[], Awaitable[None]],
        on_deposed: Callable[[], Awaitable[None]],
    ) -> None:
        """``on_elected`` starts what only the leader does; ``on_deposed`` ends it, before anything else."""
        self._database = database
        self._lock = lock
        self._on_elected = on_elected
        self._on_deposed = on_deposed
        self._session = DedicatedConnection(database, name="leader")
        self._task: asyncio.Task[None] | None = None
        self.is_leader = False

    async def start(self) -> None:
        """Take part; returns at once on PostgreSQL, and as the leader on SQLite."""
        if self._database.dialect == "postgresql":
            self._task = asyncio.create_task(self._campaign(), name="leadership")
        else:
            await self._lead()

    async def stop(self) -> None:
        """Give up what we lead and take no further part."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._resign()

    async def _campaign(self) -> None:
        while True:
            try:
                await self._session.open()
                await self._acquire_lock()
                await self._lead()
                while True:
                    await asyncio.sleep(LEADER_CHECK_S)
                    await self._session.fetch("SELECT 1")
            except StoreUnavailable as exc:
                log.warning("leader.connection_lost", leading=self.is_leader, error=str(exc))
            except Exception:  # the boundary of a task: what was begun is ended, then tried again
                log.exception("leader.failed")
            await self._resign()
            await asyncio.sleep(LEADER_RETRY_S)

    async def _acquire_lock(self) -> None:
        """Return as the holder of the lock."""
        while not (await self._session.fetch(_TRY_LOCK, lock=self._lock()))[0][0]:
            for _ in await self._session.fetch(_DEPOSE_LEADER, lock=self._lock(), silent_s=LEADER_TIMEOUT_S):
                log.warning("leader.deposed")
            await asyncio.sleep(LEADER_RETRY_S)
        await asyncio.sleep(LEADER_SETTLE_S)
        await self._session.fetch("SELECT 1")

    async def _lead(self) -> None:
        self.is_leader = True
        log.info("leader.elected")
        await self._on_elected()

    async def _resign(self) -> None:
        if self.is_leader:
            self.is_leader = False
            log.info("leader.resigned")
            await self._on_deposed()
        await self._session.close()
