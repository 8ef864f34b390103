"""Call limits and failures as a platform has them. Independent of the buckets that the product plans with."""

from collections import deque

from core.domain.errors import PlatformError, PlatformForbidden, PlatformRateLimited

TOLERANCE_S = 1e-6
PENALTY_S = 5.0  #: how long every call is refused after one that came too soon


class FakeLimit:
    """Allows ``burst`` calls at once and ``per_s`` a second in the long run.

    It is the generic cell rate algorithm: each call moves a theoretical arrival time forward by one
    interval, and a call is refused if that time is too far ahead. After a refusal every call is refused
    for :data:`PENALTY_S` seconds, as Telegram does.
    """

    def __init__(self, *, per_s: float, burst: float) -> None:
        self.refused_at: list[float] = []  #: calls that came too soon
        self._interval_s = 1.0 / per_s
        self._tolerance_s = (burst - 1.0) / per_s
        self._theoretical_arrival = 0.0
        self._closed_until = 0.0

    def close(self, until: float) -> None:
        """Refuse every call before a time."""
        self._closed_until = max(self._closed_until, until)

    def count(self, now: float) -> None:
        """Count one call.

        Raises:
            PlatformRateLimited: it comes too soon; it is not counted.
        """
        if now < self._closed_until - TOLERANCE_S:
            self.refused_at.append(now)
            raise PlatformRateLimited("closed", retry_after_s=self._closed_until - now)
        arrival = max(self._theoretical_arrival, now)
        if arrival - now > self._tolerance_s + TOLERANCE_S:
            self.refused_at.append(now)
            self._closed_until = now + PENALTY_S
            raise PlatformRateLimited("too many calls", retry_after_s=PENALTY_S)
        self._theoretical_arrival = arrival + self._interval_s


class FakeFailures:
    """Failures that a test orders."""

    def __init__(self) -> None:
        self.errors: deque[PlatformError] = deque()  #: raised by the next calls, which have no effect
        self.lost_replies = 0  #: posts and edits that take effect and fail
        self.forbidden: set[str] = set()  #: channels that the bot was removed from

    def raise_next(self, channel: str) -> None:
        """Raise the error that is due for a call in a channel.

        Raises:
            PlatformForbidden: the bot was removed.
            PlatformError: an ordered failure.
        """
        if channel in self.forbidden:
            raise PlatformForbidden("the bot was removed")
        if self.errors:
            raise self.errors.popleft()

    def take_lost_reply(self) -> bool:
        """Return whether the reply of a call that took effect is lost."""
        if not self.lost_replies:
            return False
        self.lost_replies -= 1
        return True
