"""One platform budget as a bucket of calls: pure, time comes in as a number of seconds.

Published limits are what a platform promises; what it grants differs by chat and time. A refusal
therefore closes the bucket for exactly the wait it names and lowers the rate we believe in, which
then recovers slowly.

The platform counts a call at some moment between our sending it and its reply. We set it aside when
it goes out and count it when its reply is there: the later a call counts, the less has refilled since.
So whatever the latency, the platform never sees more than it grants.
"""

from bisect import insort
from collections import deque
from collections.abc import Hashable, Iterable
from math import ceil, floor
from typing import Any

from core.ports.platform import Budget

RATE_LIMIT_MARGIN_S = 0.5  #: added to a platform's wait: asking a moment early lengthens the penalty
RATE_LIMITED_FACTOR = 0.7  #: what a refusal leaves of the assumed rate
MIN_RATE_FACTOR = 0.2  #: the assumed rate never falls below this part of the published one
RATE_RECOVERY_S = 600.0  #: seconds for the assumed rate to climb from nothing to the published one
RECHECK_S = 1.0  #: where only calls in flight leave no room, their replies tell more
EPSILON = 1e-9  #: calls; what floating point may lose
CALL_TIMEOUT_S = 5.0
"""In a shared budget a call without a reply counts as made after so long: whoever made it has died, and
the others must not wait for it. A live call that hangs longer may count once more than we think."""


class TokenBucket:
    """How many calls a budget has room for, and from when on."""

    def __init__(self, budget: Budget, now: float) -> None:
        self.budget = budget
        self.rate = budget.per_s  #: calls a second that we believe in now
        self.closed_until = 0.0  #: end of the platform's penalty
        self.next_preview_at = 0.0  #: set by the pace; finals and firsts do not look at it
        self.ref_count = 0  #: messages that may spend from this budget at all
        self.own_streams = 0  #: messages that grow by it now
        self.own_finals = 0  #: messages whose last frame will be paid from it
        self.remote_demand = (0, 0)  #: growers and finals of other replicas, where the budget is shared
        self._level = budget.burst
        self._updated_at = now
        self._in_flight: dict[Hashable, float] = {}  # calls that have no reply yet, and when they went out

    def level(self, now: float) -> float:
        """Return how many calls there is room for, fractions included."""
        return self._refilled_level(now) - len(self._in_flight)

    def room_at(self, now: float, calls: float = 1.0) -> float:
        """Return the moment from which ``calls`` calls have room; not before ``now``."""
        missing = calls - self.level(now)
        open_at = max(now, self.closed_until)
        return (
            open_at if missing <= EPSILON else max(open_at, max(now, self._updated_at) + missing / self.rate)
        )

    def take(self, now: float) -> None:
        """Spend one call that counts at this very moment."""
        self.start("now", now)
        self.complete("now", now)

    def start(self, call_id: Hashable, now: float) -> None:
        """Spend one call that goes out now, by a name for :meth:`land` that no other in flight has."""
        self._in_flight[call_id] = now

    def complete(self, call_id: Hashable, now: float) -> None:
        """Note that a call has its reply, good or bad."""
        self._refill(now)
        if self._in_flight.pop(call_id, None) is not None:
            self._level -= 1.0

    def abort(self, call_id: Hashable) -> None:
        """Note that a call was not made after all."""
        self._in_flight.pop(call_id, None)

    def complete_all(self, now: float) -> None:
        """Count every call in the air as made now: nobody is left to hear their replies."""
        for call in list(self._in_flight):
            self.complete(call, now)

    @property
    def active_streams(self) -> int:
        """How many messages grow by this budget, here and elsewhere."""
        return self.own_streams + self.remote_demand[0]

    @property
    def pending_finals(self) -> int:
        """How many messages will end by it, here and elsewhere."""
        return self.own_finals + self.remote_demand[1]

    @property
    def in_flight(self) -> Iterable[Hashable]:
        """The calls that have no reply yet."""
        return self._in_flight

    def sync_from_shared(self, stored: dict[str, Any], *, completed_calls: int, now: float) -> None:
        """Become what another bucket was when it was dumped, with our own calls in the air.

        ``counted`` calls of those that were in the air there count as made.
        """
        own = self._in_flight
        self.load(stored | {"flying": {}}, now)
        self._in_flight = own
        self._level -= completed_calls

    def dump(self) -> dict[str, Any]:
        """Return what :meth:`load` needs, as JSON values; times are as they came in."""
        flying = {str(call): at for call, at in self._in_flight.items()}
        return {
            "rate": self.rate,
            "level": self._level,
            "at": self._updated_at,
            "closed": self.closed_until,
            "flying": flying,
        }

    def load(self, stored: dict[str, Any], now: float) -> None:
        """Go on from what :meth:`dump` returned; calls lost for long count from now on."""
        self.rate = min(self.budget.per_s, float(stored["rate"]))
        self._level, self._updated_at = float(stored["level"]), min(now, float(stored["at"]))
        self.closed_until = float(stored["closed"])
        if self.closed_until > now:
            self._updated_at = self.closed_until  # nothing refills during a penalty
        self._in_flight = dict(stored["flying"])
        for call in [call for call, at in self._in_flight.items() if at <= now - CALL_TIMEOUT_S]:
            self.complete(call, now)

    def record_rate_limit(self, now: float, retry_after_s: float) -> None:
        """Note that the platform refused a call and named a wait in seconds."""
        if now >= self.closed_until:  # several calls refused at once are one refusal
            self.rate = max(self.rate * RATE_LIMITED_FACTOR, self.budget.per_s * MIN_RATE_FACTOR)
        self.closed_until = max(self.closed_until, now + retry_after_s + RATE_LIMIT_MARGIN_S)
        # Nothing refills during a penalty; one call is granted when it ends.
        self._level = min(1.0, self.budget.burst)
        self._updated_at = self.closed_until

    def is_idle(self, now: float) -> bool:
        """Return whether forgetting the bucket loses nothing."""
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
    """A budget that is all there at once, and counts every call for ``budget.window_s`` seconds."""

    def __init__(self, budget: Budget, now: float) -> None:
        super().__init__(budget, now)
        self._completed: deque[float] = deque()

    def level(self, now: float) -> float:
        """Return how many calls there is room for."""
        while self._completed and self._completed[0] <= now - self.budget.window_s:
            self._completed.popleft()
        return float(self._limit() - len(self._completed) - len(self._in_flight))

    def room_at(self, now: float, calls: float = 1.0) -> float:
        """Return the moment from which ``calls`` calls have room; not before ``now``."""
        missing = ceil(calls - self.level(now) - EPSILON)
        open_at = max(now, self.closed_until)
        if missing <= 0:
            return open_at
        if missing > len(self._completed):  # calls in flight: their landing tells more
            return open_at + RECHECK_S
        return max(open_at, self._completed[missing - 1] + self.budget.window_s)

    def complete(self, call_id: Hashable, now: float) -> None:
        """Note that a call has its reply, good or bad."""
        self._refill(now)
        if self._in_flight.pop(call_id, None) is not None:
            insort(self._completed, now)

    def dump(self) -> dict[str, Any]:
        """Return what :meth:`load` needs, as JSON values."""
        return super().dump() | {"landed": list(self._completed)}

    def sync_from_shared(self, stored: dict[str, Any], *, completed_calls: int, now: float) -> None:
        """Become what another window was when it was dumped, with our own calls in the air."""
        super().sync_from_shared(stored, completed_calls=0, now=now)
        self._completed.extend([now] * completed_calls)

    def load(self, stored: dict[str, Any], now: float) -> None:
        """Go on from what :meth:`dump` returned."""
        self._completed = deque(stored["landed"])
        super().load(stored, now)

    def record_rate_limit(self, now: float, retry_after_s: float) -> None:
        """Note that the platform refused a call and named a wait in seconds."""
        super().record_rate_limit(now, retry_after_s)
        while len(self._completed) >= self._limit():  # as above: one call is granted then
            self._completed.popleft()

    def _limit(self) -> int:
        return max(1, floor(self.budget.burst * self.rate / self.budget.per_s + EPSILON))


def build_bucket(budget: Budget, now: float) -> TokenBucket:
    """Return a full bucket of the kind that ``budget`` asks for."""
    return SlidingWindowBucket(budget, now) if budget.window_s else TokenBucket(budget, now)
