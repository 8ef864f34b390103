"""The buckets of one process, and the one rule for whether a call may be sent now."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count

from core.delivery.pacing import PacingPolicy
from core.delivery.platform_call import PlannedCall, Priority
from core.delivery.shared_budget import BudgetRequest, Reservation, sync_from_shared
from core.delivery.token_bucket import (
    EPSILON,
    NO_LOAD,
    BucketLoad,
    BucketState,
    TokenBucket,
    build_bucket,
    count_call,
)
from core.ports.platform import Budget

STATUS_MARGIN = 1.05  #: calls; a status may be sent if a bucket that text shares is full but for this


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Budgets that a source will spend from until it ends."""

    previews: tuple[Budget, ...] = ()
    final: tuple[Budget, ...] = ()


NO_DEMAND = Demand()


@dataclass(frozen=True, slots=True)
class PendingCall:
    """A call that was sent, with the buckets that reserve it until its reply arrives.

    A bucket is in it as often as the call counts for it, each time with another id.
    """

    id: int
    reserved: tuple[tuple[TokenBucket, Hashable], ...]


class BudgetPool:
    """All buckets of one process."""

    def __init__(self, pacing: PacingPolicy | None = None) -> None:
        self.pacing = pacing or PacingPolicy()
        self.calls_started = 0
        self._buckets: dict[str, TokenBucket] = {}
        self._restored: dict[str, BucketState] = {}  # of an earlier process, until the bucket is used
        self._ids = count()

    def bucket(self, budget: Budget, now: float) -> TokenBucket:
        """Return the bucket of a budget; a new one is full."""
        found = self._buckets.get(budget.key)
        if found is None:
            found = self._buckets[budget.key] = build_bucket(budget, now)
            if (stored := self._restored.pop(budget.key, None)) is not None:
                found.restore(stored, now)
                found.complete_all(now)
        return found

    def acquire(self, budgets: Iterable[Budget], now: float) -> None:
        """Keep buckets for one more source."""
        for budget in budgets:
            self.bucket(budget, now).ref_count += 1

    def release(self, budgets: Iterable[Budget], now: float) -> None:
        """Drop buckets that no source uses and that are full."""
        for budget in budgets:
            bucket = self.bucket(budget, now)
            bucket.ref_count -= 1
            if bucket.is_idle(now):
                del self._buckets[budget.key]

    def add_demand(self, demand: Demand, sources: int) -> None:
        """Count ``sources`` more (or fewer, if negative) sources with this demand."""
        for budget in demand.previews:
            self._buckets[budget.key].own_load += BucketLoad(streams=sources)
        for budget in demand.final:
            self._buckets[budget.key].own_load += BucketLoad(finals=sources)

    def ready_at(self, cost: Iterable[Budget], priority: Priority, now: float) -> float:
        """Return the earliest time, not before ``now``, at which every budget permits such a call."""
        latest = now
        for budget in cost:
            bucket = self.bucket(budget, now)
            at = bucket.room_at(now, 1.0 + self.min_remaining(bucket, priority))
            if priority is Priority.PREVIEW:
                at = max(at, bucket.next_preview_at)
            latest = max(latest, at)
        return latest

    def is_ready(self, cost: Iterable[Budget], priority: Priority, now: float) -> bool:
        """Return whether every budget permits such a call now."""
        return self.ready_at(cost, priority, now) <= now + EPSILON

    def min_remaining(self, bucket: TokenBucket, priority: Priority) -> float:
        """Return the number of calls that a call of this priority must leave for more urgent ones."""
        if priority is Priority.PREVIEW:
            return self.pacing.reserved_for_finals(bucket)
        if priority is Priority.NOTICE:
            return min(self.pacing.reserved_for_finals(bucket), bucket.budget.burst - 1.0)
        if priority is Priority.STATUS and bucket.load != NO_LOAD:
            return max(0.0, bucket.budget.burst - STATUS_MARGIN)
        return 0.0

    def oversubscribed(self, budgets: Iterable[Budget]) -> bool:
        """Return whether one of the budgets is shared by too many messages for previews."""
        return any(self.pacing.oversubscribed(self._buckets[budget.key]) for budget in budgets)

    def start(self, cost: tuple[Budget, ...], now: float) -> PendingCall:
        """Reserve a call that is sent now in every budget."""
        call_id = next(self._ids)
        counted = [(self.bucket(budget, now), part) for budget, part in count_call(cost, call_id)]
        self.calls_started += 1
        for bucket, part in counted:
            bucket.start(part, now)
        return PendingCall(call_id, tuple(counted))

    def complete(self, call: PendingCall, now: float) -> None:
        """Count an answered call once; repeated reports of the same call change nothing."""
        for bucket, part in call.reserved:
            bucket.complete(part, now)

    def abort(self, call: PendingCall) -> None:
        """Return the reservation of a call that was not sent, because others had spent its budget."""
        for bucket, part in call.reserved:
            bucket.abort(part)
            bucket.next_preview_at = 0.0

    def record_rate_limit(
        self, budgets: Iterable[Budget], retry_after_s: float, now: float, *, method: str = ""
    ) -> Budget | None:
        """Close the budget that a rate-limit error refers to, and return it.

        Args:
            budgets: those that the call may have spent, the narrowest first.
            retry_after_s: the platform's wait in seconds.
            now: the present.
            method: the platform's method that was limited; "" if it does not say. The first budget
                is closed if none of them is this method's.
        """
        candidates = tuple(budgets)
        named = tuple(budget for budget in candidates if method and budget.key.endswith(f":{method}"))
        closed = next(iter(named or candidates), None)
        if closed is not None:
            self.bucket(closed, now).record_rate_limit(now, retry_after_s)
        return closed

    def requests_for(self, call: PlannedCall, now: float) -> list[BudgetRequest]:
        """Return what a call asks of the budgets that replicas share."""
        counted = call.completes and call.priority is not Priority.NOTICE  # notices are no load
        ended = BucketLoad(-1, -1) if counted else NO_LOAD
        requests = []
        for budget in call.cost:
            bucket = self.bucket(budget, now)
            load = bucket.own_load + ended
            requests.append(
                BudgetRequest(
                    budget,
                    min_remaining=self.min_remaining(bucket, call.priority),
                    load=BucketLoad(max(0, load.streams), max(0, load.finals)),
                )
            )
        return requests

    def sync_from_shared(self, reservation: Reservation, *, replica: str, now: float) -> None:
        """Update our buckets from the state that all replicas share."""
        for key, stored in reservation.budgets.items():
            if (bucket := self._buckets.get(key)) is not None:
                sync_from_shared(bucket, stored, replica=replica, shared_now=reservation.now, now=now)

    def states(self) -> dict[str, BucketState]:
        """Return the state of every bucket by its budget's key."""
        return {key: bucket.state() for key, bucket in self._buckets.items()}

    def restore(self, states: Mapping[str, BucketState]) -> None:
        """Let buckets continue from stored states when they are used first; times are of our clock."""
        self._restored.update(states)
