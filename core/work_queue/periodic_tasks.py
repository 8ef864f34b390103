"""Work that is done now and then: once for all who share a database, however many processes there are."""

import asyncio

import structlog

from core.domain.clock import Clock
from core.domain.errors import MoonthreadError
from core.ports.periodic_tasks import Chore

log = structlog.get_logger(__name__)

RETRY_S = 300.0  #: after a round that failed, where the next one is not due sooner


async def attempt(chore: Chore) -> bool:
    """Do one round; return whether it went well."""
    try:
        await chore.do()
    except MoonthreadError as exc:
        log.warning("chore_postponed", chore=chore.name, error=str(exc))
    except Exception:  # the boundary of a task
        log.exception("chore_failed", chore=chore.name)
    else:
        return True
    return False


class Chores:
    """Implements :class:`Schedule` in this process alone, one task for each chore."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._chores: dict[str, Chore] = {}
        self._hurries: dict[str, asyncio.Event] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def schedule(self, chore: Chore) -> None:
        """Take a chore on."""
        self._chores[chore.name] = chore
        self._hurries[chore.name] = asyncio.Event()

    def hurry(self, name: str) -> None:
        """Do a chore now, or once more where it is being done; nothing where there is no such chore."""
        if name in self._hurries:
            self._hurries[name].set()

    def start(self) -> None:
        """Begin with a first round of each."""
        self._tasks = [
            asyncio.create_task(self._run(chore), name=f"chore-{chore.name}")
            for chore in self._chores.values()
        ]

    async def close(self) -> None:
        """End; a round that is going on is cut off."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, chore: Chore) -> None:
        hurry = self._hurries[chore.name]
        while True:
            hurry.clear()
            well = await attempt(chore)
            called = asyncio.ensure_future(hurry.wait())
            pause = asyncio.ensure_future(
                self._clock.sleep(chore.every_s if well else min(RETRY_S, chore.every_s))
            )
            try:
                await asyncio.wait({called, pause}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                called.cancel()
                pause.cancel()
