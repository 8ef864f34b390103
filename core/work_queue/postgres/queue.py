"""The engine for many replicas on one PostgreSQL: procrastinate's worker, supervised."""

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine
from typing import Any
from weakref import WeakSet

import structlog
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.manager import get_channel_for_queues
from procrastinate.psycopg_connector import PsycopgConnector
from procrastinate.worker import Worker
from psycopg_pool import AsyncConnectionPool

from core.domain.clock import Clock
from core.domain.errors import StoreUnavailable
from core.domain.turn_states import CancelReason
from core.ports.periodic_tasks import PeriodicTask
from core.store import Database, Lane, QueueKey, Transaction, inbox
from core.store.cluster import Notification, conninfo
from core.store.database import KEEPALIVE_OPTIONS, abort_connection
from core.work_queue.active_answers import ActiveAnswers
from core.work_queue.port import ProcessQueue
from core.work_queue.postgres import periodic_jobs, statements
from core.work_queue.postgres.cancellation import CANCEL_CHANNEL, CancellationRelay
from core.work_queue.postgres.heartbeat import Heartbeat, HeartbeatCallbacks
from core.work_queue.postgres.jobs import ResilientJobManager
from core.work_queue.postgres.lease import Lease, watch_loop
from core.work_queue.postgres.timing import ClusterTiming

log = structlog.get_logger(__name__)

MAX_CONCURRENCY = 1_000  #: lines of work that one replica runs at the same time
LOCAL_CONCURRENCY = 4  #: beyond it what comes in is for whoever fetches it
POOL_SIZE = 4  #: connections of procrastinate's own, beside the service's
RETRY_INITIAL_S = 0.5  #: after a drain that failed; doubled with each further failure
RETRY_MAX_S = 15.0
STOP_TIMEOUT_S = 10.0  #: beyond the grace, for a database that does not answer


def _unchecked_pool(**options: Any) -> AsyncConnectionPool:
    """Make a pool that does not try every connection first: a failed fetch does no harm."""
    return AsyncConnectionPool(**options | {"check": None})


def _noop() -> None:
    """Nobody has to be told."""


class PostgresWorkQueue:
    """Implements :class:`core.work_queue.port.WorkQueue` together with every other replica."""

    def __init__(
        self,
        database: Database,
        active_answers: ActiveAnswers,
        clock: Clock,
        *,
        platforms: Collection[str],
        timing: ClusterTiming | None = None,
        lease: Lease | None = None,
        on_lease_lost: Callable[[], None] = _noop,
        local_concurrency: int = LOCAL_CONCURRENCY,
    ) -> None:
        """``platforms`` are those whose conversations this replica can work on.

        With less than ``own_at_once`` lines of work running it does itself what comes in at its door.
        ``on_fence`` is called when our work is not ours any more: calls in flight must be cut off.
        """
        self._database = database
        self._active_answers = active_answers
        self._cancellation = CancellationRelay(database, active_answers)
        self._clock = clock
        self._timing = timing or ClusterTiming()
        self._queues = sorted(platforms)
        self._on_lease_lost = on_lease_lost
        self._local_concurrency = local_concurrency
        self.lease = lease or Lease(self._timing.lease_s)
        self._connector = PsycopgConnector(
            conninfo=conninfo(database),
            min_size=1,
            max_size=POOL_SIZE,
            timeout=5.0,
            kwargs={"application_name": "moonthread worker", "autocommit": True, **KEEPALIVE_OPTIONS},
            configure=self._track_connection,
            pool_factory=_unchecked_pool,
        )
        self._connections: WeakSet[Any] = WeakSet()
        self.jobs = ResilientJobManager(self._connector, self.lease, self._timing)
        self._app = App(connector=self._connector, periodic_defaults={"max_delay": periodic_jobs.CATCH_UP_S})
        self._app.job_manager = self.jobs
        self._app.task(name=statements.TASK)(self._run_queue)
        self._task_scheduler = periodic_jobs.ClusterTaskScheduler(self._app)
        self._served_queues = [*self._queues, periodic_jobs.QUEUE]
        channels = [*get_channel_for_queues(self._served_queues), CANCEL_CHANNEL]
        calls = HeartbeatCallbacks(
            on_notification=self._on_notification,
            on_poll=self._poll_cancellations,
            on_evicted=lambda: self.lose_lease("buried"),
            on_timeout=self._abort_connections,
            on_reconnected=lambda: self._spawn(self._connector.pool.check()),
        )
        self.heartbeat = Heartbeat(
            database, self.jobs, self.lease, self._timing, channels=channels, callbacks=calls
        )
        self._process_queue: ProcessQueue | None = None
        self._worker: Worker | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._loop_watch: asyncio.Task[None] | None = None
        self._job_tasks: set[asyncio.Task[Any]] = set()
        self._background: set[asyncio.Task[None]] = set()
        self.stopping = False
        self.lease_losses = 0  #: how often this replica gave everything up

    # -- the port ------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether it is a member of the cluster that works."""
        return self._process_queue is not None and not self.stopping and self.lease.valid

    @property
    def takeovers(self) -> int:
        """How many lines of work it has freed from dead replicas."""
        return self.heartbeat.takeovers

    async def enqueue(self, tx: Transaction, queue_key: QueueKey) -> None:
        """Make a job in the transaction that inserts the event: ours where we have time, else anybody's."""
        job = await statements.enqueue(tx, queue_key, worker_id=self._local_worker_id(), queues=self._queues)
        self.jobs.reserve(job)

    def wake(self, queue_key: QueueKey) -> None:
        """Run what is ours since the commit; else look into the queue, of which all were notified."""
        if self._worker is not None and not self.stopping:
            self._spawn(self.jobs.confirm(self.jobs.take_reserved()))

    def schedule(self, periodic_task: PeriodicTask) -> None:
        """Take a chore on; one replica does each round."""
        self._task_scheduler.schedule(periodic_task)

    def run_soon(self, name: str) -> None:
        """Have one replica do a chore now."""
        if self._worker is not None:
            self._task_scheduler.run_soon(name)

    def cancel(self, conversation_id: int, reason: CancelReason) -> None:
        """End the answer here or tell the replica that writes it; the wish is stored already."""
        if self._active_answers.get(conversation_id) is not None:
            self._active_answers.cancel(conversation_id, reason)
        else:
            self._spawn(self._cancellation.notify(conversation_id))

    async def start(self, process_queue: ProcessQueue) -> None:
        """Join the cluster and work.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
        self._process_queue = process_queue
        async with self._database.read() as tx:
            await tx.exec_driver_sql("SELECT 1 FROM procrastinate_workers LIMIT 1")
        try:
            await self._app.open_async()
        except ConnectorException as exc:
            raise StoreUnavailable(f"no connection for the worker: {exc}") from exc
        self.heartbeat.start()
        self._supervisor = asyncio.create_task(self._supervise(), name="worker-supervisor")
        self._loop_watch = asyncio.create_task(watch_loop(self._timing.lease_s, self._on_stall))

    async def stop(self, grace_s: float) -> None:
        """Begin nothing new; what runs longer than the grace goes to the other replicas."""
        self.stopping = self.jobs.stopping = True
        self._stop_worker(grace_s)
        await self._task_scheduler.close()
        if self._supervisor is not None:
            await asyncio.wait({self._supervisor}, timeout=grace_s + STOP_TIMEOUT_S)
            if not self._supervisor.done():
                self._abort_connections()
                await asyncio.wait({self._supervisor}, timeout=STOP_TIMEOUT_S)
        if self._loop_watch is not None:
            self._loop_watch.cancel()
        await self.heartbeat.stop()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._app.close_async()

    async def wait_idle(self) -> None:
        """Return when no event of our platforms is open."""
        while True:
            async with self._database.read() as tx:
                if not await inbox.load_open_queues(tx, platforms=self._queues):
                    return
            await asyncio.sleep(0.02)

    def _local_worker_id(self) -> int | None:
        """Return our number in the cluster where new work should stay here; None where anybody may do it."""
        busy = self.stopping or len(self._job_tasks) >= self._local_concurrency
        return None if busy or not self.lease.valid else self.jobs.worker_id

    # -- the worker ------------------------------------------------------------------------------------

    async def _supervise(self) -> None:
        """Keep a worker going until we stop; a new one is a new member of the cluster."""
        while not self.stopping:
            self._worker = Worker(
                self._app,
                queues=self._served_queues,
                concurrency=MAX_CONCURRENCY,
                fetch_job_polling_interval=self._timing.poll_s,
                abort_job_polling_interval=3600.0,  # answers are ended by the wish in their turn
                shutdown_graceful_timeout=0.0,
                delete_jobs="always",
                install_signal_handlers=False,
            )
            try:
                await self._worker.run()  # type: ignore[no-untyped-call]
            except ConnectorException as exc:
                log.warning("work_queue.worker_connection_lost", error=str(exc.__cause__))
            except Exception:  # the boundary of a task: a replica without a worker is of no use
                log.exception("work_queue.worker_failed")
            if not self.stopping:
                log.warning("work_queue.worker_restarted")
                await asyncio.sleep(self._timing.reconnect_s)

    def _stop_worker(self, grace_s: float) -> None:
        if self._worker is not None:
            self._worker.shutdown_graceful_timeout = grace_s
            self._worker.stop()  # type: ignore[no-untyped-call]

    async def _run_queue(self, conversation_id: int, lane: str) -> None:
        """One job: the drain, again and again until it ends without an error."""
        assert self._process_queue is not None  # noqa: S101 (set by start, before there is a worker)
        work = QueueKey(conversation_id, Lane(lane))
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (every coroutine runs in one)
        self._job_tasks.add(task)
        delay_s = RETRY_INITIAL_S
        try:
            while True:
                try:
                    await self._process_queue(work)
                except StoreUnavailable as exc:
                    log.warning("store.unavailable", error=str(exc), retry_in_s=delay_s)
                except Exception:  # the boundary of a task: the event stays open and is tried again
                    log.exception("work_queue.processing_failed", conversation=conversation_id)
                else:
                    return
                if self.stopping:
                    return
                await self._clock.sleep(delay_s)
                delay_s = min(RETRY_MAX_S, delay_s * 2)
        finally:
            self._job_tasks.discard(task)

    async def _track_connection(self, connection: Any) -> None:
        self._connections.add(connection)

    def _abort_connections(self) -> None:
        """Let nobody wait on a line that is dead."""
        self._database.abort_connections()
        for line in list(self._connections):
            abort_connection(line)

    # -- the fence -------------------------------------------------------------------------------------

    def lose_lease(self, reason: str) -> None:
        """Give everything up without a further word: it is another's now, or may be any moment."""
        log.warning("work_queue.lease_lost", why=reason, working=len(self._job_tasks))
        self.lease_losses += 1
        self.lease.revoke()
        self.jobs.worker_id = None  # what ends now is not finished: the row's end frees it for others
        self._on_lease_lost()
        self._task_scheduler.cancel_running()
        for task in self._job_tasks:
            task.cancel()
        self._stop_worker(0.0)

    def _on_stall(self, lost_s: float) -> None:
        # Who slept cannot tell whether the others slept too: give them time to beat.
        self.heartbeat.suspend_evictions(self._timing.join_grace_s)
        if self._job_tasks:
            self.lose_lease(f"the loop stood still for {lost_s:.1f} s")

    # -- cancelling ------------------------------------------------------------------------------------

    async def _on_notification(self, notification: Notification) -> None:
        if notification.channel != CANCEL_CHANNEL:
            await self.jobs.wake_worker()
        elif (
            notification.payload.isdigit() and self._active_answers.get(int(notification.payload)) is not None
        ):
            self._poll_cancellations()

    def _poll_cancellations(self) -> None:
        """Look for wishes to end answers of ours."""
        if len(self._active_answers):
            self._spawn(self._cancellation.poll())

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
