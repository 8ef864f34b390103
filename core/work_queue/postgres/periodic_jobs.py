"""Chores of the whole cluster, on procrastinate's periodic tasks: each round is one job.

Every replica says when a round is due; the database lets one of them make the job. Whoever fetches it
does it, never two at once, and another one does it anew where that replica dies.
"""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Final

import structlog
from procrastinate import App
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException

from core.ports.periodic_tasks import PeriodicTask
from core.work_queue.local_task_scheduler import run_once

log = structlog.get_logger(__name__)

QUEUE: Final = "moonthread"  #: every replica serves it, whatever its platforms
TASK_PREFIX: Final = "moonthread:chore:"
MAX_ATTEMPTS: Final = 5  #: of one round, before the next one's time
RETRY_S: Final = 60.0
CATCH_UP_S: Final = 90_000  #: a round that was due within this before the start is made up for


def cron_expression(every_s: float) -> str:
    """Return when a chore is due, as cron has it, with seconds in a sixth field.

    Raises:
        ValueError: there is no such rhythm: it is no divisor of a minute, of an hour or of a day.
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

    def __init__(self, app: App) -> None:
        """``app`` is the worker's; it must serve :data:`QUEUE_EVENTS`."""
        self._app = app
        self._names: set[str] = set()
        self._running: dict[asyncio.Task[Any], str] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._closing = False

    def schedule(self, periodic_task: PeriodicTask) -> None:
        """Take a chore on."""

        async def run(timestamp: int) -> None:  # the moment it was due, which procrastinate tells
            await self._run(periodic_task)

        lock = f"chore:{periodic_task.name}"
        task = self._app.task(
            name=TASK_PREFIX + periodic_task.name, queue=QUEUE, lock=lock, queueing_lock=lock
        )(run)
        self._app.periodic(cron=cron_expression(periodic_task.every_s), periodic_id=periodic_task.name)(task)
        self._names.add(periodic_task.name)

    def run_soon(self, name: str) -> None:
        """Make a job for a round now, where none waits."""
        if name in self._names and not self._closing:
            self._spawn(self._enqueue(name))

    def cancel_running(self) -> None:
        """End what runs here at once: it is another's now."""
        for task in self._running:
            task.cancel()

    async def close(self) -> None:
        """Leave what runs here to others."""
        self._closing = True
        for name in set(self._running.values()):
            await self._enqueue(name)
        self.cancel_running()
        for task in list(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    async def _run(self, periodic_task: PeriodicTask) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (every coroutine runs in one)
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
            log.warning("periodic_task.not_enqueued", chore=name, error=str(exc.__cause__))

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
