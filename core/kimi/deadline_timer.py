"""Time limits for the many short waits of one exchange, on the client's clock."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from core.concurrency.task_set import current_task
from core.domain.clock import Clock

T = TypeVar("T")


class DeadlineTimer:
    """Limits consecutive waits of a task with one timer task for all of them.

    ``asyncio.timeout`` would arm and cancel a timer for every network read, and knows only the event
    loop's time. Here a read only records its deadline; the timer task checks it from time to time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._deadline = 0.0
        self._next_check_at = float("inf")  # when the timer task checks next
        self._waiting: asyncio.Task[object] | None = None
        self._expired = False
        self._timer: asyncio.Task[None] | None = None

    def stop(self) -> None:
        """End the timer task. Call it last."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def deadline_in(self, delay_s: float) -> float:
        """Return the time ``delay_s`` seconds from now, for :meth:`wait`."""
        return self._clock.time() + delay_s

    async def wait(self, awaited: Awaitable[T], *, deadline: float) -> T:
        """Return the result of ``awaited``, which may take until ``deadline``.

        Raises:
            TimeoutError: it took longer and was cancelled.
        """
        if deadline < self._next_check_at:
            self.stop()
            self._next_check_at = deadline
            self._timer = asyncio.create_task(self._run_timer(), name="kimi-watch")
        self._deadline = deadline
        task = current_task()
        cancelling = task.cancelling()
        self._waiting = task
        try:
            return await awaited
        except asyncio.CancelledError:
            if self._expired and task.uncancel() <= cancelling:
                raise TimeoutError from None
            raise
        finally:
            self._waiting = None

    async def _run_timer(self) -> None:
        while True:
            await self._clock.sleep(self._next_check_at - self._clock.time())
            now = self._clock.time()
            if now < self._deadline:
                self._next_check_at = self._deadline
            elif self._waiting is None:  # the reader is busy elsewhere; its next wait starts a timer
                self._next_check_at = float("inf")
                return
            else:
                self._expired = True
                self._waiting.cancel()
                return
