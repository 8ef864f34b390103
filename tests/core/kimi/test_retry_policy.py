"""When a failure is followed by another attempt."""

import pytest

from core.kimi import (
    KimiError,
    KimiInvalidRequest,
    KimiOverloaded,
    KimiQuotaExhausted,
    KimiRateLimited,
    KimiTimeout,
    RetryPolicy,
)
from core.kimi.retry_policy import RetrySchedule

BUSY = KimiOverloaded("busy")


def waits(error: KimiError, policy: RetryPolicy, *, draw: float) -> list[float | None]:
    """Return the waits after one failure and the same again, until it is final."""
    attempts = RetrySchedule(policy, jitter=lambda: draw)
    found: list[float | None] = []
    while not found or found[-1] is not None:
        found.append(attempts.next_wait_s(error, 0.0))
    return found


def test_the_backoff_doubles_and_is_drawn_from_the_whole_range() -> None:
    """Full jitter: anything from nothing to the doubled base, up to the longest wait."""
    policy = RetryPolicy(max_attempts=5, base_backoff_s=2, max_wait_s=10)
    assert waits(BUSY, policy, draw=1) == [2, 4, 8, 10, None]
    assert waits(BUSY, policy, draw=0.5) == [1, 2, 4, 5, None]
    assert waits(BUSY, policy, draw=0) == [0, 0, 0, 0, None]


@pytest.mark.parametrize("limit", ["rpm", "tpm"])
def test_limits_by_the_minute_back_off_further(limit: str) -> None:
    """Kimi's hint of one second is too short for a window of a minute."""
    error = KimiRateLimited("m", limit=limit, retry_after_s=1)  # type: ignore[arg-type]
    policy = RetryPolicy(max_attempts=3, base_backoff_s=1, minute_limit_backoff_s=5)
    assert waits(error, policy, draw=1) == [6, 11, None]


def test_a_hint_beyond_the_bounds_is_final() -> None:
    """Waiting less than asked would be pointless, waiting longer is not allowed."""
    assert waits(KimiOverloaded("m", retry_after_s=31), RetryPolicy(max_wait_s=30), draw=1) == [None]
    assert (
        RetrySchedule(RetryPolicy(total_wait_s=60)).next_wait_s(KimiOverloaded("m", retry_after_s=20), 41)
        is None
    )


def test_the_total_is_bounded() -> None:
    """The jitter is cut to what is left, and nothing begins behind the end."""
    attempts = RetrySchedule(RetryPolicy(base_backoff_s=30, total_wait_s=60), jitter=lambda: 1.0)
    assert attempts.next_wait_s(BUSY, 50) == 10
    assert attempts.next_wait_s(BUSY, 60.1) is None


@pytest.mark.parametrize(
    "error",
    [
        KimiQuotaExhausted("m", retry_after_s=1),
        KimiInvalidRequest("m"),
        KimiRateLimited("m", limit="tpd", retry_after_s=1),
        KimiTimeout("m", phase="whole"),
    ],
)
def test_some_failures_are_never_followed(error: KimiError) -> None:
    """What the same request cannot cure is asked once, whatever the hint."""
    assert waits(error, RetryPolicy(), draw=0) == [None]


def test_one_attempt_means_one() -> None:
    """Retries can be switched off."""
    assert waits(BUSY, RetryPolicy(max_attempts=1), draw=0) == [None]
