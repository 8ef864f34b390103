"""When the next preview of a growing message is due: pure numbers, no clock, no I/O.

A bucket that refills ``r`` calls a second and holds ``x`` spare ones is spent at the rate
``r + spend * x / (horizon - age)``: the burst goes out in growing intervals while the answer is
young, where every person is looking, and is gone about when most answers are; after that the
message follows the refill. Enough is held back that a final frame never waits for previews.
"""

from dataclasses import dataclass

from core.delivery.bucket import Bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The numbers of the policy; the defaults come from ``tests/bench``."""

    spend: float = 1.5  #: how steeply the burst is spent; 1 spreads it evenly over the horizon
    horizon_s: float = 6.0  #: age of an answer at which the burst should be spent
    least_horizon_s: float = 1.0  #: spare calls of an older answer are spent over this time
    held_back: float = 1.0  #: calls kept for a single final frame
    held_back_share: float = 1 / 3  #: most of a burst that is kept for many final frames
    min_gap_s: float = 0.1  #: least time between two frames of one message
    thin_gap_s: float = 12.0  #: expected seconds between frames above which there are no previews

    def reserve(self, bucket: Bucket) -> float:
        """Return how many calls of a bucket previews must leave."""
        many = max(self.held_back, bucket.budget.burst * self.held_back_share)
        return min(max(bucket.lanes, 1) * self.held_back, many)

    def gap_s(self, bucket: Bucket, *, age_s: float, now: float) -> float:
        """Return the seconds from a preview that goes out now to the bucket's next one."""
        spare = max(0.0, bucket.level(now) - self.reserve(bucket))
        left_s = max(self.least_horizon_s, self.horizon_s - age_s)
        return 1.0 / (bucket.rate + self.spend * spare / left_s)

    def preview_at(self, bucket: Bucket, now: float) -> float:
        """Return the moment from which a bucket allows a preview."""
        return max(bucket.next_preview_at, bucket.room_at(now, 1.0 + self.reserve(bucket)))

    def too_thin(self, bucket: Bucket) -> bool:
        """Return whether a budget is shared by so many messages that previews help nobody."""
        return bucket.lanes > 1 and bucket.lanes / bucket.rate > self.thin_gap_s


def reads_like_something(text: str) -> bool:
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
