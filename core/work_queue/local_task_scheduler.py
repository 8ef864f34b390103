"""Periodic tasks of a single process, and one round of a periodic task in any process."""

import asyncio
from typing import Final

import structlog

from core.concurrency.deadline import wait_for_event
from core.concurrency.task_set import TaskSet
from core.domain.clock import Clock
from core.domain.errors import MoonthreadError
from core.ports.periodic_tasks import PeriodicTask

log = structlog.get_logger(__name__)

RETRY_S: Final = 300.0  #: pause after a round that failed, unless the next one is due sooner


async def run_once(periodic_task: PeriodicTask) -> bool:
    """Run one round; return whether it succeeded."""
    try:
        await periodic_task.run()
    except MoonthreadError as exc:
        log.warning("periodic_task.postponed", task=periodic_task.name, error=str(exc))
    except Exception:  # the boundary of a task: the next round is tried all the same
        log.exception("periodic_task.failed", task=periodic_task.name)
    else:
        return True
    return False


class LocalTaskScheduler:
    """Implements :class:`core.ports.periodic_tasks.TaskScheduler` in this process, a task for each."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._periodic_tasks: dict[str, tuple[PeriodicTask, asyncio.Event]] = {}
        self._running = TaskSet()

    def schedule(self, periodic_task: PeriodicTask) -> None:
        """Add a periodic task; :meth:`start` begins with its first round."""
        self._periodic_tasks[periodic_task.name] = (periodic_task, asyncio.Event())

    def run_soon(self, name: str) -> None:
        """Run a task now, or once more if it is running; an unknown name is ignored."""
        if name in self._periodic_tasks:
            _, run_now = self._periodic_tasks[name]
            run_now.set()

    def start(self) -> None:
        """Begin with a first round of each task."""
        for periodic_task, run_now in self._periodic_tasks.values():
            self._running.spawn(self._run(periodic_task, run_now), name=f"periodic-{periodic_task.name}")

    async def close(self) -> None:
        """Cancel the rounds that are running, and begin no more."""
        await self._running.close()

    async def _run(self, periodic_task: PeriodicTask, run_now: asyncio.Event) -> None:
        while True:
            run_now.clear()
            succeeded = await run_once(periodic_task)
            pause_s = periodic_task.every_s if succeeded else min(RETRY_S, periodic_task.every_s)
            await wait_for_event(run_now, pause_s, self._clock)
