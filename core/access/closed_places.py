"""Places in which the platform lets the bot show nothing: Kimi is not asked there until something changes.

A muted bot still receives questions. Without this, each of them would cost a request whose answer nobody
sees.
"""

from dataclasses import replace
from typing import Final

import structlog

from core.domain.addresses import ThreadKey
from core.domain.clock import Clock

log = structlog.get_logger(__name__)

CLOSED_FOR_S: Final = 600.0  #: after which one question tries again, as not every change is reported
MAX_PLACES: Final = 10_000  #: before all are forgotten


class ClosedPlaces:
    """The closed channels and threads that this process knows of, in memory."""

    def __init__(self, clock: Clock) -> None:
        """Begin with none; ``clock`` measures :data:`CLOSED_FOR_S`."""
        self._clock = clock
        self._closed_until: dict[ThreadKey, float] = {}

    def close(self, key: ThreadKey, *, thread_only: bool) -> None:
        """Record that nothing can be shown in ``key``'s channel, or only in its thread."""
        if len(self._closed_until) >= MAX_PLACES:
            self._closed_until.clear()
        place = key if thread_only else replace(key, thread="")
        self._closed_until[place] = self._clock.time() + CLOSED_FOR_S
        log.info("channel.closed", platform=key.platform, thread_only=thread_only)

    def is_closed(self, key: ThreadKey) -> bool:
        """Return whether an answer in a conversation would not be seen."""
        until_s = [self._closed_until.get(place, 0.0) for place in (key, replace(key, thread=""))]
        return max(until_s) > self._clock.time()

    def place_of(self, key: ThreadKey) -> ThreadKey:
        """Return the key of a conversation's channel if that is closed as a whole, else its own."""
        channel = replace(key, thread="")
        return channel if self._closed_until.get(channel, 0.0) > self._clock.time() else key

    def reopen(self, key: ThreadKey) -> None:
        """Reopen a channel with all its threads, or one thread."""
        for place in list(self._closed_until):
            if key in (place, replace(place, thread="")):
                del self._closed_until[place]
