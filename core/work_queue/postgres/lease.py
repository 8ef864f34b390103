"""How long this replica may show something, and the eye on a loop that stood still."""

import asyncio
import time
from collections.abc import Callable

#: Seconds that also pass while the machine sleeps, where the system has such a clock.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
WINK_S = 0.25  #: how often the loop is looked at


def now() -> float:
    """Return seconds that go on while this process is stopped or the machine asleep."""
    return time.clock_gettime(_CLOCK)


class Lease:
    """Valid for a while after each heartbeat that the database took.

    Others may take our work as soon as the database has missed our heartbeat for longer than
    that; the time counts from before the heartbeat was sent, so we stop first.
    """

    def __init__(self, length_s: float) -> None:
        self._length_s = length_s
        self._until = float("-inf")

    @property
    def valid(self) -> bool:
        """Whether what we run is still ours for certain."""
        return now() < self._until

    def renew(self, sent_at: float) -> None:
        """Note that the database took a heartbeat which was sent at ``sent_at``."""
        self._until = sent_at + self._length_s

    def end(self) -> None:
        """Show nothing until the next heartbeat."""
        self._until = float("-inf")


async def watch_loop(still_s: float, on_still: Callable[[float], None]) -> None:
    """Call ``on_still`` with the seconds lost whenever the loop stood still for over ``still_s``.

    After a standstill all timers are due together: this one runs in the loop's first round, before
    anything that waited for a socket can go on.
    """
    while True:
        before = now()
        await asyncio.sleep(WINK_S)
        lost_s = now() - before - WINK_S
        if lost_s > still_s:
            on_still(lost_s)
