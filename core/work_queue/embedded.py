"""The embedded engine: one asyncio task for each conversation that has work.

For one process on one database. What is open lives in the inbox alone: a crash loses nothing, and
the next start wakes every conversation that has an open event.
"""

import asyncio
from collections.abc import Sequence

import structlog

from core.domain.clock import Clock
from core.domain.errors import StoreUnavailable
from core.ports.periodic_tasks import Chore
from core.store import Database, Transaction, Work, inbox
from core.store.file_lock import Exclusive
from core.work_queue.active_answers import RunningAnswers
from core.work_queue.periodic_tasks import Chores
from core.work_queue.port import Drain

log = structlog.get_logger(__name__)

RETRY_FIRST_S = 0.5  #: after a drain that failed; doubled with each further failure
RETRY_MOST_S = 15.0
AT_ONCE = 20  #: lines of work that are taken up together after a start
PAUSE_S = 0.1  #: before the next ones: the first answers shall not wait for thousands to begin


class EmbeddedEngine:
    """Implements :class:`core.work_queue.port.Engine` in this process."""

    takeovers = fences = 0  #: there are no others

    def __init__(
        self, database: Database, running: RunningAnswers, clock: Clock, *, exclusive: bool = True
    ) -> None:
        """``exclusive`` refuses a second process; without it the caller sees to that."""
        self._database = database
        self._running = running
        self._clock = clock
        self._exclusive = Exclusive(database) if exclusive else None
        self._drain: Drain | None = None
        self._tasks: dict[Work, asyncio.Task[None]] = {}
        self._again: set[Work] = set()
        self._chores = Chores(clock)
        self._recovering: asyncio.Task[None] | None = None
        self.stopping = False

    @property
    def ready(self) -> bool:
        """Whether it works off what is open."""
        return self._drain is not None and not self.stopping

    async def enlist(self, tx: Transaction, work: Work) -> None:
        """Nothing to store: the open inbox row says it all."""

    def wake(self, work: Work) -> None:
        """Start the conversation's task, or let the running one look once more."""
        if self._drain is None or self.stopping:
            return
        if work in self._tasks:
            self._again.add(work)
            return
        self._tasks[work] = asyncio.create_task(self._work_off(work, self._drain), name=f"work-{work}")

    def schedule(self, chore: Chore) -> None:
        """Take a chore on."""
        self._chores.schedule(chore)

    def hurry(self, name: str) -> None:
        """Do a chore now."""
        self._chores.hurry(name)

    def cancel(self, conversation_id: int, why: str) -> None:
        """End the conversation's running answer."""
        self._running.cancel(conversation_id, why)

    async def start(self, drain: Drain) -> None:
        """Take the database for this process and go on with what is open."""
        if self._exclusive is not None:
            self._exclusive.take()
        self._drain = drain
        async with self._database.read() as tx:
            left = await inbox.open_work(tx)
        if left:
            log.info("work_recovered", conversations=len(left))
        for work in left[:AT_ONCE]:
            self.wake(work)
        if len(left) > AT_ONCE:
            self._recovering = asyncio.create_task(self._recover(left[AT_ONCE:]), name="recovery")
        self._chores.start()

    async def settled(self) -> None:
        """Return when no work is left that this process can do now."""
        if self._recovering is not None:
            await asyncio.wait({self._recovering})
        while self._tasks:
            await _all_ended(list(self._tasks.values()))

    async def stop(self, grace_s: float) -> None:
        """Let running work end, abort what has not after ``grace_s`` seconds."""
        self.stopping = True
        await self._chores.close()
        if self._recovering is not None:
            self._recovering.cancel()
            await asyncio.gather(self._recovering, return_exceptions=True)
        if self._tasks:
            tasks = list(self._tasks.values())
            timer = asyncio.create_task(self._clock.sleep(grace_s))
            ended = asyncio.create_task(_all_ended(tasks))
            await asyncio.wait({timer, ended}, return_when=asyncio.FIRST_COMPLETED)
            for task in (timer, ended, *tasks):
                task.cancel()
            await asyncio.gather(timer, ended, *tasks, return_exceptions=True)
        if self._exclusive is not None:
            self._exclusive.release()

    async def _recover(self, left: Sequence[Work]) -> None:
        """Take up what was left, a few lines at a time."""
        for position, work in enumerate(left):
            if position % AT_ONCE == 0:
                await self._clock.sleep(PAUSE_S)
            self.wake(work)

    async def _work_off(self, work: Work, drain: Drain) -> None:
        delay_s = RETRY_FIRST_S
        try:
            while True:
                self._again.discard(work)
                try:
                    await drain(work)
                except StoreUnavailable as exc:
                    log.warning("store_unavailable", error=str(exc), retry_in_s=delay_s)
                except Exception:  # the boundary of a task: the event stays open and is tried again
                    log.exception("drain_failed", conversation=work.conversation_id)
                else:
                    delay_s = RETRY_FIRST_S
                    if work not in self._again:
                        return
                    continue
                if self.stopping:
                    return
                await self._clock.sleep(delay_s)
                delay_s = min(RETRY_MOST_S, delay_s * 2)
        finally:
            del self._tasks[work]
            if work in self._again and not self.stopping:
                self._again.discard(work)
                self.wake(work)


async def _all_ended(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)
