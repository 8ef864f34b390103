"""Time as a port, so that policies and waits can be tested without waiting."""

import asyncio
import heapq
import time
from itertools import count
from typing import Protocol


class Clock(Protocol):
    """Monotonic time in seconds."""

    def time(self) -> float:
        """Return the present in seconds; only differences between two calls are meaningful."""

    async def sleep(self, delay_s: float) -> None:
        """Return after ``delay_s`` seconds of this clock."""


class SystemClock:
    """The machine's monotonic clock."""

    def time(self) -> float:
        """Return ``time.monotonic()``."""
        return time.monotonic()

    async def sleep(self, delay_s: float) -> None:
        """Sleep on the running loop."""
        await asyncio.sleep(delay_s)


class FakeClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: float = 0.0) -> None:
        self._now = now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def time(self) -> float:
        """Return the time that the clock was moved to."""
        return self._now

    async def sleep(self, delay_s: float) -> None:
        """Return once the clock has been moved ``delay_s`` seconds forward; yields once if that is 0."""
        if delay_s <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + delay_s, next(self._order), woken))
        await woken

    def advance(self, delay_s: float) -> None:
        """Move the clock forward; sleepers wake in the order of their times when the loop runs next.

        Raises:
            ValueError: ``delay_s`` is negative.
        """
        if delay_s < 0:
            raise ValueError("time does not go back")
        self._now += delay_s
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)


class ScaledClock:
    """A clock that runs ``factor`` times as fast as the machine's.

    Tests give the same one to the service and to the simulated platforms: the ratios between pacing,
    limits and waits stay those of production, and a minute passes in seconds.
    """

    def __init__(self, factor: float) -> None:
        if factor <= 0:
            raise ValueError("factor must be positive")
        self.factor = factor
        self._origin = time.monotonic()

    def time(self) -> float:
        """Return scaled seconds since the clock was made."""
        return (time.monotonic() - self._origin) * self.factor

    async def sleep(self, delay_s: float) -> None:
        """Sleep ``delay_s`` scaled seconds."""
        await asyncio.sleep(delay_s / self.factor)


class SharedClock:
    """Time that all replicas agree on and that never goes back, in seconds.

    It starts with the wall clock's time (on PostgreSQL the server's, the same for all replicas), or with
    the stored time if that is later. From then on the process's own clock counts, and the stored time
    if another replica is ahead. A wall clock that is set later changes nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_s: float | None = None

    def synchronize(self, stored_s: float, wall_s: float) -> float:
        """Return the present, not before ``stored_s``."""
        local = self._clock.time()
        if self._offset_s is None:
            self._offset_s = wall_s - local
        self._offset_s = max(self._offset_s, stored_s - local)
        return local + self._offset_s

    def now(self) -> float:
        """Return the present as far as it is known, without contact to the store."""
        return self._clock.time() + (self._offset_s or 0.0)
