"""How long to wait for Kimi, and whether and when to try again. No I/O, no clock."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from core.kimi.errors import KimiError, KimiRateLimited


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds without a sign of life before an attempt is given up."""

    connect_s: float = 10.0
    first_byte_s: float = 90.0  #: from sending the request to the first byte of a streamed body
    idle_s: float = 60.0  #: between two reads of a stream; comments count as life
    whole_s: float = 900.0  #: for a reply that is not streamed; the gateway's own limit


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with full jitter on top of what Kimi asks for."""

    max_attempts: int = 4  #: the first one included; 1 never tries again
    base_backoff_s: float = 1.0  #: the first backoff is between 0 and this, each further one up to twice it
    minute_limit_backoff_s: float = 5.0  #: the same for limits that count by the minute: hints are too short
    max_wait_s: float = 30.0  #: the longest single wait; a longer hint ends the trying
    total_wait_s: float = 120.0  #: no attempt begins later than this after the first one began


class RetryState:
    """Decide, for one request, whether a failure is followed by another attempt."""

    def __init__(self, policy: RetryPolicy, *, jitter: Callable[[], float] = random.random) -> None:
        """``draw`` returns a number in [0, 1): the jitter."""
        self._policy = policy
        self._jitter = jitter
        self.attempts = 1  #: attempts begun so far

    def next_wait_s(self, error: KimiError, elapsed_s: float) -> float | None:
        """Return the seconds until the next attempt, None where ``error`` is final.

        ``elapsed_s`` is the time since the first attempt began. The wait is at least what Kimi
        asked for.
        """
        if not error.retryable or self.attempts >= self._policy.max_attempts:
            return None
        hint_s = error.retry_after_s or 0.0
        room_s = min(self._policy.max_wait_s, self._policy.total_wait_s - elapsed_s)
        if hint_s > room_s or room_s < 0:
            return None
        backoff_s = min(self._policy.max_wait_s, self._base_backoff_s(error) * 2.0 ** (self.attempts - 1))
        self.attempts += 1
        return min(room_s, hint_s + backoff_s * self._jitter())

    def _base_backoff_s(self, error: KimiError) -> float:
        if isinstance(error, KimiRateLimited) and error.limit in ("rpm", "tpm"):
            return self._policy.minute_limit_backoff_s
        return self._policy.base_backoff_s
