"""The work queue of many replicas on one PostgreSQL."""

import asyncio
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, Final

import structlog
from procrastinate.jobs import Job
from procrastinate.manager import get_channel_for_queues

from core.concurrency.task_set import TaskSet, current_task
from core.domain.clock import Clock
from core.domain.queue import Lane, QueueKey
from core.domain.turn_states import CancelReason
from core.ports.periodic_tasks import PeriodicTask
from core.store import Database, Transaction, inbox
from core.store.cluster import Notification
from core.work_queue.active_answers import ActiveAnswers
from core.work_queue.drain import drain
from core.work_queue.port import ProcessNext, WakeUp
from core.work_queue.postgres import periodic_jobs, statements
from core.work_queue.postgres.cancellation import CANCEL_CHANNEL, CancellationRelay
from core.work_queue.postgres.heartbeat import Heartbeat, HeartbeatCallbacks
from core.work_queue.postgres.lease import Lease, watch_loop
from core.work_queue.postgres.timing import ClusterTiming
from core.work_queue.postgres.worker import SupervisedWorker

log = structlog.get_logger(__name__)

LOCAL_CONCURRENCY: Final = 4  #: running jobs up to which a replica works on its own events itself
IDLE_CHECK_S: Final = 0.02


class JobRunner:
    """Runs the jobs of the worker: each drains one queue."""

    def __init__(self, clock: Clock, is_stopping: Callable[[], bool]) -> None:
        self._clock = clock
        self._is_stopping = is_stopping
        self._tasks: set[asyncio.Task[Any]] = set()
        self.process_next: ProcessNext | None = None

    def __len__(self) -> int:
        """Return the number of running jobs."""
        return len(self._tasks)

    async def run(self, conversation_id: int, lane: str) -> None:
        """Run one job."""
        if self.process_next is None:
            raise RuntimeError("a job was fetched before the start")
        task = current_task()
        self._tasks.add(task)
        try:
            queue_key = QueueKey(conversation_id, Lane(lane))
            await drain(self.process_next, queue_key, self._clock, is_stopping=self._is_stopping)
        finally:
            self._tasks.discard(task)

    def cancel(self) -> None:
        """Cancel every running job."""
        for task in self._tasks:
            task.cancel()


class PostgresWorkQueue:
    """Implements :class:`core.work_queue.port.WorkQueue` together with every other replica."""

    def __init__(
        self,
        database: Database,
        active_answers: ActiveAnswers,
        clock: Clock,
        *,
        tenants: Callable[[], Collection[tuple[str, str]]],
        timing: ClusterTiming | None = None,
        lease: Lease | None = None,
        on_lease_lost: Callable[[], None] = lambda: None,
        local_concurrency: int = LOCAL_CONCURRENCY,
    ) -> None:
        """Build the queue of one replica.

        Args:
            database: the database that all replicas share.
            active_answers: the answers that this replica writes.
            clock: measures the pauses after failures.
            tenants: returns the (platform, tenant) pairs whose conversations this replica can work on;
                asked once the platforms are connected, which is before :meth:`start`.
            timing: how fast replicas notice each other's end.
            lease: permission to write, for other parts to check; None for one of its own.
            on_lease_lost: called once our work may be another's: calls in flight must be aborted.
            local_concurrency: running jobs up to which this replica works on its own events itself.
        """
        timing = timing or ClusterTiming()
        self.lease = lease or Lease(timing.lease_s)
        self._database = database
        self._tenants = tenants
        self._timing = timing
        self._on_lease_lost = on_lease_lost
        self._local_concurrency = local_concurrency
        self.worker = SupervisedWorker(database, self.lease, timing, queues=self._served_queues)
        self._runner = JobRunner(clock, lambda: self.worker.stopping)
        self.worker.app.task(name=statements.TASK)(self._runner.run)
        self._task_scheduler = periodic_jobs.ClusterTaskScheduler(self.worker.app, tenants)
        self._cancellation = CancellationRelay(database, active_answers)
        self._background = TaskSet()
        self.heartbeat = Heartbeat(
            database,
            self.worker.jobs,
            self.lease,
            timing,
            channels=lambda: [*get_channel_for_queues(self._served_queues()), CANCEL_CHANNEL],
            callbacks=self._heartbeat_callbacks(),
        )
        self.lease_losses = 0  #: number of times that this replica gave all its work up

    # -- the port ------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether this replica is a working member of the cluster."""
        return self.worker.started and not self.worker.stopping and self.lease.valid

    @property
    def takeovers(self) -> int:
        """Number of queues that this replica has freed from dead ones."""
        return self.heartbeat.takeovers

    async def enqueue(self, tx: Transaction, queue_key: QueueKey) -> WakeUp:
        """Insert a job in the transaction that inserts the event: ours if we have time, else anybody's."""
        job = await statements.enqueue(
            tx, queue_key, worker_id=self._local_worker_id(), queues=self._served_queues()
        )
        if job is not None:
            self.worker.jobs.local.reserve(job)
        return partial(self._wake, job)

    def schedule(self, periodic_task: PeriodicTask) -> None:
        """Add a periodic task; one replica runs each round."""
        self._task_scheduler.schedule(periodic_task)

    def run_soon(self, name: str) -> None:
        """Let one replica run a periodic task now."""
        if self.worker.started:
            self._task_scheduler.run_soon(name)

    def cancel(self, conversation_id: int, reason: CancelReason) -> None:
        """Cancel the conversation's running answer here, or let the replica that writes it do so."""
        self._cancellation.cancel(conversation_id, reason)

    async def start(self, process_next: ProcessNext) -> None:
        """Join the cluster and work.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        self._runner.process_next = process_next
        await self.worker.start()
        self.heartbeat.start()
        self._background.spawn(watch_loop(self._timing.lease_s, self._on_stall), name="loop-watch")

    async def resume(self) -> None:
        """Do nothing: the next heartbeat subscribes to the queue of a platform that was reached only now."""

    async def wait_idle(self) -> None:
        """Wait until no event of our tenants is open."""
        while True:
            async with self._database.read() as tx:
                if not await inbox.load_open_queues(tx, tenants=self._tenants()):
                    return
            await asyncio.sleep(IDLE_CHECK_S)

    async def stop(self, grace_s: float) -> None:
        """Begin nothing more; work that runs longer than ``grace_s`` seconds goes to other replicas."""
        self.worker.begin_stop(grace_s)
        await self._task_scheduler.close()
        await self.worker.wait_stopped(grace_s)
        await self.heartbeat.stop()
        await self._cancellation.close()
        await self._background.close()
        await self.worker.close()

    def _served_queues(self) -> Sequence[str]:
        """Return the names of the procrastinate queues that this replica may run jobs of."""
        own = sorted(statements.queue_name(platform, tenant) for platform, tenant in self._tenants())
        return [*own, self._task_scheduler.queue]

    # -- jobs that this replica takes itself -----------------------------------------------------------

    def _local_worker_id(self) -> int | None:
        """Return our worker's id if new work should stay here; None if any replica may do it."""
        busy = self.worker.stopping or len(self._runner) >= self._local_concurrency
        return None if busy or not self.lease.valid else self.worker.jobs.worker_id

    def _wake(self, job: Job | None) -> None:
        """Run the job that is ours since the commit; without one look into the queue, as all others do."""
        if self.worker.started and not self.worker.stopping:
            self._background.spawn(self.worker.jobs.confirm(job))

    # -- losing the lease ------------------------------------------------------------------------------

    def lose_lease(self, reason: str) -> None:
        """Give all work up and write nothing more: it is another's now, or may be at any moment."""
        log.warning("work_queue.lease_lost", reason=reason, running=len(self._runner))
        self.lease_losses += 1
        self.lease.revoke()
        self._on_lease_lost()
        self._task_scheduler.cancel_running()
        self._runner.cancel()
        self.worker.restart()

    def _on_stall(self, lost_s: float) -> None:
        # A replica that stood still cannot know whether the others did, too: give them time for a heartbeat.
        self.heartbeat.suspend_evictions(self._timing.join_grace_s)
        if len(self._runner):
            self.lose_lease(f"the loop stood still for {lost_s:.1f} s")

    def _heartbeat_callbacks(self) -> HeartbeatCallbacks:
        return HeartbeatCallbacks(
            on_notification=self._on_notification,
            on_poll=self._cancellation.poll_soon,
            on_evicted=lambda: self.lose_lease("evicted"),
            on_timeout=self.worker.abort_connections,
            on_reconnected=self._check_connections,
        )

    def _check_connections(self) -> None:
        self._background.spawn(self.worker.check_connections())

    async def _on_notification(self, notification: Notification) -> None:
        if notification.channel == CANCEL_CHANNEL:
            self._cancellation.handle(notification)
        else:
            await self.worker.jobs.wake_worker()
