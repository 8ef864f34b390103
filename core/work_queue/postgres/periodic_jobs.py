"""Periodic tasks of all replicas that serve the same tenants, on procrastinate's: each round is one job.

Every replica enqueues a round when it is due, and the database accepts one of them. One replica at a time
runs it; if that replica dies, another one runs it again. Another bot on the same database has rounds of
its own.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Collection
from functools import cached_property
from typing import Any, Final

import structlog
from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

from core.concurrency.task_set import TaskSet, current_task
from core.ports.periodic_tasks import PeriodicTask
from core.work_queue.local_task_scheduler import run_once

log = structlog.get_logger(__name__)

QUEUE_PREFIX: Final = "moonthread:"  #: of the queue of those who serve the same tenants
TASK_PREFIX: Final = "moonthread:periodic:"
MAX_ATTEMPTS: Final = 5  #: for one round
RETRY_S: Final = 60.0
CATCH_UP_S: Final = 90_000  #: a round that was due within this time before the start is run late


def cron_expression(every_s: float) -> str:
    """Return the cron expression of an interval, with seconds in a sixth field.

    Raises:
        ValueError: the interval is no divisor of a minute, of an hour or of a day.
    """
    every = int(every_s)
    if (
        every != every_s
        or every < 1
        or not any(every <= span and span % every == 0 for span in (60, 3600, 86_400))
    ):
        raise ValueError(f"{every_s:g} s divide neither a minute nor an hour nor a day")
    if every < 60:
        return f"* * * * * */{every}"
    if every < 3600:
        return f"*/{every // 60} * * * *"
    if every < 86_400:
        return f"0 */{every // 3600} * * *"
    return "0 4 * * *"


class ClusterTaskScheduler:
    """Implements :class:`core.ports.periodic_tasks.TaskScheduler` together with every other replica."""

    def __init__(self, app: App, tenants: Callable[[], Collection[tuple[str, str]]]) -> None:
        """Schedule nothing yet.

        Args:
            app: the worker's; the worker must serve :attr:`queue`.
            tenants: returns the (platform, tenant) pairs that this replica serves.
        """
        self._app = app
        self._tenants = tenants
        self._names: set[str] = set()
        self._running: dict[asyncio.Task[Any], str] = {}
        self._background = TaskSet()
        self._closing = False

    @cached_property
    def queue(self) -> str:
        """The queue of the rounds: another one for each set of tenants; fixed once it was asked for."""
        names = repr(sorted(self._tenants()))
        return QUEUE_PREFIX + hashlib.blake2b(names.encode(), digest_size=8).hexdigest()

    def schedule(self, periodic_task: PeriodicTask) -> None:
        """Add a periodic task."""

        async def run(timestamp: int) -> None:  # procrastinate passes the time at which it was due
            await self._run(periodic_task)

        lock = f"periodic:{periodic_task.name}:{self.queue}"
        task = self._app.task(
            name=TASK_PREFIX + periodic_task.name, queue=self.queue, lock=lock, queueing_lock=lock
        )(run)
        self._app.periodic(cron=cron_expression(periodic_task.every_s), periodic_id=lock)(task)
        self._names.add(periodic_task.name)

    def run_soon(self, name: str) -> None:
        """Enqueue a round now, unless one waits."""
        if name in self._names and not self._closing:
            self._background.spawn(self._enqueue(name))

    def cancel_running(self) -> None:
        """Cancel the rounds that run here: they may be another replica's now."""
        for task in self._running:
            task.cancel()

    async def close(self) -> None:
        """Cancel the rounds that run here, and enqueue them for other replicas."""
        self._closing = True
        for name in set(self._running.values()):
            await self._enqueue(name)
        self.cancel_running()
        await self._background.close()

    async def _run(self, periodic_task: PeriodicTask) -> None:
        task = current_task()
        self._running[task] = periodic_task.name
        try:
            for _ in range(MAX_ATTEMPTS):
                if await run_once(periodic_task) or periodic_task.every_s <= RETRY_S:
                    return
                await asyncio.sleep(RETRY_S)
        finally:
            del self._running[task]

    async def _enqueue(self, name: str) -> None:
        try:
            await self._app.tasks[TASK_PREFIX + name].defer_async(timestamp=int(time.time()))
        except AlreadyEnqueued:
            pass  # a round waits already
        except ConnectorException as exc:
            log.warning("periodic_task.not_enqueued", task=name, error=str(exc.__cause__))
