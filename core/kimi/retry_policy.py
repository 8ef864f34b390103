"""Waits and retries of a failing Kimi. No I/O, no clock."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from core.kimi.api_errors import KimiError, KimiRateLimited


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds without a sign of life before an attempt is given up."""

    connect_s: float = 10.0
    first_byte_s: float = 90.0  #: from sending the request to the first byte of a streamed body
    idle_s: float = 60.0  #: between two reads of a stream; comments count as life
    eventless_s: float = 900.0  #: of a stream that sends signs of life and no event
    whole_s: float = 900.0  #: for a reply that is not streamed; the gateway's own limit


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """Exponential backoff with full jitter on top of the wait that Kimi asks for."""

    max_attempts: int = 4  #: the first one included; 1 never tries again
    base_backoff_s: float = 1.0  #: the first backoff is between 0 and this, each further one up to twice it
    minute_limit_backoff_s: float = 5.0  #: the same for limits that count by the minute: hints are too short
    max_wait_s: float = 30.0  #: the longest single wait; a longer hint ends the retries
    total_wait_s: float = 120.0  #: no attempt begins later than this after the first one began


def backoff_s(
    retries: int, *, first_s: float, max_s: float, hint_s: float, left_s: float, jitter: float
) -> float | None:
    """Return the seconds to wait before the next attempt; None if there is no time for it.

    Args:
        retries: waits before this one.
        first_s: upper bound of the first backoff; it doubles with each retry.
        max_s: upper bound of every backoff.
        hint_s: the wait that Kimi asked for; the backoff comes on top of it.
        left_s: time until the last moment at which an attempt may begin.
        jitter: a random number in [0, 1).
    """
    if left_s <= 0 or hint_s > left_s:
        return None
    return min(left_s, hint_s + min(max_s, first_s * 2.0**retries) * jitter)


class RetrySchedule:
    """Decides, for one request, whether a failure is followed by another attempt."""

    def __init__(self, policy: RetryPolicy, *, jitter: Callable[[], float] = random.random) -> None:
        """Begin with the first attempt; ``jitter`` returns numbers in [0, 1)."""
        self._policy = policy
        self._jitter = jitter
        self.attempts = 1  #: attempts begun so far

    def next_wait_s(self, error: KimiError, elapsed_s: float) -> float | None:
        """Return the seconds until the next attempt; None if ``error`` is final.

        ``elapsed_s`` is the time since the first attempt began. The wait is at least as long as Kimi
        asked for.
        """
        policy = self._policy
        if not error.retryable or self.attempts >= policy.max_attempts:
            return None
        is_minute_limit = isinstance(error, KimiRateLimited) and error.limit in ("rpm", "tpm")
        wait_s = backoff_s(
            self.attempts - 1,
            first_s=policy.minute_limit_backoff_s if is_minute_limit else policy.base_backoff_s,
            max_s=policy.max_wait_s,
            hint_s=error.retry_after_s or 0.0,
            left_s=min(policy.max_wait_s, policy.total_wait_s - elapsed_s),
            jitter=self._jitter(),
        )
        self.attempts += 0 if wait_s is None else 1
        return wait_s
