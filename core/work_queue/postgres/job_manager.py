"""procrastinate's ``JobManager``, made to survive outages without doubling or losing a job."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import structlog
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback

from core.work_queue.postgres import statements
from core.work_queue.postgres.lease import Lease, now
from core.work_queue.postgres.local_jobs import LocalJobs
from core.work_queue.postgres.timing import ClusterTiming

log = structlog.get_logger(__name__)


class ResilientJobManager(JobManager):
    """The jobs of one worker at a time, and that worker's membership in the cluster.

    Heartbeats and notifications come from :class:`core.work_queue.postgres.heartbeat.Heartbeat`, so that
    neither ends with a connection.
    """

    def __init__(
        self,
        connector: BaseConnector,
        lease: Lease,
        timing: ClusterTiming,
        queues: Callable[[], Sequence[str]],
    ) -> None:
        """``queues`` returns the names of the procrastinate queues to serve."""
        super().__init__(connector)
        self.worker_id: int | None = None  #: id of our row; None while there is none, or it is lost
        self.stopping = False  #: unfinished jobs go back at once
        self.local = LocalJobs()
        self.fetching = False
        self._lease = lease
        self._timing = timing
        self._queues = queues
        self._wakeups = 0
        self._fetch_due = True  # the database may have a job for us
        self._fetched_at = 0.0
        self._on_notification: NotificationCallback | None = None

    # -- membership ------------------------------------------------------------------------------

    async def register_worker(self) -> int:
        """Become a member of the cluster; this counts as the first heartbeat."""
        sent_at = now()
        self.local.clear()
        self._fetch_due = True
        self.worker_id = await super().register_worker()
        self._lease.renew(sent_at)
        log.info("work_queue.worker_registered", worker=self.worker_id)
        return self.worker_id

    async def unregister_worker(self, worker_id: int) -> None:
        """Leave the cluster; if the database cannot be reached, the others notice by themselves."""
        self.worker_id = None
        self._lease.revoke()
        try:
            await super().unregister_worker(worker_id)
        except ConnectorException as exc:
            log.warning("work_queue.worker_not_unregistered", worker=worker_id, error=str(exc.__cause__))

    async def update_heartbeat(self, worker_id: int) -> None:
        """Do nothing: :class:`Heartbeat` sends them, also while a worker waits for its last jobs."""

    async def prune_stalled_workers(self, seconds_since_heartbeat: float) -> list[int]:
        """Do nothing: after an outage a new worker would declare every other one dead."""
        return []

    # -- jobs --------------------------------------------------------------------------------------

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Return a job that was handed over, else fetch one; None if there is none or the database fails.

        ``queues`` is ignored: those that we serve grow when a platform is reached that was not at the start.
        A failed fetch is never repeated here: its reply may be lost and the job ours.
        """
        self.fetching = True
        try:
            while True:
                if (handed_over := self.local.take_handed_over()) is not None:
                    return handed_over
                if not self._fetch_due and now() - self._fetched_at < self._timing.poll_s / 2:
                    return None
                wakeups = self._wakeups
                self._fetch_due, self._fetched_at = False, now()
                job = await super().fetch_job(queues=self._queues(), worker_id=worker_id)
                if job is not None:
                    self.local.add(job)
                    self._fetch_due = True  # there may be more
                # The worker forgets a notification that comes while it fetches.
                if job is not None or wakeups == self._wakeups:
                    return job
        except ConnectorException as exc:
            self.local.maybe_lost = True
            log.warning("work_queue.fetch_failed", error=str(exc.__cause__))
            return None
        finally:
            self.fetching = False

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Delete a job, and enqueue another one if events of its queue are open.

        It is tried until the database has done it, or our membership has ended.
        """
        if job.task_name != statements.TASK:
            await self._finish_periodic_job(job, status, delete_job)
            return
        worker_id, wakeups = self.worker_id, self._wakeups
        at_once = status is Status.ABORTED
        waiting: list[dict[str, Any]] = [{}]  # without a reply, a job may wait for this one's lock
        while worker_id is not None and worker_id == self.worker_id:
            try:
                waiting = await self.connector.execute_query_all_async(
                    statements.FINISH, job=job.id, worker=worker_id, at_once=at_once or self.stopping
                )
            except ConnectorException as exc:
                log.warning("work_queue.finish_failed", job=job.id, error=str(exc.__cause__))
                if self.stopping:
                    break  # leaving the cluster frees the job too
                await asyncio.sleep(self._timing.reconnect_s)
            else:
                break
        self.local.remove(job)
        if waiting or wakeups != self._wakeups:
            await self.wake_worker()  # a job that waited for the lock may run: the update notifies nobody

    async def _finish_periodic_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Finish the job of a periodic task; if that fails, it is found as a lost job."""
        try:
            await super().finish_job(job, status, delete_job)
        except ConnectorException as exc:
            self.local.maybe_lost = True
            log.warning("work_queue.finish_failed", job=job.id, error=str(exc.__cause__))
        self.local.remove(job)
        await self.wake_worker()  # another round may wait for its lock

    async def defer_periodic_job(self, job: Job, periodic_id: str, defer_timestamp: int) -> int | None:
        """Enqueue a round of a periodic task, unless another replica did; wait for the database.

        procrastinate would not come back to this round, and a failure would end the worker.
        """
        while True:
            try:
                return await super().defer_periodic_job(job, periodic_id, defer_timestamp)
            except ConnectorException as exc:
                log.warning("periodic_task.round_not_stored", task=periodic_id, error=str(exc.__cause__))
                await asyncio.sleep(self._timing.reconnect_s)

    # -- jobs that never wait in the queue -----------------------------------------------------------

    async def confirm(self, job: Job | None) -> None:
        """Give the worker a reserved job after its event is committed; without a job let it look for one."""
        if job is None:
            await self.wake_worker()
        elif job.worker_id == self.worker_id:  # else that membership has ended, and the job is free
            self.local.confirm(job)
            await self._notify_worker()

    # -- notifications -------------------------------------------------------------------------------

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Pass every wake-up to ``on_notification`` until this is cancelled."""
        self._on_notification = on_notification
        await asyncio.Event().wait()

    async def wake_worker(self) -> None:
        """Let the worker look for a job in the database now."""
        self._fetch_due = True
        await self._notify_worker()

    async def _notify_worker(self) -> None:
        self._wakeups += 1
        if self._on_notification is not None:
            await self._on_notification(channel="", notification={"type": "job_inserted", "job_id": 0})
