"""Budgets that several replicas spend from: pure, over what the store keeps of each bucket.

A replica decides on its own mirror of a bucket when a frame is due, and asks here before it sends:
what the store says counts, and comes back with every answer, so that the mirrors stay true. The
code that says whether there is room is the same in both places, :mod:`core.delivery.token_bucket`.

::

    a budget's row = {now, rate, level, at, closed, flying[, landed], crowd}
    crowd          = {replica: [messages that grow by it, messages that end by it, at]}

All times in a row are of :class:`core.domain.clock.SharedClock`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from core.delivery.token_bucket import EPSILON, RATE_RECOVERY_S, TokenBucket, build_bucket
from core.ports.platform import Budget

UNUSED_TTL_S = 2 * RATE_RECOVERY_S  #: a budget that was not spent from for so long is as good as new
DEMAND_TTL_S = 20.0  #: what a replica said of its messages counts for so long

BudgetRow: TypeAlias = dict[str, Any]  #: of one budget, as JSON; empty where it is new


@dataclass(frozen=True, slots=True)
class BudgetRequest:
    """One budget that a call spends from."""

    budget: Budget
    min_remaining: float = 0.0  #: calls that must be left after it, for others that are more urgent
    demand: tuple[int, int] = (0, 0)  #: how many messages of ours grow by it, and end by it


@dataclass(frozen=True, slots=True)
class CompletedCall:
    """A call of ours that has its reply."""

    call_id: int
    age_s: float  #: since then


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Whether a call may go, and what its budgets look like now."""

    granted: bool
    wait_s: float  #: until there is room; 0 where it was granted
    now: float  #: the time that all replicas share
    rows: Mapping[str, BudgetRow]  #: by the budget's key


def call_key(replica: str, call_id: object) -> str:
    """Return the name of a call among those of all replicas."""
    return f"{replica}:{call_id}"


def try_reserve(
    rows: Mapping[str, BudgetRow],
    requests: Sequence[BudgetRequest],
    *,
    replica: str,
    call_id: int,
    completed: Mapping[str, Sequence[CompletedCall]],
    now: float,
) -> Reservation:
    """Return whether every budget has room for one call, with the rows as they are afterwards.

    ``landed`` are replies that the rows do not know of, by the budget's key.
    """
    buckets = [_load_bucket(ask.budget, rows.get(ask.budget.key, {}), now) for ask in requests]
    for ask, bucket in zip(requests, buckets, strict=True):
        complete_calls(bucket, completed.get(ask.budget.key, ()), replica, now)
    waits = [
        bucket.room_at(now, min(1.0 + ask.min_remaining, ask.budget.burst)) - now
        for ask, bucket in zip(requests, buckets, strict=True)
    ]
    wait_s = max(waits, default=0.0)
    granted = wait_s <= EPSILON
    after: dict[str, BudgetRow] = {}
    for ask, bucket in zip(requests, buckets, strict=True):
        if granted:
            bucket.start(call_key(replica, call_id), now)
        row = rows.get(ask.budget.key, {})
        after[ask.budget.key] = _row(bucket, _merge_demand(row, replica, ask.demand, now), now)
    return Reservation(granted=granted, wait_s=0.0 if granted else wait_s, now=now, rows=after)


def apply_rate_limit(row: BudgetRow, budget: Budget, retry_after_s: float, now: float) -> BudgetRow:
    """Return a budget's row after the platform has refused a call and named a wait."""
    bucket = _load_bucket(budget, row, now)
    bucket.record_rate_limit(now, retry_after_s)
    return _row(bucket, row.get("crowd", {}), now)


def apply_completions(
    row: BudgetRow, budget: Budget, completed: Sequence[CompletedCall], *, replica: str, now: float
) -> BudgetRow:
    """Return a budget's row once it knows of replies."""
    bucket = _load_bucket(budget, row, now)
    complete_calls(bucket, completed, replica, now)
    return _row(bucket, row.get("crowd", {}), now)


def complete_calls(bucket: TokenBucket, completed: Sequence[CompletedCall], replica: str, now: float) -> None:
    """Count replies from the moment they came."""
    for one in completed:
        bucket.complete(call_key(replica, one.call_id), now - one.age_s)


def remote_demand(row: BudgetRow, *, replica: str, now: float) -> tuple[int, int]:
    """Return how many messages of other replicas grow by a budget, and end by it."""
    others = [
        said
        for name, said in row.get("crowd", {}).items()
        if name != replica and said[2] > now - DEMAND_TTL_S
    ]
    return sum(said[0] for said in others), sum(said[1] for said in others)


def sync_from_shared(
    bucket: TokenBucket, row: BudgetRow, *, replica: str, shared_now: float, now: float
) -> None:
    """Let a replica's own bucket be what the store says it is; ``now`` is the replica's time.

    Calls of others that are in the air count as made, and so do ours whose replies the store does
    not know of yet; those that wait for a reply stay in the air.
    """
    offset = now - shared_now
    mine = {call_key(replica, call) for call in bucket.in_flight}
    counted = [call for call in row["flying"] if call not in mine]
    bucket.sync_from_shared(shift_times(row, offset), completed_calls=len(counted), now=now)
    bucket.remote_demand = remote_demand(row, replica=replica, now=shared_now)


def shift_times(row: BudgetRow, offset_s: float) -> BudgetRow:
    """Return a row with its times told by another clock, which is ahead by ``offset_s``."""
    return row | {
        "at": row["at"] + offset_s,
        "closed": row["closed"] + offset_s,
        "flying": {call: at + offset_s for call, at in row["flying"].items()},
        "landed": [at + offset_s for at in row.get("landed", ())],
    }


def _row(bucket: TokenBucket, demand: BudgetRow, now: float) -> BudgetRow:
    return bucket.dump() | {"crowd": demand, "now": now}


def _load_bucket(budget: Budget, row: BudgetRow, now: float) -> TokenBucket:
    bucket = build_bucket(budget, now)
    if row:
        bucket.load(row, now)
    return bucket


def _merge_demand(row: BudgetRow, replica: str, own: tuple[int, int], now: float) -> dict[str, list[float]]:
    fresh = {name: words for name, words in row.get("crowd", {}).items() if words[2] > now - DEMAND_TTL_S}
    return fresh | {replica: [*own, now]}
