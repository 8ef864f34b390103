"""procrastinate's worker on connections of its own, restarted whenever it ends."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final
from weakref import WeakSet

import structlog
from procrastinate import App
from procrastinate.exceptions import ConnectorException
from procrastinate.psycopg_connector import PsycopgConnector
from procrastinate.worker import Worker
from psycopg_pool import AsyncConnectionPool

from core.domain.errors import StoreUnavailable
from core.store import Database
from core.store.cluster import conninfo
from core.store.database import KEEPALIVE_OPTIONS, abort_connection
from core.work_queue.postgres import periodic_jobs
from core.work_queue.postgres.job_manager import ResilientJobManager
from core.work_queue.postgres.lease import Lease
from core.work_queue.postgres.timing import ClusterTiming

log = structlog.get_logger(__name__)

MAX_CONCURRENCY: Final = 1_000  #: jobs that one replica runs at the same time
POOL_SIZE: Final = 4  #: connections of procrastinate's own, beside the service's
STOP_TIMEOUT_S: Final = 10.0  #: beyond the grace, for a database that does not answer
ABORT_POLLING_S: Final = 3600.0  #: practically never: answers are cancelled through their turns


class SupervisedWorker:
    """Keeps one worker running; each new worker is a new member of the cluster."""

    def __init__(
        self, database: Database, lease: Lease, timing: ClusterTiming, *, queues: Callable[[], Sequence[str]]
    ) -> None:
        """``queues`` returns the names of the procrastinate queues to serve."""
        self._database = database
        self._timing = timing
        self._queues = queues
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
        self.jobs = ResilientJobManager(self._connector, lease, timing, queues)
        self.app = App(connector=self._connector, periodic_defaults={"max_delay": periodic_jobs.CATCH_UP_S})
        self.app.job_manager = self.jobs
        self._worker: Worker | None = None
        self._supervision: asyncio.Task[None] | None = None
        self.stopping = False

    @property
    def started(self) -> bool:
        """Whether a worker runs, or is about to run again."""
        return self._supervision is not None

    async def start(self) -> None:
        """Connect and run the worker.

        Raises:
            StoreUnavailable: the database cannot be reached.
        """
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
        async with self._database.read() as tx:
            await tx.exec_driver_sql("SELECT 1 FROM procrastinate_workers LIMIT 1")
        try:
            await self.app.open_async()
        except ConnectorException as exc:
            raise StoreUnavailable(f"no connection for the worker: {exc}") from exc
        self._supervision = asyncio.create_task(self._supervise(), name="worker-supervision")

    def begin_stop(self, grace_s: float) -> None:
        """Fetch no more jobs; those that run longer than ``grace_s`` seconds are aborted."""
        self.stopping = self.jobs.stopping = True
        self._stop_worker(grace_s)

    async def wait_stopped(self, grace_s: float) -> None:
        """Wait for the worker's end, at most a little longer than the grace."""
        if self._supervision is None:
            return
        await asyncio.wait({self._supervision}, timeout=grace_s + STOP_TIMEOUT_S)
        if not self._supervision.done():
            self.abort_connections()
            await asyncio.wait({self._supervision}, timeout=STOP_TIMEOUT_S)

    async def close(self) -> None:
        """Close the connections."""
        await self.app.close_async()

    def restart(self) -> None:
        """End the worker at once, with its membership; a new one follows."""
        self.jobs.worker_id = None  # what ends now is not finished: the row's end frees it for others
        self._stop_worker(0.0)

    def abort_connections(self) -> None:
        """Close all connections without waiting for the database, so that nobody waits on a dead one."""
        self._database.abort_connections()
        for connection in list(self._connections):
            abort_connection(connection)

    async def check_connections(self) -> None:
        """Replace the connections that are broken."""
        await self._connector.pool.check()

    async def _supervise(self) -> None:
        while not self.stopping:
            self._worker = Worker(
                self.app,
                queues=self._queues(),
                concurrency=MAX_CONCURRENCY,
                fetch_job_polling_interval=self._timing.poll_s,
                abort_job_polling_interval=ABORT_POLLING_S,
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

    async def _track_connection(self, connection: Any) -> None:
        self._connections.add(connection)


def _unchecked_pool(**options: Any) -> AsyncConnectionPool:
    """Return a pool that does not test a connection before each use: a failed fetch does no harm."""
    return AsyncConnectionPool(**options | {"check": None})
