"""The embedded work queue: one asyncio task for each queue that has work, in the only process of a database.

Open events are stored in the inbox alone, so a crash loses nothing: the next start wakes every queue that has
an open event.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Final

import structlog

from core.concurrency.deadline import DeadlineExceeded, run_with_timeout
from core.domain.clock import Clock
from core.domain.queue import QueueKey
from core.domain.turn_states import CancelReason
from core.ports.periodic_tasks import PeriodicTask
from core.store import Database, Transaction, inbox
from core.store.file_lock import FileLock
from core.work_queue.active_answers import ActiveAnswers
from core.work_queue.drain import drain
from core.work_queue.local_task_scheduler import LocalTaskScheduler
from core.work_queue.port import ProcessNext, WakeUp

log = structlog.get_logger(__name__)

RECOVERY_BATCH: Final = 20  #: queues that are woken together after a start
RECOVERY_PAUSE_S: Final = 0.1  #: between two batches, so that the first answers need not wait for the last


class EmbeddedWorkQueue:
    """Implements :class:`core.work_queue.port.WorkQueue` in this process."""

    takeovers = lease_losses = 0  #: there are no other replicas

    def __init__(
        self,
        database: Database,
        active_answers: ActiveAnswers,
        clock: Clock,
        *,
        tenants: Callable[[], Collection[tuple[str, str]] | None] = lambda: None,
        exclusive: bool = True,
    ) -> None:
        """Take up nothing yet.

        Args:
            database: that of this process.
            active_answers: the answers that this process writes.
            clock: measures the pauses after failures.
            tenants: returns the (platform, tenant) pairs whose open events are taken up; None for all.
            exclusive: refuses a second process; without it the caller ensures that there is none.
        """
        self._tenants = tenants
        self._database = database
        self._active_answers = active_answers
        self._clock = clock
        self._file_lock = FileLock(database) if exclusive else None
        self._process_next: ProcessNext | None = None
        self._tasks: dict[QueueKey, asyncio.Task[None]] = {}
        self._rerun: set[QueueKey] = set()
        self._task_scheduler = LocalTaskScheduler(clock)
        self._recovery: asyncio.Task[None] | None = None
        self.stopping = False

    @property
    def ready(self) -> bool:
        """Whether this process works on open events."""
        return self._process_next is not None and not self.stopping

    async def enqueue(self, tx: Transaction, queue_key: QueueKey) -> WakeUp:
        """Store nothing, as the event is stored open; return the function that wakes its queue."""
        return partial(self._wake, queue_key)

    def schedule(self, periodic_task: PeriodicTask) -> None:
        """Add a periodic task."""
        self._task_scheduler.schedule(periodic_task)

    def run_soon(self, name: str) -> None:
        """Run a periodic task now."""
        self._task_scheduler.run_soon(name)

    def cancel(self, conversation_id: int, reason: CancelReason) -> None:
        """Cancel the conversation's running answer."""
        self._active_answers.cancel(conversation_id, reason)

    async def start(self, process_next: ProcessNext) -> None:
        """Lock the database for this process and resume the queues with open events."""
        if self._file_lock is not None:
            self._file_lock.acquire()
        self._process_next = process_next
        await self.resume()
        self._task_scheduler.start()

    async def resume(self) -> None:
        """Take up the queues with open events, such as those of a platform that was reached only now."""
        if self._recovery is not None:
            await asyncio.wait({self._recovery})
        async with self._database.read() as tx:
            open_queues = await inbox.load_open_queues(tx, tenants=self._tenants())
        if open_queues:
            log.info("work_queue.recovered", conversations=len(open_queues))
        for queue_key in open_queues[:RECOVERY_BATCH]:
            self._wake(queue_key)
        if len(open_queues) > RECOVERY_BATCH:
            self._recovery = asyncio.create_task(self._recover(open_queues[RECOVERY_BATCH:]), name="recovery")

    async def wait_idle(self) -> None:
        """Wait until no queue has work that this process can do now."""
        if self._recovery is not None:
            await asyncio.wait({self._recovery})
        await self._wait_for_tasks()

    async def stop(self, grace_s: float) -> None:
        """Let running work end, and abort what has not ended after ``grace_s`` seconds."""
        self.stopping = True
        await self._task_scheduler.close()
        if self._recovery is not None:
            self._recovery.cancel()
            await asyncio.gather(self._recovery, return_exceptions=True)
        with contextlib.suppress(DeadlineExceeded):
            await run_with_timeout(self._wait_for_tasks(), grace_s, self._clock)
        for task in self._tasks.values():
            task.cancel()
        await self._wait_for_tasks()
        if self._file_lock is not None:
            self._file_lock.release()

    def _wake(self, queue_key: QueueKey) -> None:
        """Start the queue's task, or let the running one look once more."""
        if self._process_next is None or self.stopping:
            return
        if queue_key in self._tasks:
            self._rerun.add(queue_key)
            return
        self._tasks[queue_key] = asyncio.create_task(
            self._run_queue(queue_key, self._process_next), name=f"work-{queue_key}"
        )

    async def _recover(self, queue_keys: Sequence[QueueKey]) -> None:
        """Wake the queues that an earlier process left open, a batch at a time."""
        for position, queue_key in enumerate(queue_keys):
            if position % RECOVERY_BATCH == 0:
                await self._clock.sleep(RECOVERY_PAUSE_S)
            self._wake(queue_key)

    async def _run_queue(self, queue_key: QueueKey, process_next: ProcessNext) -> None:
        self._rerun.discard(queue_key)
        try:
            await drain(process_next, queue_key, self._clock, is_stopping=lambda: self.stopping)
        finally:
            # In one step with the last look: an event that comes from here on starts a task of its own.
            del self._tasks[queue_key]
            if queue_key in self._rerun:
                self._rerun.discard(queue_key)
                self._wake(queue_key)

    async def _wait_for_tasks(self) -> None:
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))
