"""A bucket never grants more than the platform does, whatever time calls take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.delivery.token_bucket import (
    RATE_LIMIT_MARGIN_S,
    RATE_RECOVERY_S,
    SlidingWindowBucket,
    TokenBucket,
    build_bucket,
)
from core.ports.platform import Budget

#: (seconds we wait before a call that has room, its latency, the share of it before it is counted)
CALLS = st.lists(st.tuples(st.floats(0, 4), st.floats(0, 2.5), st.floats(0, 1)), min_size=1, max_size=60)


def calls_in_order(bucket: TokenBucket, calls: list[tuple[float, float, float]]) -> list[float]:
    """Send every call as soon as the bucket allows, overlapping; return when each was counted."""
    now, counted, landings = 0.0, [], []
    for pause, latency, share in calls:
        now += pause
        while True:
            for landing in sorted(one for one in landings if one[0] <= now):
                bucket.complete(landing[1], landing[0])
                landings.remove(landing)
            at = bucket.room_at(now)
            if at <= now:
                break
            now = min([at, *(landing[0] for landing in landings)])
        bucket.start(len(counted), now)
        landings.append((now + latency, len(counted)))
        counted.append(now + share * latency)
    return sorted(counted)


@given(CALLS, st.floats(0.05, 5), st.integers(1, 20))
def test_a_strict_platform_is_never_overdrawn(
    calls: list[tuple[float, float, float]], per_s: float, burst: int
) -> None:
    """Calls may be counted anywhere between sending and reply; the platform's bucket holds."""
    counted = calls_in_order(TokenBucket(Budget(key="k", per_s=per_s, burst=burst), 0.0), calls)
    level, seen = float(burst), 0.0
    for at in counted:
        level = min(burst, level + (at - seen) * per_s) - 1
        seen = at
        assert level >= -1e-6


@given(CALLS, st.integers(1, 10), st.floats(1, 30))
def test_a_sliding_window_is_never_exceeded(
    calls: list[tuple[float, float, float]], most: int, window_s: float
) -> None:
    """In no window of that length does the platform count more calls than it grants."""
    budget = Budget(key="k", per_s=most / window_s, burst=float(most), window_s=window_s)
    counted = calls_in_order(build_bucket(budget, 0.0), calls)
    for index, at in enumerate(counted):
        within = [one for one in counted[index:] if one < at + window_s - 1e-6]
        assert len(within) <= most


def test_a_window_gives_all_of_it_at_once() -> None:
    """Twenty calls go at once; the next one when the first is a window old."""
    window = build_bucket(Budget(key="k", per_s=20 / 60, burst=20.0, window_s=60.0), 0.0)
    assert isinstance(window, SlidingWindowBucket)
    for _ in range(20):
        assert window.room_at(1.0) == 1.0
        window.take(1.0)
    assert window.room_at(2.0) == 61.0
    assert window.room_at(61.0) == 61.0


@pytest.mark.parametrize("window_s", [0.0, 60.0])
@given(wait=st.floats(0, 1000), at=st.floats(0, 1000), used=st.integers(0, 5))
def test_a_refusals_wait_is_obeyed_exactly(window_s: float, wait: float, at: float, used: int) -> None:
    """Nothing goes before the wait and its margin are over, and one call goes right then."""
    budget = Budget(key="k", per_s=0.5, burst=5.0, window_s=window_s)
    bucket = build_bucket(budget, 0.0)
    for _ in range(used):
        bucket.take(at)
    bucket.record_rate_limit(at, wait)
    opens_at = bucket.room_at(at)
    assert opens_at == pytest.approx(at + wait + RATE_LIMIT_MARGIN_S)
    assert bucket.room_at(opens_at) == pytest.approx(opens_at)


def test_a_refusal_lowers_the_rate_and_it_recovers_slowly() -> None:
    """One refusal takes 30 % of the rate; that is back after 0.3 of the time of recovery."""
    bucket = TokenBucket(Budget(key="k", per_s=1.0, burst=3.0), 0.0)
    bucket.record_rate_limit(0.0, 5.0)
    bucket.record_rate_limit(0.1, 5.0)  # another call of the same moment tells nothing new
    opened_at = bucket.closed_until
    assert bucket.rate == pytest.approx(0.7)
    bucket.take(opened_at + 60)
    assert bucket.rate == pytest.approx(0.7 + 60 / RATE_RECOVERY_S)
    bucket.take(opened_at + 0.4 * RATE_RECOVERY_S)
    assert bucket.rate == 1.0


def test_many_refusals_leave_a_least_rate() -> None:
    """The rate we believe in never falls below a fifth of the published one."""
    bucket = TokenBucket(Budget(key="k", per_s=1.0, burst=3.0), 0.0)
    for _ in range(20):
        bucket.record_rate_limit(bucket.closed_until, 1.0)
    assert bucket.rate == pytest.approx(0.2)


def test_a_call_that_hangs_holds_no_more_than_itself() -> None:
    """Without a reply a call stays set aside; the rest of the bucket refills."""
    bucket = TokenBucket(Budget(key="k", per_s=1.0, burst=3.0), 0.0)
    bucket.start("hanging", 0.0)
    bucket.take(0.0)
    bucket.take(0.0)
    assert bucket.level(0.0) == 0.0
    assert bucket.level(100.0) == 2.0
    bucket.complete("hanging", 100.0)
    assert bucket.level(100.0) == 2.0
    assert bucket.level(101.0) == 3.0


def test_a_bucket_is_forgotten_only_when_that_loses_nothing() -> None:
    """Used, closed or slowed buckets are kept."""
    bucket = TokenBucket(Budget(key="k", per_s=1.0, burst=3.0), 0.0)
    assert bucket.is_idle(0.0)
    bucket.take(0.0)
    assert not bucket.is_idle(0.5)
    assert bucket.is_idle(1.0)
    bucket.record_rate_limit(1.0, 1.0)
    assert not bucket.is_idle(60.0)
