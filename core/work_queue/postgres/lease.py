"""The time for which this replica may write, and the detection of an event loop that stood still."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

#: A clock that also advances while the machine sleeps, if the system has one.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
STALL_CHECK_INTERVAL_S: Final = 0.25


def now() -> float:
    """Return seconds that also advance while this process is stopped or the machine sleeps."""
    return time.clock_gettime(_CLOCK)


class Lease:
    """Permission to write, valid for a while after each heartbeat that the database accepted.

    Others may take our work once the database has missed our heartbeat for longer than that; the time
    counts from before the heartbeat was sent, so we stop first.
    """

    def __init__(self, duration_s: float) -> None:
        self._duration_s = duration_s
        self._expires_at = float("-inf")

    @property
    def valid(self) -> bool:
        """Whether our work certainly is still ours."""
        return now() < self._expires_at

    def renew(self, sent_at: float) -> None:
        """Extend it, for a heartbeat that was sent at ``sent_at`` and that the database accepted."""
        self._expires_at = sent_at + self._duration_s

    def revoke(self) -> None:
        """End it until the next heartbeat."""
        self._expires_at = float("-inf")


async def watch_loop(max_stall_s: float, on_stall: Callable[[float], None]) -> None:
    """Call ``on_stall`` with the seconds lost whenever the event loop stood still for over ``max_stall_s``.

    After a standstill all timers are due together: this one fires in the loop's first iteration, before
    anything that waited for a socket continues.
    """
    while True:
        before = now()
        await asyncio.sleep(STALL_CHECK_INTERVAL_S)
        lost_s = now() - before - STALL_CHECK_INTERVAL_S
        if lost_s > max_stall_s:
            on_stall(lost_s)
