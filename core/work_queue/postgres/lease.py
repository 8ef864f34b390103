"""How long this replica may show something, and the eye on a loop that stood still."""

import asyncio
import time
from collections.abc import Callable

#: Seconds that also pass while the machine sleeps, where the system has such a clock.
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
STALL_CHECK_INTERVAL_S = 0.25  #: how often the loop is looked at


def now() -> float:
    """Return seconds that go on while this process is stopped or the machine asleep."""
    return time.clock_gettime(_CLOCK)


class Lease:
    """Valid for a while after each heartbeat that the database took.

    Others may take our work as soon as the database has missed our heartbeat for longer than
    that; the time counts from before the heartbeat was sent, so we stop first.
    """

    def __init__(self, duration_s: float) -> None:
        self._duration_s = duration_s
        self._expires_at = float("-inf")

    @property
    def valid(self) -> bool:
        """Whether what we run is still ours for certain."""
        return now() < self._expires_at

    def renew(self, sent_at: float) -> None:
        """Note that the database took a heartbeat which was sent at ``sent_at``."""
        self._expires_at = sent_at + self._duration_s

    def revoke(self) -> None:
        """Show nothing until the next heartbeat."""
        self._expires_at = float("-inf")


async def watch_loop(max_stall_s: float, on_stall: Callable[[float], None]) -> None:
    """Call ``on_still`` with the seconds lost whenever the loop stood still for over ``still_s``.

    After a standstill all timers are due together: this one runs in the loop's first round, before
    anything that waited for a socket can go on.
    """
    while True:
        before = now()
        await asyncio.sleep(STALL_CHECK_INTERVAL_S)
        lost_s = now() - before - STALL_CHECK_INTERVAL_S
        if lost_s > max_stall_s:
            on_stall(lost_s)
