"""Time as a port, so that policies and waits can be tested without waiting."""

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Seconds that only go forward, and a way to let some of them pass."""

    def time(self) -> float:
        """Return the present in seconds; only differences mean something."""

    async def sleep(self, delay_s: float) -> None:
        """Let ``delay_s`` seconds of this clock pass."""


class SystemClock:
    """The machine's monotonic clock."""

    def time(self) -> float:
        """Return ``time.monotonic()``."""
        return time.monotonic()

    async def sleep(self, delay_s: float) -> None:
        """Sleep on the running loop."""
        await asyncio.sleep(delay_s)


class ScaledClock:
    """A clock that runs ``factor`` times as fast as the machine's.

    Service tests give one to the service and to the stand-ins alike: every ratio between
    paces, limits and waits stays what it is in production, and a minute passes in seconds.
    """

    def __init__(self, factor: float) -> None:
        if factor <= 0:
            raise ValueError("factor must be positive")
        self.factor = factor
        self._origin = time.monotonic()

    def time(self) -> float:
        """Return scaled seconds since this clock was made."""
        return (time.monotonic() - self._origin) * self.factor

    async def sleep(self, delay_s: float) -> None:
        """Sleep ``delay_s`` scaled seconds."""
        await asyncio.sleep(delay_s / self.factor)


class SharedClock:
    """Seconds that all replicas agree on and that never go back.

    At first contact it takes the wall's time (on PostgreSQL the server's, the same for all), or
    the stored time where that is later. From then on only the process's own clock counts, and the
    stored time where another replica is ahead. A wall clock that steps changes nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_s: float | None = None

    def synchronize(self, stored_s: float, wall_s: float) -> float:
        """Return the present, not before ``stored``."""
        local = self._clock.time()
        if self._offset_s is None:
            self._offset_s = wall_s - local
        self._offset_s = max(self._offset_s, stored_s - local)
        return local + self._offset_s

    def now(self) -> float:
        """Return the present by what is known so far."""
        return self._clock.time() + (self._offset_s or 0.0)
