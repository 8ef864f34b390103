"""Unit tests of the pacing: how a budget is spent over the life of an answer."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.delivery.pacing import PacingPolicy, is_worth_showing
from core.delivery.token_bucket import BucketLoad, TokenBucket
from core.ports.platform import Budget

PACE = PacingPolicy()


def a_bucket(per_s: float, burst: float, *, streams: int = 1, finals: int = 1) -> TokenBucket:
    """Return a full bucket that so many messages share."""
    bucket = TokenBucket(Budget(key="k", per_s=per_s, burst=burst), 0.0)
    bucket.own_load = BucketLoad(streams, finals)
    return bucket


def preview_at(bucket: TokenBucket, now: float) -> float:
    """Return when a bucket may pay a preview."""
    return max(bucket.next_preview_at, bucket.room_at(now, 1.0 + PACE.reserved_for_finals(bucket)))


def previews(bucket: TokenBucket, until_s: float) -> list[float]:
    """Let one message take every preview that is due; return when."""
    now, times = 0.0, []
    bucket.take(now)
    while now < until_s:
        bucket.next_preview_at = now + PACE.preview_interval_s(bucket, age_s=now, now=now)
        now = preview_at(bucket, now)
        bucket.take(now)
        times.append(now)
    return times


@given(st.floats(0.1, 2), st.floats(3, 30))
def test_a_final_frame_finds_room_within_its_wait(per_s: float, burst: float) -> None:
    """At any moment between two previews, one more call has room within the promised wait."""
    bucket = a_bucket(per_s, burst)
    now = 0.0
    bucket.take(now)
    for _ in range(60):
        bucket.next_preview_at = now + PACE.preview_interval_s(bucket, age_s=now, now=now)
        now = preview_at(bucket, now)
        bucket.take(now)
        assert bucket.room_at(now) - now <= PACE.max_final_wait_s + 1e-6


@pytest.mark.parametrize(("per_s", "burst"), [(1.0, 3.0), (1 / 3, 5.0), (0.7, 8.0), (1.4, 16.0)])
def test_intervals_grow_while_the_burst_is_spent(per_s: float, burst: float) -> None:
    """The burst goes out first and densely; after the horizon frames follow the refill."""
    times = previews(a_bucket(per_s, burst), 40.0)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    young = [gap for gap, at in zip(gaps, times, strict=False) if at < PACE.horizon_s - 1]
    old = [gap for gap, at in zip(gaps, times, strict=False) if at > PACE.horizon_s + 5 / per_s]
    assert max(young) < min(old)
    assert min(old) == pytest.approx(1 / per_s, rel=0.15)


def test_many_messages_spend_a_shared_burst_more_slowly() -> None:
    """Sixteen messages do not burn in five seconds what all of them need for a minute."""
    alone = a_bucket(0.7, 8.0)
    shared = a_bucket(0.7, 8.0, streams=16, finals=16)
    shared_gap_s = PACE.preview_interval_s(shared, age_s=0, now=0)
    assert shared_gap_s > 2 * PACE.preview_interval_s(alone, age_s=0, now=0)
    assert shared_gap_s <= 1 / shared.rate


@given(st.floats(0.1, 2), st.floats(3, 30), st.floats(0, 3))
def test_a_first_frame_waits_the_longer_the_emptier_its_bucket_is(
    per_s: float, burst: float, level: float
) -> None:
    """Another answer was just shown: the call is worth more than four words; but nobody waits for long."""
    full, used = a_bucket(per_s, burst), a_bucket(per_s, burst)
    while used.level(0.0) > level:
        used.take(0.0)
    waits = PACE.first_wait_s(full, now=0.0), PACE.first_wait_s(used, now=0.0)
    assert waits[0] <= waits[1] <= PACE.max_first_wait_s


@given(st.integers(1, 100), st.floats(0.1, 30), st.floats(1, 30))
def test_what_is_held_back_is_bounded(lanes: int, per_s: float, burst: float) -> None:
    """Enough for one final, never more than that or a third of the burst for many."""
    bucket = a_bucket(per_s, burst, streams=lanes, finals=lanes)
    held = PACE.reserved_for_finals(bucket)
    one = max(0.0, 1 - PACE.max_final_wait_s * per_s)
    assert min(one, burst / 3) - 1e-9 <= held <= max(one, burst / 3) + 1e-9


def test_nothing_is_held_back_where_no_message_ends() -> None:
    """A budget that pays no final frame (Slack's appends) is spent to the last call."""
    assert PACE.reserved_for_finals(a_bucket(1.4, 16.0, finals=0)) == 0.0


def test_a_budget_for_too_many_is_too_thin() -> None:
    """A frame a minute helps nobody; a lone message is never given up."""
    assert PACE.oversubscribed(a_bucket(1 / 3, 5.0, streams=20))
    assert not PACE.oversubscribed(a_bucket(1 / 3, 5.0, streams=10))
    assert not PACE.oversubscribed(a_bucket(0.01, 1.0, streams=1))


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("", False),
        ("The", False),
        ("The answer is", False),
        ("The answer is this", True),
        ("Yes.", True),
        ("# Title\n", False),
        ("# Title\nThen", True),
        ("答案是", False),
        ("答案其实很简", True),
        ("supercalifragilisticexpialidocious", True),
    ],
)
def test_a_first_frame_reads_like_something(text: str, reads: bool) -> None:
    """A few words, a finished sentence or a second line are worth the first frame."""
    assert is_worth_showing(text) is reads
