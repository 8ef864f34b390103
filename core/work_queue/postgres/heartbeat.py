"""One session with the database, which listens, sends heartbeats, and watches the other replicas.

The heartbeat uses the same connection as LISTEN, which therefore cannot fail unnoticed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

import structlog

from core.domain.errors import StoreUnavailable
from core.store import Database
from core.store.cluster import DatabaseTimeout, DedicatedConnection, Notification
from core.work_queue.postgres import statements
from core.work_queue.postgres.job_manager import ResilientJobManager
from core.work_queue.postgres.lease import Lease, now
from core.work_queue.postgres.timing import ClusterTiming

log = structlog.get_logger(__name__)

GRACE_STALLED_S: Final = 3600.0  #: a replica without a heartbeat for so long is dead also after an outage


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatCallbacks:
    """Functions that the heartbeat calls; all but the first must not wait."""

    on_notification: Callable[[Notification], Awaitable[None]]
    on_poll: Callable[[], None]  #: it is time to look for what no notification announced
    on_evicted: Callable[[], None]  #: another replica deleted our worker row
    on_reconnected: Callable[[], None]  #: the database answers again
    on_timeout: Callable[[], None]  #: the database did not answer in time; other connections may hang too


class Heartbeat:
    """Keeps this replica's membership alive, and evicts replicas without a recent heartbeat."""

    def __init__(
        self,
        database: Database,
        jobs: ResilientJobManager,
        lease: Lease,
        timing: ClusterTiming,
        *,
        channels: Callable[[], Iterable[str]],
        callbacks: HeartbeatCallbacks,
    ) -> None:
        self._session = DedicatedConnection(database, name="heartbeat", timeout_s=timing.lease_s)
        self._jobs = jobs
        self._lease = lease
        self._timing = timing
        self._channels = channels
        self._listened: tuple[str, ...] = ()
        self._callbacks = callbacks
        self._grace_until = 0.0
        self._connected_before = False
        self._task: asyncio.Task[None] | None = None
        self.takeovers = 0  #: number of jobs freed from dead replicas

    def start(self) -> None:
        """Begin to listen and to send heartbeats."""
        self._task = asyncio.create_task(self._run(), name="heartbeat")

    async def stop(self) -> None:
        """End; the worker must have left the cluster before."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._session.close()

    async def _run(self) -> None:
        while True:
            try:
                await self._session.open()
                self._listened = ()
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
            await self._listen()
            await self._evict_stalled()
            if started >= look_at:
                look_at = started + timing.poll_s
                self._callbacks.on_poll()
            if started >= sweep_at:
                sweep_at = started + timing.sweep_s
                await self._sweep()
            tick_at = started + timing.eviction_check_s
            while (wait_s := tick_at - now()) > 0:
                for notice in await self._session.notifications(wait_s):
                    await self._callbacks.on_notification(notice)

    async def _listen(self) -> None:
        """Subscribe to the channels of our queues, of which a platform that is reached late adds one."""
        if (channels := tuple(self._channels())) != self._listened:
            await self._session.listen(channels)
            self._listened = channels

    async def _beat(self) -> None:
        """Send a heartbeat, and find out whether we have been evicted."""
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
        if worker is not None and self._jobs.local.maybe_lost:
            await self._give_back_lost_jobs(worker)

    async def _give_back_lost_jobs(self, worker_id: int) -> None:
        """Release the jobs of fetches and commits that got no reply."""
        known = self._jobs.local.known()
        stored = [row[0] for row in await self._session.fetch(statements.RUNNING_JOBS, worker=worker_id)]
        if self._jobs.fetching:
            return  # a job may be on its way to us
        for job_id in self._jobs.local.find_lost(stored, known):
            log.warning("work_queue.lost_job_found", job=job_id)
            await self._session.fetch(statements.FINISH, job=job_id, worker=worker_id, at_once=True)

    async def _evict_stalled(self) -> None:
        """Evict replicas without a heartbeat, and free their jobs."""
        in_grace = now() < self._grace_until
        stalled_s = GRACE_STALLED_S if in_grace else self._timing.stalled_s
        freed = await self._session.fetch(statements.EVICT_STALLED, stalled_s=stalled_s)
        if freed:
            workers = [id_ for kind, id_ in freed if kind == "worker"]
            self.takeovers += len(freed) - len(workers)
            log.warning("work_queue.replica_evicted", workers=workers, jobs=len(freed) - len(workers))

    async def _sweep(self) -> None:
        """Enqueue jobs for open events that have none."""
        restored = await self._session.fetch(statements.SWEEP, task=statements.TASK)
        if restored:
            log.warning("work_queue.jobs_restored", jobs=len(restored))

    def suspend_evictions(self, seconds: float) -> None:
        """Evict nobody for a while: the database or this process was away, not the other replicas."""
        self._grace_until = max(self._grace_until, now() + seconds)
