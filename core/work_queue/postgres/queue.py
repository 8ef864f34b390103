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
from core.ports.periodic_tasks import Chore
from core.store import Database, Lane, Transaction, Work, inbox
from core.store.cluster import Notice, conninfo
from core.store.database import LIVELY_LINE, sever
from core.work_queue.active_answers import RunningAnswers
from core.work_queue.port import Drain
from core.work_queue.postgres import periodic_jobs, statements
from core.work_queue.postgres.cancellation import CANCEL_CHANNEL, Wishes
from core.work_queue.postgres.heartbeat import Calls, Member
from core.work_queue.postgres.jobs import Jobs
from core.work_queue.postgres.lease import Lease, watch_loop
from core.work_queue.postgres.timing import Timing

log = structlog.get_logger(__name__)

MOST_AT_ONCE = 1_000  #: lines of work that one replica runs at the same time
OWN_AT_ONCE = 4  #: beyond it what comes in is for whoever fetches it
POOL_SIZE = 4  #: connections of procrastinate's own, beside the service's
RETRY_FIRST_S = 0.5  #: after a drain that failed; doubled with each further failure
RETRY_MOST_S = 15.0
STOP_PATIENCE_S = 10.0  #: beyond the grace, for a database that does not answer


def _unchecked_pool(**options: Any) -> AsyncConnectionPool:
    """Make a pool that does not try every connection first: a failed fetch does no harm."""
    return AsyncConnectionPool(**options | {"check": None})


def _nothing() -> None:
    """Nobody has to be told."""


class ScaleoutEngine:
    """Implements :class:`core.work_queue.port.Engine` together with every other replica."""

    def __init__(
        self,
        database: Database,
        running: RunningAnswers,
        clock: Clock,
        *,
        platforms: Collection[str],
        timing: Timing | None = None,
        on_fence: Callable[[], None] = _nothing,
        own_at_once: int = OWN_AT_ONCE,
    ) -> None:
        """``platforms`` are those whose conversations this replica can work on.

        With less than ``own_at_once`` lines of work running it does itself what comes in at its door.
        ``on_fence`` is called when our work is not ours any more: calls in flight must be cut off.
        """
        self._database = database
        self._running = running
        self._wishes = Wishes(database, running)
        self._clock = clock
        self._timing = timing or Timing()
        self._queues = sorted(platforms)
        self._on_fence = on_fence
        self._own_at_once = own_at_once
        self.lease = Lease(self._timing.lease_s)
        self._connector = PsycopgConnector(
            conninfo=conninfo(database),
            min_size=1,
            max_size=POOL_SIZE,
            timeout=5.0,
            kwargs={"application_name": "moonthread worker", "autocommit": True, **LIVELY_LINE},
            configure=self._remember,
            pool_factory=_unchecked_pool,
        )
        self._lines: WeakSet[Any] = WeakSet()
        self.jobs = Jobs(self._connector, self.lease, self._timing)
        self._app = App(connector=self._connector, periodic_defaults={"max_delay": periodic_jobs.MISSED_S})
        self._app.job_manager = self.jobs
        self._app.task(name=statements.TASK)(self._work_off)
        self._chores = periodic_jobs.ClusterChores(self._app)
        self._served = [*self._queues, periodic_jobs.QUEUE]
        channels = [*get_channel_for_queues(self._served), CANCEL_CHANNEL]
        calls = Calls(
            on_notice=self._noticed,
            on_look=self._look,
            on_dead=lambda: self.fence("buried"),
            on_silence=self._sever,
            on_return=lambda: self._do_aside(self._connector.pool.check()),
        )
        self.member = Member(database, self.jobs, self.lease, self._timing, channels=channels, calls=calls)
        self._drain: Drain | None = None
        self._worker: Worker | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._eye: asyncio.Task[None] | None = None
        self._working: set[asyncio.Task[Any]] = set()
        self._aside: set[asyncio.Task[None]] = set()
        self.stopping = False
        self.fences = 0  #: how often this replica gave everything up

    # -- the port ------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether it is a member of the cluster that works."""
        return self._drain is not None and not self.stopping and self.lease.valid

    @property
    def takeovers(self) -> int:
        """How many lines of work it has freed from dead replicas."""
        return self.member.takeovers

    async def enlist(self, tx: Transaction, work: Work) -> None:
        """Make a job in the transaction that inserts the event: ours where we have time, else anybody's."""
        job = await statements.enlist(tx, work, worker=self._has_time(), queues=self._queues)
        self.jobs.promise(job)

    def wake(self, work: Work) -> None:
        """Run what is ours since the commit; else look into the queue, of which all were notified."""
        if self._worker is not None and not self.stopping:
            self._do_aside(self.jobs.committed(self.jobs.promised()))

    def schedule(self, chore: Chore) -> None:
        """Take a chore on; one replica does each round."""
        self._chores.schedule(chore)

    def hurry(self, name: str) -> None:
        """Have one replica do a chore now."""
        if self._worker is not None:
            self._chores.hurry(name)

    def cancel(self, conversation_id: int, why: str) -> None:
        """End the answer here or tell the replica that writes it; the wish is stored already."""
        if self._running.of(conversation_id) is not None:
            self._running.cancel(conversation_id, why)
        else:
            self._do_aside(self._wishes.tell(conversation_id))

    async def start(self, drain: Drain) -> None:
        """Join the cluster and work.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
        self._drain = drain
        async with self._database.read() as tx:
            await tx.exec_driver_sql("SELECT 1 FROM procrastinate_workers LIMIT 1")
        try:
            await self._app.open_async()
        except ConnectorException as exc:
            raise StoreUnavailable(f"no connection for the worker: {exc}") from exc
        self.member.start()
        self._supervisor = asyncio.create_task(self._supervise(), name="worker-supervisor")
        self._eye = asyncio.create_task(watch_loop(self._timing.lease_s, self._stood_still))

    async def stop(self, grace_s: float) -> None:
        """Begin nothing new; what runs longer than the grace goes to the other replicas."""
        self.stopping = self.jobs.stopping = True
        self._stop_worker(grace_s)
        await self._chores.close()
        if self._supervisor is not None:
            await asyncio.wait({self._supervisor}, timeout=grace_s + STOP_PATIENCE_S)
            if not self._supervisor.done():
                self._sever()
                await asyncio.wait({self._supervisor}, timeout=STOP_PATIENCE_S)
        if self._eye is not None:
            self._eye.cancel()
        await self.member.stop()
        for task in list(self._aside):
            task.cancel()
        await asyncio.gather(*self._aside, return_exceptions=True)
        await self._app.close_async()

    async def settled(self) -> None:
        """Return when no event of our platforms is open."""
        while True:
            async with self._database.read() as tx:
                if not await inbox.open_work(tx, platforms=self._queues):
                    return
            await asyncio.sleep(0.02)

    def _has_time(self) -> int | None:
        """Return our number in the cluster where new work should stay here; None where anybody may do it."""
        busy = self.stopping or len(self._working) >= self._own_at_once
        return None if busy or not self.lease.valid else self.jobs.worker_id

    # -- the worker ------------------------------------------------------------------------------------

    async def _supervise(self) -> None:
        """Keep a worker going until we stop; a new one is a new member of the cluster."""
        while not self.stopping:
            self._worker = Worker(
                self._app,
                queues=self._served,
                concurrency=MOST_AT_ONCE,
                fetch_job_polling_interval=self._timing.poll_s,
                abort_job_polling_interval=3600.0,  # answers are ended by the wish in their turn
                shutdown_graceful_timeout=0.0,
                delete_jobs="always",
                install_signal_handlers=False,
            )
            try:
                await self._worker.run()  # type: ignore[no-untyped-call]
            except ConnectorException as exc:
                log.warning("worker_lost_database", error=str(exc.__cause__))
            except Exception:  # the boundary of a task: a replica without a worker is of no use
                log.exception("worker_failed")
            if not self.stopping:
                log.warning("worker_restarts")
                await asyncio.sleep(self._timing.reconnect_s)

    def _stop_worker(self, grace_s: float) -> None:
        if self._worker is not None:
            self._worker.shutdown_graceful_timeout = grace_s
            self._worker.stop()  # type: ignore[no-untyped-call]

    async def _work_off(self, conversation_id: int, lane: str) -> None:
        """One job: the drain, again and again until it ends without an error."""
        assert self._drain is not None  # noqa: S101 (set by start, before there is a worker)
        work = Work(conversation_id, Lane(lane))
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (every coroutine runs in one)
        self._working.add(task)
        delay_s = RETRY_FIRST_S
        try:
            while True:
                try:
                    await self._drain(work)
                except StoreUnavailable as exc:
                    log.warning("store_unavailable", error=str(exc), retry_in_s=delay_s)
                except Exception:  # the boundary of a task: the event stays open and is tried again
                    log.exception("drain_failed", conversation=conversation_id)
                else:
                    return
                if self.stopping:
                    return
                await self._clock.sleep(delay_s)
                delay_s = min(RETRY_MOST_S, delay_s * 2)
        finally:
            self._working.discard(task)

    async def _remember(self, connection: Any) -> None:
        self._lines.add(connection)

    def _sever(self) -> None:
        """Let nobody wait on a line that is dead."""
        self._database.sever()
        for line in list(self._lines):
            sever(line)

    # -- the fence -------------------------------------------------------------------------------------

    def fence(self, why: str) -> None:
        """Give everything up without a further word: it is another's now, or may be any moment."""
        log.warning("fenced", why=why, working=len(self._working))
        self.fences += 1
        self.lease.end()
        self.jobs.worker_id = None  # what ends now is not finished: the row's end frees it for others
        self._on_fence()
        self._chores.cut()
        for task in self._working:
            task.cancel()
        self._stop_worker(0.0)

    def _stood_still(self, lost_s: float) -> None:
        # Who slept cannot tell whether the others slept too: give them time to beat.
        self.member.quiet_for(self._timing.first_quiet_s)
        if self._working:
            self.fence(f"the loop stood still for {lost_s:.1f} s")

    # -- cancelling ------------------------------------------------------------------------------------

    async def _noticed(self, notice: Notice) -> None:
        if notice.channel != CANCEL_CHANNEL:
            await self.jobs.ring()
        elif notice.payload.isdigit() and self._running.of(int(notice.payload)) is not None:
            self._look()

    def _look(self) -> None:
        """Look for wishes to end answers of ours."""
        if len(self._running):
            self._do_aside(self._wishes.heed())

    def _do_aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)
