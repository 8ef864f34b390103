"""The embedded engine: one asyncio task for each conversation that has work.

For one process on one database. What is open lives in the inbox alone: a crash loses nothing, and
the next start wakes every conversation that has an open event.
"""

import asyncio
from collections.abc import Sequence

import structlog

from core.domain.clock import Clock
from core.domain.errors import StoreUnavailable
from core.domain.turn_states import CancelReason
from core.ports.periodic_tasks import PeriodicTask
from core.store import Database, QueueKey, Transaction, inbox
from core.store.file_lock import FileLock
from core.work_queue.active_answers import ActiveAnswers
from core.work_queue.local_task_scheduler import LocalTaskScheduler
from core.work_queue.port import ProcessQueue

log = structlog.get_logger(__name__)

RETRY_INITIAL_S = 0.5  #: after a drain that failed; doubled with each further failure
RETRY_MAX_S = 15.0
RECOVERY_BATCH = 20  #: lines of work that are taken up together after a start
RECOVERY_PAUSE_S = 0.1  #: before the next ones: the first answers shall not wait for thousands to begin


class EmbeddedWorkQueue:
    """Implements :class:`core.work_queue.port.WorkQueue` in this process."""

    takeovers = lease_losses = 0  #: there are no others

    def __init__(
        self, database: Database, active_answers: ActiveAnswers, clock: Clock, *, exclusive: bool = True
    ) -> None:
        """``exclusive`` refuses a second process; without it the caller sees to that."""
        self._database = database
        self._active_answers = active_answers
        self._clock = clock
        self._file_lock = FileLock(database) if exclusive else None
        self._process_queue: ProcessQueue | None = None
        self._tasks: dict[QueueKey, asyncio.Task[None]] = {}
        self._rerun: set[QueueKey] = set()
        self._task_scheduler = LocalTaskScheduler(clock)
        self._recovery: asyncio.Task[None] | None = None
        self.stopping = False

    @property
    def ready(self) -> bool:
        """Whether it works off what is open."""
        return self._process_queue is not None and not self.stopping

    async def enqueue(self, tx: Transaction, queue_key: QueueKey) -> None:
        """Nothing to store: the open inbox row says it all."""

    def wake(self, queue_key: QueueKey) -> None:
        """Start the conversation's task, or let the running one look once more."""
        if self._process_queue is None or self.stopping:
            return
        if queue_key in self._tasks:
            self._rerun.add(queue_key)
            return
        self._tasks[queue_key] = asyncio.create_task(
            self._run_queue(queue_key, self._process_queue), name=f"work-{queue_key}"
        )

    def schedule(self, periodic_task: PeriodicTask) -> None:
        """Take a chore on."""
        self._task_scheduler.schedule(periodic_task)

    def run_soon(self, name: str) -> None:
        """Do a chore now."""
        self._task_scheduler.run_soon(name)

    def cancel(self, conversation_id: int, reason: CancelReason) -> None:
        """End the conversation's running answer."""
        self._active_answers.cancel(conversation_id, reason)

    async def start(self, process_queue: ProcessQueue) -> None:
        """Take the database for this process and go on with what is open."""
        if self._file_lock is not None:
            self._file_lock.acquire()
        self._process_queue = process_queue
        async with self._database.read() as tx:
            left = await inbox.load_open_queues(tx)
        if left:
            log.info("work_queue.recovered", conversations=len(left))
        for work in left[:RECOVERY_BATCH]:
            self.wake(work)
        if len(left) > RECOVERY_BATCH:
            self._recovery = asyncio.create_task(self._recover(left[RECOVERY_BATCH:]), name="recovery")
        self._task_scheduler.start()

    async def wait_idle(self) -> None:
        """Return when no work is left that this process can do now."""
        if self._recovery is not None:
            await asyncio.wait({self._recovery})
        while self._tasks:
            await _wait_for_all(list(self._tasks.values()))

    async def stop(self, grace_s: float) -> None:
        """Let running work end, abort what has not after ``grace_s`` seconds."""
        self.stopping = True
        await self._task_scheduler.close()
        if self._recovery is not None:
            self._recovery.cancel()
            await asyncio.gather(self._recovery, return_exceptions=True)
        if self._tasks:
            tasks = list(self._tasks.values())
            timer = asyncio.create_task(self._clock.sleep(grace_s))
            ended = asyncio.create_task(_wait_for_all(tasks))
            await asyncio.wait({timer, ended}, return_when=asyncio.FIRST_COMPLETED)
            for task in (timer, ended, *tasks):
                task.cancel()
            await asyncio.gather(timer, ended, *tasks, return_exceptions=True)
        if self._file_lock is not None:
            self._file_lock.release()

    async def _recover(self, queue_keys: Sequence[QueueKey]) -> None:
        """Take up what was left, a few lines at a time."""
        for position, work in enumerate(queue_keys):
            if position % RECOVERY_BATCH == 0:
                await self._clock.sleep(RECOVERY_PAUSE_S)
            self.wake(work)

    async def _run_queue(self, queue_key: QueueKey, process_queue: ProcessQueue) -> None:
        delay_s = RETRY_INITIAL_S
        try:
            while True:
                self._rerun.discard(queue_key)
                try:
                    await process_queue(queue_key)
                except StoreUnavailable as exc:
                    log.warning("store.unavailable", error=str(exc), retry_in_s=delay_s)
                except Exception:  # the boundary of a task: the event stays open and is tried again
                    log.exception("work_queue.processing_failed", conversation=queue_key.conversation_id)
                else:
                    delay_s = RETRY_INITIAL_S
                    if queue_key not in self._rerun:
                        return
                    continue
                if self.stopping:
                    return
                await self._clock.sleep(delay_s)
                delay_s = min(RETRY_MAX_S, delay_s * 2)
        finally:
            del self._tasks[queue_key]
            if queue_key in self._rerun and not self.stopping:
                self._rerun.discard(queue_key)
                self.wake(queue_key)


async def _wait_for_all(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)
