"""When the next preview of a growing message is due: pure numbers, no clock, no I/O.

A bucket refills ``r`` calls a second and has ``x`` calls to spare, those held back for final
frames not counted. For a message of the age ``a`` (seconds since its first frame) it is spent at

    r + spend * x / max(least_horizon, horizon - a)    calls a second,

so the burst goes out in growing intervals while the answer is young, where every person is
looking, and is gone about when a short answer ends; from then on frames follow the refill.

Nobody knows how long an answer will be, so no spending is best for all: whoever spends the burst
evenly over ``horizon`` is near the optimum for answers of that length and for those that are so
long that a burst does not count, and loses most between (a burst that is worth ``b / r`` seconds
of refill is gone too early for an answer of twice the horizon). ``tests/bench`` measures it; its
``policy`` part prints the ratio to the optimum for every length from 2 to 120 s.

Where ``n`` messages share the bucket, the horizon is at least ``shared_gaps * (n - 1) / r``: a few
of the gaps that each of them has in the long run. Spent in five seconds, the burst would give each
a frame or two that show little more than the first.

Held back is, for each message that ends in this bucket, the part of a call that does not refill
within ``final_wait``: one final frame never waits longer than that. Many messages hold back
together no more than a share of the burst.
"""

from dataclasses import dataclass

from core.delivery.token_bucket import TokenBucket


@dataclass(frozen=True, slots=True, kw_only=True)
class PacingPolicy:
    """The numbers of the policy; the defaults come from ``tests/bench``."""

    burst_steepness: float = 1.15  #: how steeply the burst is spent; 1 spreads it evenly over the horizon
    horizon_s: float = 4.75  #: age of an answer at which the burst should be spent
    shared_horizon_intervals: float = 4.0  #: of many messages the horizon is so many of their steady gaps
    min_horizon_s: float = 0.5  #: spare calls of an older answer are spent over this time
    max_final_wait_s: float = 0.25  #: what a single final frame may wait for its call
    max_reserved_share: float = 1 / 3  #: most of a burst that is kept for many final frames
    min_interval_s: float = 0.1  #: least time between two frames of one message
    debounce_s: float = 0.04  #: a frame waits so long for the words that come together with the first
    oversubscribed_interval_s: float = (
        45.0  #: expected seconds between frames above which there are no previews
    )

    def reserved_for_finals(self, bucket: TokenBucket) -> float:
        """Return how many calls of a bucket previews must leave."""
        each = max(0.0, 1.0 - self.max_final_wait_s * bucket.rate)
        many = max(each, bucket.budget.burst * self.max_reserved_share)
        return min(bucket.pending_finals * each, many)

    def preview_interval_s(self, bucket: TokenBucket, *, age_s: float, now: float) -> float:
        """Return the seconds from a frame that goes out now to the next preview of its bucket."""
        spare = max(0.0, bucket.level(now) - self.reserved_for_finals(bucket))
        horizon_s = max(
            self.horizon_s, self.shared_horizon_intervals * (bucket.active_streams - 1) / bucket.rate
        )
        left_s = max(self.min_horizon_s, horizon_s - age_s)
        return 1.0 / (bucket.rate + self.burst_steepness * spare / left_s)

    def preview_at(self, bucket: TokenBucket, now: float) -> float:
        """Return the moment from which a bucket allows a preview."""
        return max(bucket.next_preview_at, bucket.room_at(now, 1.0 + self.reserved_for_finals(bucket)))

    def oversubscribed(self, bucket: TokenBucket) -> bool:
        """Return whether a budget is shared by so many messages that previews help nobody."""
        return (
            bucket.active_streams > 1 and bucket.active_streams / bucket.rate > self.oversubscribed_interval_s
        )


def is_worth_showing(text: str) -> bool:
    """Return whether the beginning of an answer is worth a first frame.

    A few words, a sentence's start or a finished line: enough to read, and enough for the
    notification that only the first frame sends.
    """
    stripped = text.strip()
    if len(stripped) >= 24 or "\n" in stripped:
        return True
    if stripped[-1:] in set(".!?。！？：:"):
        return len(stripped) >= 2
    wide = sum(1 for char in stripped if ord(char) >= 0x2E80)
    return wide >= 6 or len(stripped.split()) >= 4
