"""One platform budget as a bucket of calls. Pure: time is passed in as seconds.

Published limits are what a platform promises; what it grants differs by chat and time. A rate-limit
error therefore closes the bucket for exactly the wait that it names and lowers the assumed rate, which
then recovers slowly.

A platform counts a call at some moment between our sending it and its reply. A call is reserved when it
is sent and counted when its reply arrives: the later it is counted, the less has refilled since. So the
platform never sees more calls than it grants, whatever the latency.
"""

from bisect import insort
from collections import Counter, deque
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import ceil, floor
from typing import Final

from core.ports.platform import Budget

RATE_LIMIT_MARGIN_S = 0.5  #: added to a platform's wait: a call that comes too early lengthens the penalty
RATE_LIMITED_FACTOR = 0.7  #: share of the assumed rate that remains after a rate-limit error
MIN_RATE_FACTOR = 0.2  #: the assumed rate never falls below this share of the published one
RATE_RECOVERY_S = 600.0  #: seconds in which the assumed rate recovers from nothing to the published one
RECHECK_S = 1.0  #: when to look again if only calls in flight take the room
EPSILON = 1e-9  #: calls; tolerance for rounding errors
CALL_TIMEOUT_S = 5.0
"""In a shared budget a call without a reply counts as made after this time: its replica is taken for dead,
and the others must not wait for it. A live call that takes longer may be counted too early."""


@dataclass(frozen=True, slots=True)
class BucketLoad:
    """Number of unfinished messages that spend from a bucket."""

    streams: int = 0  #: messages whose updates it pays
    finals: int = 0  #: messages whose last update it pays

    def __add__(self, other: "BucketLoad") -> "BucketLoad":
        """Return the sum of both."""
        return BucketLoad(self.streams + other.streams, self.finals + other.finals)


NO_LOAD: Final = BucketLoad()


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketState:
    """Stored state of a bucket. All times are seconds of one clock."""

    rate: float
    level: float
    updated_at: float
    closed_until: float
    in_flight: Mapping[Hashable, float] = field(default_factory=dict)  #: calls without a reply, by id
    completed: tuple[float, ...] = ()  #: when calls were counted; of sliding windows only

    def shifted(self, offset_s: float) -> "BucketState":
        """Return the state with its times given by another clock, which is ahead by ``offset_s``."""
        return BucketState(
            rate=self.rate,
            level=self.level,
            updated_at=self.updated_at + offset_s,
            closed_until=self.closed_until + offset_s,
            in_flight={call: at + offset_s for call, at in self.in_flight.items()},
            completed=tuple(at + offset_s for at in self.completed),
        )


class TokenBucket:
    """A budget of ``burst`` calls that refills by ``per_s`` calls a second."""

    def __init__(self, budget: Budget, now: float) -> None:
        self.budget = budget
        self.rate = budget.per_s  #: assumed calls a second
        self.closed_until = 0.0  #: end of the platform's penalty
        self.next_preview_at = 0.0  #: set by the pacing; first and final updates ignore it
        self.ref_count = 0  #: sources that may spend from this bucket
        self.own_load = NO_LOAD
        self.remote_load = NO_LOAD  #: of other replicas, if the budget is shared
        self._level = budget.burst
        self._updated_at = now
        self._in_flight: dict[Hashable, float] = {}  # calls without a reply, with the time they were sent

    def level(self, now: float) -> float:
        """Return the number of calls that have room, fractions included."""
        return self._refilled_level(now) - len(self._in_flight)

    def room_at(self, now: float, calls: float = 1.0) -> float:
        """Return the earliest time, not before ``now``, at which ``calls`` calls have room."""
        missing = calls - self.level(now)
        open_at = max(now, self.closed_until)
        return (
            open_at if missing <= EPSILON else max(open_at, max(now, self._updated_at) + missing / self.rate)
        )

    def take(self, now: float) -> None:
        """Spend one call that is sent and counted at once."""
        self.start("now", now)
        self.complete("now", now)

    def start(self, call_id: Hashable, now: float) -> None:
        """Reserve one call that is sent now; ``call_id`` is unique among those in flight."""
        self._in_flight[call_id] = now

    def complete(self, call_id: Hashable, now: float) -> None:
        """Count an answered call, successful or not."""
        self._refill(now)
        if self._in_flight.pop(call_id, None) is not None:
            self._level -= 1.0

    def abort(self, call_id: Hashable) -> None:
        """Return the reservation of a call that was not sent."""
        self._in_flight.pop(call_id, None)

    def complete_all(self, now: float) -> None:
        """Count every call in flight as made now, after a restart: their replies never arrive."""
        for call in list(self._in_flight):
            self.complete(call, now)

    @property
    def load(self) -> BucketLoad:
        """The unfinished messages of all replicas."""
        return self.own_load + self.remote_load

    @property
    def in_flight(self) -> Iterable[Hashable]:
        """Ids of the calls without a reply."""
        return self._in_flight

    def sync_from_shared(self, stored: BucketState, *, completed_calls: int, now: float) -> None:
        """Take over the state of a shared bucket and keep our own calls in flight.

        Args:
            stored: its state, with times of our clock.
            completed_calls: calls in flight there that count as made here.
            now: the present by our clock.
        """
        own = self._in_flight
        self.restore(replace(stored, in_flight={}), now)
        self._in_flight = own
        self._level -= completed_calls

    def state(self) -> BucketState:
        """Return the state for :meth:`restore`; its times are those that were passed in."""
        return BucketState(
            rate=self.rate,
            level=self._level,
            updated_at=self._updated_at,
            closed_until=self.closed_until,
            in_flight=dict(self._in_flight),
        )

    def restore(self, stored: BucketState, now: float) -> None:
        """Continue from a stored state; calls in flight that have timed out count from now on."""
        self.rate = min(self.budget.per_s, stored.rate)
        self._level, self._updated_at = stored.level, min(now, stored.updated_at)
        self.closed_until = stored.closed_until
        if self.closed_until > now:
            self._updated_at = self.closed_until  # nothing refills during a penalty
        self._in_flight = dict(stored.in_flight)
        for call in [call for call, at in self._in_flight.items() if at <= now - CALL_TIMEOUT_S]:
            self.complete(call, now)

    def record_rate_limit(self, now: float, retry_after_s: float) -> None:
        """Close the bucket after a rate-limit error that named a wait in seconds."""
        if now >= self.closed_until:  # several calls refused at once are one refusal
            self.rate = max(self.rate * RATE_LIMITED_FACTOR, self.budget.per_s * MIN_RATE_FACTOR)
        self.closed_until = max(self.closed_until, now + retry_after_s + RATE_LIMIT_MARGIN_S)
        # Nothing refills during a penalty; one call is granted when it ends.
        self._level = min(1.0, self.budget.burst)
        self._updated_at = self.closed_until

    def is_idle(self, now: float) -> bool:
        """Return whether the bucket is unused and full, so that dropping it loses nothing."""
        fresh = self.closed_until <= now and self.rate >= self.budget.per_s and not self._in_flight
        return self.ref_count == 0 and fresh and self.level(now) >= self.budget.burst - EPSILON

    def _refilled_level(self, now: float) -> float:
        return min(self.budget.burst, self._level + max(0.0, now - self._updated_at) * self.rate)

    def _refill(self, now: float) -> None:
        self._level = self._refilled_level(now)
        if now > self._updated_at:
            self.rate = min(
                self.budget.per_s, self.rate + (now - self._updated_at) * self.budget.per_s / RATE_RECOVERY_S
            )
            self._updated_at = now


class SlidingWindowBucket(TokenBucket):
    """A budget of ``burst`` calls at once, of which each counts for ``budget.window_s`` seconds."""

    def __init__(self, budget: Budget, now: float) -> None:
        super().__init__(budget, now)
        self._completed: deque[float] = deque()

    def level(self, now: float) -> float:
        """Return the number of calls that have room."""
        while self._completed and self._completed[0] <= now - self.budget.window_s:
            self._completed.popleft()
        return float(self._limit() - len(self._completed) - len(self._in_flight))

    def room_at(self, now: float, calls: float = 1.0) -> float:
        """Return the earliest time, not before ``now``, at which ``calls`` calls have room."""
        missing = ceil(calls - self.level(now) - EPSILON)
        open_at = max(now, self.closed_until)
        if missing <= 0:
            return open_at
        if missing > len(self._completed):  # calls in flight take the room until their replies arrive
            return open_at + RECHECK_S
        return max(open_at, self._completed[missing - 1] + self.budget.window_s)

    def complete(self, call_id: Hashable, now: float) -> None:
        """Count an answered call, successful or not."""
        self._refill(now)
        if self._in_flight.pop(call_id, None) is not None:
            insort(self._completed, now)

    def state(self) -> BucketState:
        """Return the state for :meth:`restore`."""
        return replace(super().state(), completed=tuple(self._completed))

    def sync_from_shared(self, stored: BucketState, *, completed_calls: int, now: float) -> None:
        """Take over the state of a shared window and keep our own calls in flight."""
        super().sync_from_shared(stored, completed_calls=0, now=now)
        self._completed.extend([now] * completed_calls)

    def restore(self, stored: BucketState, now: float) -> None:
        """Continue from a stored state."""
        self._completed = deque(stored.completed)
        super().restore(stored, now)

    def record_rate_limit(self, now: float, retry_after_s: float) -> None:
        """Close the window after a rate-limit error that named a wait in seconds."""
        super().record_rate_limit(now, retry_after_s)
        while len(self._completed) >= self._limit():  # as in a bucket, one call is granted then
            self._completed.popleft()

    def _limit(self) -> int:
        return max(1, floor(self.budget.burst * self.rate / self.budget.per_s + EPSILON))


def count_call(cost: Iterable[Budget], call_id: int) -> list[tuple[Budget, Hashable]]:
    """Return each budget of a call with an id for it: one that is named again counts another call."""
    times = Counter[str]()
    counted: list[tuple[Budget, Hashable]] = []
    for budget in cost:
        again = times[budget.key]
        counted.append((budget, f"{call_id}.{again}" if again else call_id))
        times[budget.key] += 1
    return counted


def build_bucket(budget: Budget, now: float) -> TokenBucket:
    """Return a full bucket of the kind that ``budget`` describes."""
    return SlidingWindowBucket(budget, now) if budget.window_s else TokenBucket(budget, now)
