"""One session with the database, which listens, beats, and watches the other replicas.

The heartbeat goes over the very connection that listens: LISTEN cannot die unnoticed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import structlog

from core.domain.errors import StoreUnavailable
from core.store import Database
from core.store.cluster import DatabaseTimeout, DedicatedConnection, Notification
from core.work_queue.postgres import statements
from core.work_queue.postgres.jobs import ResilientJobManager
from core.work_queue.postgres.lease import Lease, now
from core.work_queue.postgres.timing import ClusterTiming

log = structlog.get_logger(__name__)

GRACE_STALLED_S = 3600.0  #: whose heartbeat is that old is dead, whatever happened to the database


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatCallbacks:
    """Whom a member calls."""

    on_notification: Callable[[Notification], Awaitable[None]]  #: something was notified
    on_poll: Callable[[], None]  #: time to look at what no notification told; must not wait
    on_evicted: Callable[[], None]  #: the others have buried us
    on_reconnected: Callable[[], None]  #: the database answers again
    on_timeout: Callable[[], None]  #: the database does not answer, nor will it on other connections


class Heartbeat:
    """This replica among the others, from :meth:`start` to :meth:`stop`."""

    def __init__(
        self,
        database: Database,
        jobs: ResilientJobManager,
        lease: Lease,
        timing: ClusterTiming,
        *,
        channels: Iterable[str],
        callbacks: HeartbeatCallbacks,
    ) -> None:
        self._session = DedicatedConnection(database, name="member", timeout_s=timing.lease_s)
        self._jobs = jobs
        self._lease = lease
        self._timing = timing
        self._channels = tuple(channels)
        self._callbacks = callbacks
        self._grace_until = 0.0
        self._connected_before = False  #: we have spoken with the database before
        self._task: asyncio.Task[None] | None = None
        self.takeovers = 0  #: jobs taken from dead replicas

    def start(self) -> None:
        """Begin to listen and beat."""
        self._task = asyncio.create_task(self._run(), name="member")

    async def stop(self) -> None:
        """End; the worker should have left before."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._session.close()

    async def _run(self) -> None:
        while True:
            try:
                await self._session.open()
                await self._session.listen(self._channels)
                if self._connected_before:
                    self._callbacks.on_reconnected()
                await self._loop()
            except StoreUnavailable as exc:
                log.warning("work_queue.connection_lost", error=str(exc))
                if isinstance(exc, DatabaseTimeout):
                    self._callbacks.on_timeout()
                self.suspend_evictions(self._timing.eviction_grace_s)
            except Exception:  # the boundary of a task: a replica without a heartbeat is a dead one
                log.exception("work_queue.heartbeat_failed")
            await self._session.close()
            await asyncio.sleep(self._timing.reconnect_s)

    async def _loop(self) -> None:
        timing = self._timing
        beat_at = look_at = sweep_at = 0.0
        while True:
            started = now()
            if started >= beat_at:
                beat_at = started + timing.heartbeat_s
                await self._beat()
            await self._evict_stalled()
            if started >= look_at:
                look_at = started + timing.poll_s
                self._callbacks.on_poll()
            if started >= sweep_at:
                sweep_at = started + timing.sweep_s
                await self.sweep()
            tick_at = started + timing.eviction_check_s
            while (wait_s := tick_at - now()) > 0:
                for notice in await self._session.notifications(wait_s):
                    await self._callbacks.on_notification(notice)

    async def _beat(self) -> None:
        """Tell that we live; hear whether we are thought to."""
        worker = self._jobs.worker_id
        sent_at = now()
        if worker is None:
            await self._session.fetch("SELECT 1")
        elif await self._session.fetch(statements.HEARTBEAT, worker=worker):
            if worker == self._jobs.worker_id:
                self._lease.renew(sent_at)
        elif worker == self._jobs.worker_id:
            self._callbacks.on_evicted()
        if not self._connected_before:
            self._connected_before = True
            self.suspend_evictions(self._timing.join_grace_s)
        if worker is not None and self._jobs.maybe_lost_jobs:
            await self._give_back_lost_jobs(worker)

    async def _give_back_lost_jobs(self, worker_id: int) -> None:
        """Give jobs back which a fetch or a commit brought whose reply was lost."""
        known = self._jobs.known_jobs
        doing = [row[0] for row in await self._session.fetch(statements.RUNNING_JOBS, worker=worker_id)]
        for job_id in self._jobs.lost_jobs(doing, known):
            log.warning("work_queue.lost_job_found", job=job_id)
            await self._session.fetch(statements.FINISH, job=job_id, worker=worker_id, at_once=True)

    async def _evict_stalled(self) -> None:
        """Bury replicas without a heartbeat, and free what they had."""
        quiet = now() < self._grace_until
        stalled_s = GRACE_STALLED_S if quiet else self._timing.stalled_s
        found = await self._session.fetch(statements.EVICT_STALLED, stalled_s=stalled_s)
        if found:
            buried = [id_ for kind, id_ in found if kind == "worker"]
            self.takeovers += len(found) - len(buried)
            log.warning("work_queue.replica_evicted", workers=buried, jobs=len(found) - len(buried))

    async def sweep(self) -> None:
        """Make jobs for open events that have none."""
        found = await self._session.fetch(statements.SWEEP, task=statements.TASK)
        if found:
            log.warning("work_queue.jobs_restored", lines=len(found))

    def suspend_evictions(self, seconds: float) -> None:
        """Declare nobody dead for a while: not the others, the database or we were away."""
        self._grace_until = max(self._grace_until, now() + seconds)
