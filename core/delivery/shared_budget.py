"""Budgets that several replicas spend from. Pure functions over the stored state of each bucket.

Each replica plans with a local copy of a bucket and reserves every call in the database; the reply
refreshes the copy. Local copies and stored state use the same bucket, :mod:`core.delivery.token_bucket`.

All stored times are of :class:`core.domain.clock.SharedClock`.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

from core.delivery.token_bucket import (
    EPSILON,
    NO_LOAD,
    RATE_RECOVERY_S,
    BucketLoad,
    BucketState,
    TokenBucket,
    build_bucket,
    count_call,
)
from core.ports.platform import Budget

UNUSED_TTL_S = 2 * RATE_RECOVERY_S  #: a budget that was unused for this long is as good as new
LOAD_TTL_S = 20.0  #: how long a replica's report of its load counts


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaLoad:
    """Load that one replica reported with its latest call."""

    load: BucketLoad
    reported_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedBudget:
    """Stored state of one budget."""

    state: BucketState
    loads: Mapping[str, ReplicaLoad] = field(default_factory=dict)  #: by replica
    now: float  #: when it was stored


@dataclass(frozen=True, slots=True)
class BudgetRequest:
    """One budget that a call spends from."""

    budget: Budget
    min_remaining: float = 0.0  #: calls that must be left afterwards for more urgent ones
    load: BucketLoad = NO_LOAD  #: of this replica, after the call


@dataclass(frozen=True, slots=True)
class CompletedCall:
    """Answered call of this replica."""

    call_id: Hashable  #: of :func:`core.delivery.token_bucket.count_call`
    age_s: float  #: seconds since the reply


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Whether a call may be sent, with the state of its budgets afterwards."""

    granted: bool
    wait_s: float  #: seconds until there is room; 0 if it was granted
    now: float  #: the present by the clock that all replicas share
    budgets: Mapping[str, SharedBudget]  #: by the budget's key


def call_key(replica: str, call_id: object) -> str:
    """Return the id of a call that is unique among all replicas."""
    return f"{replica}:{call_id}"


def try_reserve(
    stored: Mapping[str, SharedBudget],
    requests: Sequence[BudgetRequest],
    *,
    replica: str,
    call_id: int,
    completed: Mapping[str, Sequence[CompletedCall]],
    now: float,
) -> Reservation:
    """Reserve one call in every budget, or none in any; a budget that is named again counts another call.

    Args:
        stored: the budgets' states by key; a new budget has none.
        requests: the budgets that the call spends from.
        replica: this process's name among the replicas.
        call_id: unique among this replica's calls in flight.
        completed: replies that ``stored`` does not contain yet, by the budget's key.
        now: the present by the shared clock.
    """
    asked = {request.budget.key: request for request in requests}
    buckets = {key: _load_bucket(request.budget, stored.get(key), now) for key, request in asked.items()}
    for key, bucket in buckets.items():
        _complete_calls(bucket, completed.get(key, ()), replica, now)
    waits = [
        buckets[key].room_at(now, min(1.0 + request.min_remaining, request.budget.burst)) - now
        for key, request in asked.items()
    ]
    wait_s = max(waits, default=0.0)
    granted = wait_s <= EPSILON
    for budget, part in count_call((request.budget for request in requests), call_id) if granted else ():
        buckets[budget.key].start(call_key(replica, part), now)
    after: dict[str, SharedBudget] = {}
    for key, request in asked.items():
        loads = _current_loads(stored.get(key), now)
        loads[replica] = ReplicaLoad(load=request.load, reported_at=now)
        after[key] = SharedBudget(state=buckets[key].state(), loads=loads, now=now)
    return Reservation(granted=granted, wait_s=0.0 if granted else wait_s, now=now, budgets=after)


def apply_rate_limit(
    stored: SharedBudget | None, budget: Budget, retry_after_s: float, now: float
) -> SharedBudget:
    """Return a budget's state after a rate-limit error that named a wait in seconds."""
    bucket = _load_bucket(budget, stored, now)
    bucket.record_rate_limit(now, retry_after_s)
    return SharedBudget(state=bucket.state(), loads=stored.loads if stored else {}, now=now)


def apply_completions(
    stored: SharedBudget | None,
    budget: Budget,
    completed: Sequence[CompletedCall],
    *,
    replica: str,
    now: float,
) -> SharedBudget:
    """Return a budget's state after further replies."""
    bucket = _load_bucket(budget, stored, now)
    _complete_calls(bucket, completed, replica, now)
    return SharedBudget(state=bucket.state(), loads=stored.loads if stored else {}, now=now)


def remote_load(stored: SharedBudget, *, replica: str, now: float) -> BucketLoad:
    """Return the load of all replicas but one."""
    total = NO_LOAD
    for name, report in _current_loads(stored, now).items():
        if name != replica:
            total += report.load
    return total


def sync_from_shared(
    bucket: TokenBucket, stored: SharedBudget, *, replica: str, shared_now: float, now: float
) -> None:
    """Update a replica's local bucket from the stored state; ``now`` is the replica's time.

    Calls of others that are in flight count as made, and so do our own whose replies are not stored
    yet; those that wait for a reply stay in flight.
    """
    waiting = {call_key(replica, call) for call in bucket.in_flight}
    completed = [call for call in stored.state.in_flight if call not in waiting]
    bucket.sync_from_shared(stored.state.shifted(now - shared_now), completed_calls=len(completed), now=now)
    bucket.remote_load = remote_load(stored, replica=replica, now=shared_now)


def _load_bucket(budget: Budget, stored: SharedBudget | None, now: float) -> TokenBucket:
    bucket = build_bucket(budget, now)
    if stored is not None:
        bucket.restore(stored.state, now)
    return bucket


def _complete_calls(
    bucket: TokenBucket, completed: Sequence[CompletedCall], replica: str, now: float
) -> None:
    for call in completed:
        bucket.complete(call_key(replica, call.call_id), now - call.age_s)


def _current_loads(stored: SharedBudget | None, now: float) -> dict[str, ReplicaLoad]:
    if stored is None:
        return {}
    return {name: one for name, one in stored.loads.items() if one.reported_at > now - LOAD_TTL_S}
