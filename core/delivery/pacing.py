"""When a growing message may show its next preview. Pure numbers: no clock, no I/O.

A bucket refills by ``r`` calls a second and has ``x`` calls to spare beyond those reserved for final
updates. For a message of the age ``a`` (seconds since its first update) it is spent at

    r + burst_steepness * x / max(min_horizon, horizon - a)    calls a second.

The burst is thus spent in growing intervals while the answer is young and read most closely, and is
used up about when a short answer ends; from then on updates follow the refill.

The length of an answer is not known in advance, so no rule is best for all lengths. Spending the burst
evenly over ``horizon`` is near the optimum for answers of that length and for answers so long that a
burst hardly counts, and loses most in between: a burst that is worth ``b / r`` seconds of refill is used
up too early for an answer of twice the horizon. So the horizon is a little less than what the last answers
in the chat took, if there were any. ``python -m tests.bench policy`` prints the ratio to the optimum for
every length from 2 to 120 s.

If ``n`` messages share the bucket, the horizon is at least ``shared_horizon_intervals * (n - 1) / r``: a
few of the intervals that each of them has in the long run. Spent in five seconds, the burst would give
each message an update or two that show little more than the first.

If the bucket of the previews pays the first update too, that waits for ``first_wait_share`` of such an
interval, at most ``max_first_wait_s``: sent with the first four words it shows little, and its call is missed
later, all the more if the bucket is not full because another answer was shown just before.

For each message that ends in a bucket, the part of a call that does not refill within ``max_final_wait``
is reserved, so that a single final update never waits longer than that. For many messages together no
more than a share of the burst is reserved.
"""

from dataclasses import dataclass

from core.delivery.token_bucket import TokenBucket


@dataclass(frozen=True, slots=True, kw_only=True)
class PacingPolicy:
    """Parameters of the pacing; ``tests/bench`` justifies the defaults."""

    burst_steepness: float = 1.15  #: how steeply the burst is spent; 1 spreads it evenly over the horizon
    horizon_s: float = 4.75  #: age of an answer at which the burst should be used up, if no length is known
    horizon_share: float = 0.95  #: the same, as a part of the expected length
    shared_horizon_intervals: float = 4.0  #: steady intervals in the horizon of messages that share a bucket
    min_horizon_s: float = 0.5  #: spare calls of an older answer are spent over this time
    first_wait_share: float = 0.55  #: part of an interval that a first update waits for more words
    max_first_wait_s: float = 0.4  #: longest such wait
    max_final_wait_s: float = 0.25  #: longest wait of a single final update for its call
    max_reserved_share: float = 1 / 3  #: largest share of a burst that is reserved for final updates
    min_interval_s: float = 0.1  #: shortest time between two updates of one message
    debounce_s: float = 0.04  #: an update waits this long for text that arrives together with the first
    oversubscribed_interval_s: float = 45.0  #: longest expected interval at which previews make sense

    def reserved_for_finals(self, bucket: TokenBucket) -> float:
        """Return the number of calls that a preview must leave in a bucket."""
        each = max(0.0, 1.0 - self.max_final_wait_s * bucket.rate)
        many = max(each, bucket.budget.burst * self.max_reserved_share)
        return min(bucket.load.finals * each, many)

    def preview_interval_s(
        self, bucket: TokenBucket, *, age_s: float, now: float, expected_s: float | None = None
    ) -> float:
        """Return the seconds from an update sent now to the next preview paid by its bucket.

        Args:
            bucket: the one that pays.
            age_s: time since the message's first update.
            now: the present.
            expected_s: how long the answer will take, if that can be guessed.
        """
        horizon_s = self.horizon_s if expected_s is None else self.horizon_share * expected_s
        spare = max(0.0, bucket.level(now) - self.reserved_for_finals(bucket))
        shared_horizon_s = self.shared_horizon_intervals * (bucket.load.streams - 1) / bucket.rate
        left_s = max(self.min_horizon_s, max(horizon_s, shared_horizon_s) - age_s)
        return 1.0 / (bucket.rate + self.burst_steepness * spare / left_s)

    def first_wait_s(self, bucket: TokenBucket, *, now: float, expected_s: float | None = None) -> float:
        """Return the seconds that a first update, paid by this bucket, waits from its first text on."""
        interval_s = self.preview_interval_s(bucket, age_s=0.0, now=now, expected_s=expected_s)
        return min(self.max_first_wait_s, self.first_wait_share * interval_s)

    def oversubscribed(self, bucket: TokenBucket) -> bool:
        """Return whether so many messages share a bucket that previews would come too rarely to help."""
        streams = bucket.load.streams
        return streams > 1 and streams / bucket.rate > self.oversubscribed_interval_s


def is_worth_showing(text: str) -> bool:
    """Return whether the beginning of an answer is worth a first update.

    A few words, a short sentence or a finished line: enough to read, and enough for the notification,
    which platforms send for the first update only.
    """
    stripped = text.strip()
    if len(stripped) >= 24 or "\n" in stripped:
        return True
    if stripped[-1:] in set(".!?。！？：:"):
        return len(stripped) >= 2
    wide = sum(1 for char in stripped if ord(char) >= 0x2E80)
    return wide >= 6 or len(stripped.split()) >= 4
