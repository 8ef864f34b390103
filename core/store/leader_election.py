"""One leader among replicas, for what only one of them may do."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection
from typing import TYPE_CHECKING, Final

import structlog

from core.domain.errors import StoreUnavailable
from core.store.database import Database

if TYPE_CHECKING:
    from core.store.cluster import DedicatedConnection

log = structlog.get_logger(__name__)

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

_POLLING_LOCKS: Final = b"moonthread polling"


def polling_lock(tenants: Collection[tuple[str, str]]) -> int:
    """Return the advisory lock of the replica that polls for these (platform, tenant) pairs.

    Bots on one database poll side by side; replicas of the same bot take turns.
    """
    names = "\0".join(f"{platform}:{tenant}" for platform, tenant in sorted(tenants))
    digest = hashlib.blake2b(names.encode(), digest_size=4, key=_POLLING_LOCKS).digest()
    return int.from_bytes(digest, "big") >> 1  # an oid, as which pg_locks shows it, has no sign


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
        self._session: DedicatedConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self.is_leader = False

    async def start(self) -> None:
        """Take part; returns at once on PostgreSQL, and as the leader on SQLite."""
        if self._database.dialect == "postgresql":
            from core.store.cluster import DedicatedConnection  # late: psycopg takes 0.1 s to import

            self._session = DedicatedConnection(self._database, name="leader")
            self._task = asyncio.create_task(self._campaign(self._session), name="leadership")
        else:
            await self._lead()

    async def stop(self) -> None:
        """Give up what we lead and take no further part."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._resign()

    async def _campaign(self, session: "DedicatedConnection") -> None:
        while True:
            try:
                await session.open()
                await self._acquire_lock(session)
                await self._lead()
                while True:
                    await asyncio.sleep(LEADER_CHECK_S)
                    await session.fetch("SELECT 1")
            except StoreUnavailable as exc:
                log.warning("leader.connection_lost", leading=self.is_leader, error=str(exc))
            except Exception:  # the boundary of a task: what was begun is ended, then tried again
                log.exception("leader.failed")
            await self._resign()
            await asyncio.sleep(LEADER_RETRY_S)

    async def _acquire_lock(self, session: "DedicatedConnection") -> None:
        """Return as the holder of the lock."""
        while not (await session.fetch(_TRY_LOCK, lock=self._lock()))[0][0]:
            for _ in await session.fetch(_DEPOSE_LEADER, lock=self._lock(), silent_s=LEADER_TIMEOUT_S):
                log.warning("leader.deposed")
            await asyncio.sleep(LEADER_RETRY_S)
        await asyncio.sleep(LEADER_SETTLE_S)
        await session.fetch("SELECT 1")

    async def _lead(self) -> None:
        self.is_leader = True
        log.info("leader.elected")
        await self._on_elected()

    async def _resign(self) -> None:
        if self.is_leader:
            self.is_leader = False
            log.info("leader.resigned")
            await self._on_deposed()
        if self._session is not None:
            await self._session.close()
