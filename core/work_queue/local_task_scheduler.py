"""Work that is done now and then: once for all who share a database, however many processes there are."""

import asyncio

import structlog

from core.domain.clock import Clock
from core.domain.errors import MoonthreadError
from core.ports.periodic_tasks import PeriodicTask

log = structlog.get_logger(__name__)

RETRY_S = 300.0  #: after a round that failed, where the next one is not due sooner


async def run_once(periodic_task: PeriodicTask) -> bool:
    """Do one round; return whether it went well."""
    try:
        await periodic_task.run()
    except MoonthreadError as exc:
        log.warning("periodic_task.postponed", chore=periodic_task.name, error=str(exc))
    except Exception:  # the boundary of a task
        log.exception("periodic_task.failed", chore=periodic_task.name)
    else:
        return True
    return False


class LocalTaskScheduler:
    """Implements :class:`TaskScheduler` in this process alone, one task for each chore."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._periodic_tasks: dict[str, PeriodicTask] = {}
        self._run_now: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def schedule(self, periodic_task: PeriodicTask) -> None:
        """Take a chore on."""
        self._periodic_tasks[periodic_task.name] = periodic_task
        self._run_now[periodic_task.name] = asyncio.Event()

    def run_soon(self, name: str) -> None:
        """Do a chore now, or once more where it is being done; nothing where there is no such chore."""
        if name in self._run_now:
            self._run_now[name].set()

    def start(self) -> None:
        """Begin with a first round of each."""
        self._tasks = [
            asyncio.create_task(self._run(chore), name=f"chore-{chore.name}")
            for chore in self._periodic_tasks.values()
        ]

    async def close(self) -> None:
        """End; a round that is going on is cut off."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, periodic_task: PeriodicTask) -> None:
        hurry = self._run_now[periodic_task.name]
        while True:
            hurry.clear()
            well = await run_once(periodic_task)
            called = asyncio.ensure_future(hurry.wait())
            pause = asyncio.ensure_future(
                self._clock.sleep(periodic_task.every_s if well else min(RETRY_S, periodic_task.every_s))
            )
            try:
                await asyncio.wait({called, pause}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                called.cancel()
                pause.cancel()
