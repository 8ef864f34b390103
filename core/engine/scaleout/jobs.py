"""procrastinate's ``JobManager``, made to survive outages without doubling or stranding a job."""

import asyncio
from collections.abc import Iterable

import structlog
from procrastinate.connector import BaseConnector
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager, NotificationCallback

from core.engine.scaleout import statements
from core.engine.scaleout.lease import Lease, now
from core.engine.scaleout.timing import Timing

log = structlog.get_logger(__name__)


class Jobs(JobManager):
    """The jobs of one worker at a time, and that worker's membership in the cluster.

    Heartbeats and notifications come from :class:`core.engine.scaleout.member.Member`, so that
    neither ends with a connection.
    """

    def __init__(self, connector: BaseConnector, lease: Lease, timing: Timing) -> None:
        super().__init__(connector)
        self.worker_id: int | None = None  #: our row; None while there is none, or it is lost
        self.held: set[int] = set()  #: jobs that were handed to the worker and are not finished
        self.stopping = False  #: unfinished jobs go back at once
        self.doubtful = False  #: a fetch failed: the database may have given us a job we never saw
        self.fetching = False
        self._lease = lease
        self._timing = timing
        self._rings = 0
        self._on_notification: NotificationCallback | None = None

    # -- membership ------------------------------------------------------------------------------

    async def register_worker(self) -> int:
        """Become a member; it counts as the first heartbeat."""
        sent_at = now()
        self.held.clear()
        self.worker_id = await super().register_worker()
        self._lease.renew(sent_at)
        log.info("worker_registered", worker=self.worker_id)
        return self.worker_id

    async def unregister_worker(self, worker_id: int) -> None:
        """Leave; where the database is out of reach the others will notice by themselves."""
        self.worker_id = None
        self._lease.end()
        try:
            await super().unregister_worker(worker_id)
        except ConnectorException as exc:
            log.warning("worker_not_unregistered", worker=worker_id, error=str(exc.__cause__))

    async def update_heartbeat(self, worker_id: int) -> None:
        """Do nothing: :class:`Member` beats, also while a worker waits for its last jobs."""

    async def prune_stalled_workers(self, seconds_since_heartbeat: float) -> list[int]:
        """Do nothing: after an outage a new worker would declare every other one dead."""
        return []

    # -- jobs --------------------------------------------------------------------------------------

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        """Fetch a job; None where there is none or the database does not answer.

        A failed fetch is never repeated here: its reply may be lost and the job ours.
        """
        self.fetching = True
        try:
            while True:
                rings = self._rings
                job = await super().fetch_job(queues=queues, worker_id=worker_id)
                if job is not None and job.id is not None:
                    self.held.add(job.id)
                # The worker forgets a notification that comes while it fetches.
                if job is not None or rings == self._rings:
                    return job
        except ConnectorException as exc:
            self.doubtful = True
            log.warning("fetch_failed", error=str(exc.__cause__))
            return None
        finally:
            self.fetching = False

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """Take the job away, and put one in its place where events of its line are open.

        Goes on until the database did it, or we are no member any more.
        """
        worker_id = self.worker_id
        if job.task_name != statements.TASK:
            await super().finish_job(job, status, delete_job)
            return
        aborted = status is Status.ABORTED
        while worker_id is not None and worker_id == self.worker_id:
            try:
                await self.connector.execute_query_async(
                    statements.FINISH, job=job.id, worker=worker_id, at_once=aborted or self.stopping
                )
            except ConnectorException as exc:
                log.warning("finish_failed", job=job.id, error=str(exc.__cause__))
                if self.stopping:
                    break  # leaving frees the job too
                await asyncio.sleep(self._timing.reconnect_s)
            else:
                break
        self.held.discard(job.id or 0)
        await self.ring()  # whatever waited for this job's lock may run: the update notifies nobody

    def strays(self, doing: Iterable[int]) -> list[int]:
        """Return which of the jobs that are ours in the database never reached us.

        Nothing can be said during a fetch; :attr:`doubtful` stays then.
        """
        if self.fetching:
            return []
        self.doubtful = False
        return [job_id for job_id in doing if job_id not in self.held]

    # -- notifications -------------------------------------------------------------------------------

    async def listen_for_jobs(
        self, *, on_notification: NotificationCallback, queues: Iterable[str] | None = None
    ) -> None:
        """Let ``on_notification`` be rung from now on; ends when it is cancelled."""
        self._on_notification = on_notification
        await asyncio.Event().wait()

    async def ring(self) -> None:
        """Let the worker look for a job now."""
        self._rings += 1
        if self._on_notification is not None:
            await self._on_notification(channel="", notification={"type": "job_inserted", "job_id": 0})
