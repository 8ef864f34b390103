"""procrastinate's ``JobManager``, made to survive outages without doubling or stranding a job."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback

from core.work_queue.postgres import statements
from core.work_queue.postgres.lease import Lease, now
from core.work_queue.postgres.timing import ClusterTiming

log = structlog.get_logger(__name__)

RESERVATION_TTL_S = 3.0  #: a job that is ours and that nobody has handed over by then is lost to us


class ResilientJobManager(JobManager):
    """The jobs of one worker at a time, and that worker's membership in the cluster.

    Heartbeats and notifications come from :class:`core.work_queue.postgres.heartbeat.Heartbeat`, so that
    neither ends with a connection.
    """

    def __init__(self, connector: BaseConnector, lease: Lease, timing: ClusterTiming) -> None:
        super().__init__(connector)
        self.worker_id: int | None = None  #: our row; None while there is none, or it is lost
        self.held: set[int] = set()  #: jobs that were handed to the worker and are not finished
        self.stopping = False  #: unfinished jobs go back at once
        self.maybe_lost_jobs = False  #: a fetch failed: the database may have given us a job we never saw
        self.fetching = False
        self._lease = lease
        self._timing = timing
        self._wakeups = 0
        self._reserved: WeakKeyDictionary[asyncio.Task[Any], Job] = WeakKeyDictionary()  # by who makes them
        self._reservations: dict[int, float] = {}  # jobs that may become ours, and until when
        self._handed_over: deque[Job] = deque()  # jobs that are ours, for the worker to take
        self._fetch_due = True  # the database may have a job for us
        self._fetched_at = 0.0
        self._on_notification: NotificationCallback | None = None

    # -- membership ------------------------------------------------------------------------------

    async def register_worker(self) -> int:
        """Become a member; it counts as the first heartbeat."""
        sent_at = now()
        self.held.clear()
        self._handed_over.clear()
        self._reservations.clear()
        self._fetch_due = True
        self.worker_id = await super().register_worker()
        self._lease.renew(sent_at)
        log.info("work_queue.worker_registered", worker=self.worker_id)
        return self.worker_id

    async def unregister_worker(self, worker_id: int) -> None:
        """Leave; where the database is out of reach the others will notice by themselves."""
        self.worker_id = None
        self._lease.revoke()
        try:
            await super().unregister_worker(worker_id)
        except ConnectorException as exc:
            log.warning("work_queue.worker_not_unregistered", worker=worker_id, error=str(exc.__cause__))

    async def update_heartbeat(self, worker_id: int) -> None:
        """Do nothing: :class:`Heartbeat` beats, also while a worker waits for its last jobs."""

    async def prune_stalled_workers(self, seconds_since_heartbeat: float) -> list[int]:
        """Do nothing: after an outage a new worker would declare every other one dead."""
        return []

    # -- jobs --------------------------------------------------------------------------------------

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Fetch a job, first one that was handed over; None where there is none or the database is away.

        A failed fetch is never repeated here: its reply may be lost and the job ours.
        """
        self.fetching = True
        try:
            while True:
                if self._handed_over:
                    return self._handed_over.popleft()
                if not self._fetch_due and now() - self._fetched_at < self._timing.poll_s / 2:
                    return None
                rings = self._wakeups
                self._fetch_due, self._fetched_at = False, now()
                job = await super().fetch_job(queues=queues, worker_id=worker_id)
                if job is not None and job.id is not None:
                    self.held.add(job.id)
                    self._fetch_due = True  # there may be more
                # The worker forgets a notification that comes while it fetches.
                if job is not None or rings == self._wakeups:
                    return job
        except ConnectorException as exc:
            self.maybe_lost_jobs = True
            log.warning("work_queue.fetch_failed", error=str(exc.__cause__))
            return None
        finally:
            self.fetching = False

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Take the job away, and put one in its place where events of its line are open.

        Goes on until the database did it, or we are no member any more.
        """
        worker_id = self.worker_id
        if job.task_name != statements.TASK:
            await self._finish_periodic_job(job, status, delete_job)
            return
        aborted = status is Status.ABORTED
        rings = self._wakeups
        waits: list[dict[str, Any]] = [{}]  # without an answer something may wait
        while worker_id is not None and worker_id == self.worker_id:
            try:
                waits = await self.connector.execute_query_all_async(
                    statements.FINISH, job=job.id, worker=worker_id, at_once=aborted or self.stopping
                )
            except ConnectorException as exc:
                log.warning("work_queue.finish_failed", job=job.id, error=str(exc.__cause__))
                if self.stopping:
                    break  # leaving frees the job too
                await asyncio.sleep(self._timing.reconnect_s)
            else:
                break
        self.held.discard(job.id or 0)
        if waits or rings != self._wakeups:
            await (
                self.wake_worker()
            )  # whatever waited for this job's lock may run: the update notifies nobody

    async def _finish_periodic_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Take the job of a chore away; where that fails it is found as a stray."""
        try:
            await super().finish_job(job, status, delete_job)
        except ConnectorException as exc:
            self.maybe_lost_jobs = True
            log.warning("work_queue.finish_failed", job=job.id, error=str(exc.__cause__))
        self.held.discard(job.id or 0)
        await self.wake_worker()  # another round may wait for its lock

    async def defer_periodic_job(self, job: Job, periodic_id: str, defer_timestamp: int) -> int | None:
        """Make the job of a chore's round, unless another replica did; wait for the database.

        procrastinate would not come back to this round, and a failure would end the worker.
        """
        while True:
            try:
                return await super().defer_periodic_job(job, periodic_id, defer_timestamp)
            except ConnectorException as exc:
                log.warning("periodic_task.round_not_stored", chore=periodic_id, error=str(exc.__cause__))
                await asyncio.sleep(self._timing.reconnect_s)

    @property
    def known_jobs(self) -> set[int]:
        """Return the jobs that are ours as far as we know, or about to be."""
        self._reservations = {id_: until for id_, until in self._reservations.items() if until > now()}
        return self.held | self._reservations.keys()

    def lost_jobs(self, running: Iterable[int], known_before: set[int]) -> list[int]:
        """Return which of the jobs that are ours in the database never reached us.

        ``known`` are those that were known before ``doing`` was asked for. Nothing can be said during
        a fetch; :attr:`doubtful` stays then.
        """
        if self.fetching:
            return []
        known_before = known_before | self.known_jobs
        self.maybe_lost_jobs = bool(self._reservations)
        return [job_id for job_id in running if job_id not in known_before]

    # -- jobs that never wait in the queue -----------------------------------------------------------

    def reserve(self, job: Job | None) -> None:
        """Note which job is ours as soon as this task's transaction is committed, if any is."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (every coroutine runs in one)
        self._reserved.pop(task, None)
        if job is not None:
            self._reserved[task] = job
            self._reservations[job.id or 0] = now() + RESERVATION_TTL_S
            self.maybe_lost_jobs = True  # nobody may ever hear how the commit ended

    def take_reserved(self) -> Job | None:
        """Return what this task's latest transaction made ours, once."""
        task = asyncio.current_task()
        return None if task is None else self._reserved.pop(task, None)

    async def confirm(self, job: Job | None) -> None:
        """Give the worker a job that is ours since its event is committed; without one let it look."""
        if job is None:
            await self.wake_worker()
        elif job.worker_id == self.worker_id:  # else its membership has ended, and the job is free
            self._reservations.pop(job.id or 0, None)
            self.held.add(job.id or 0)
            self._handed_over.append(job)
            await self._notify_worker()

    # -- notifications -------------------------------------------------------------------------------

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Let ``on_notification`` be rung from now on; ends when it is cancelled."""
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
