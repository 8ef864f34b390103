"""One platform budget as a bucket of calls: pure, time comes in as a number of seconds.

Published limits are what a platform promises; what it grants differs by chat and time. A refusal
therefore closes the bucket for exactly the wait it names and lowers the rate we believe in, which
then recovers slowly.
"""

from core.ports import Budget

REFUSAL_MARGIN_S = 0.5  #: added to a platform's wait: asking a moment early lengthens the penalty
REFUSED_RATE_FACTOR = 0.7  #: what a refusal leaves of the assumed rate
LEAST_RATE_FACTOR = 0.2  #: the assumed rate never falls below this part of the published one
JITTER_S = 0.25  #: calls arrive this much closer together, at worst, than they were sent
RECOVERY_S = 600.0  #: seconds for the assumed rate to climb from nothing to the published one


class Bucket:
    """How many calls a budget has room for, and from when on."""

    def __init__(self, budget: Budget, now: float) -> None:
        self.budget = budget
        self.rate = budget.per_s  #: calls a second that we believe in now
        self.closed_until = 0.0  #: end of the platform's penalty
        self.next_preview_at = 0.0  #: set by the pace; finals and firsts do not look at it
        self.lanes = 0  #: growing messages that share this budget
        self._level = budget.burst
        self._at = now

    def level(self, now: float) -> float:
        """Return how many calls there is room for, fractions included."""
        return min(self.budget.burst, self._level + max(0.0, now - self._at) * self.rate)

    def room_at(self, now: float, calls: float = 1.0) -> float:
        """Return the moment from which ``calls`` calls have room; not before ``now``.

        The platform counts when a call arrives: one that took long and one that is quick after it
        stand closer together there than here. What refills in that time is not relied on.
        """
        needed = max(calls, min(calls + self.rate * JITTER_S, self.budget.burst))
        missing = needed - self.level(now)
        open_at = max(now, self.closed_until)
        return open_at if missing <= 1e-9 else max(open_at, max(now, self._at) + missing / self.rate)

    def take(self, now: float) -> None:
        """Spend one call."""
        self._settle(now)
        self._level -= 1.0

    def give_back(self, now: float) -> None:
        """Return a call that was taken and not made."""
        self._settle(now)
        self._level = min(self.budget.burst, self._level + 1.0)

    def refuse(self, now: float, retry_after_s: float) -> None:
        """Note that the platform refused a call and named a wait in seconds."""
        self.closed_until = max(self.closed_until, now + retry_after_s + REFUSAL_MARGIN_S)
        self.rate = max(self.rate * REFUSED_RATE_FACTOR, self.budget.per_s * LEAST_RATE_FACTOR)
        # Nothing refills during a penalty; one call is granted when it ends.
        self._level = 1.0
        self._at = self.closed_until

    def _settle(self, now: float) -> None:
        self._level = self.level(now)
        if now > self._at:
            self.rate = min(self.budget.per_s, self.rate + (now - self._at) * self.budget.per_s / RECOVERY_S)
            self._at = now
