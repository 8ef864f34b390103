"""Budgets that several replicas spend from: pure, over what the store keeps of each bucket.

A replica decides on its own mirror of a bucket when a frame is due, and asks here before it sends:
what the store says counts, and comes back with every answer, so that the mirrors stay true. The
code that says whether there is room is the same in both places, :mod:`core.delivery.token_bucket`.

::

    a budget's row = {now, rate, level, at, closed, flying[, landed], crowd}
    crowd          = {replica: [messages that grow by it, messages that end by it, at]}

All times in a row are of :class:`core.domain.clock.SharedTime`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from core.delivery.token_bucket import EPSILON, RECOVERY_S, Bucket, bucket_of
from core.ports.platform import Budget

UNUSED_S = 2 * RECOVERY_S  #: a budget that was not spent from for so long is as good as new
CROWD_FRESH_S = 20.0  #: what a replica said of its messages counts for so long

Row: TypeAlias = dict[str, Any]  #: of one budget, as JSON; empty where it is new


@dataclass(frozen=True, slots=True)
class Ask:
    """One budget that a call spends from."""

    budget: Budget
    keep: float = 0.0  #: calls that must be left after it, for others that are more urgent
    crowd: tuple[int, int] = (0, 0)  #: how many messages of ours grow by it, and end by it


@dataclass(frozen=True, slots=True)
class Landed:
    """A call of ours that has its reply."""

    call: int
    age_s: float  #: since then


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a call may go, and what its budgets look like now."""

    granted: bool
    wait_s: float  #: until there is room; 0 where it was granted
    now: float  #: the time that all replicas share
    rows: Mapping[str, Row]  #: by the budget's key


def call_name(replica: str, call: object) -> str:
    """Return the name of a call among those of all replicas."""
    return f"{replica}:{call}"


def decide(
    rows: Mapping[str, Row],
    asks: Sequence[Ask],
    *,
    replica: str,
    call: int,
    landed: Mapping[str, Sequence[Landed]],
    now: float,
) -> Verdict:
    """Return whether every budget has room for one call, with the rows as they are afterwards.

    ``landed`` are replies that the rows do not know of, by the budget's key.
    """
    buckets = [_bucket(ask.budget, rows.get(ask.budget.key, {}), now) for ask in asks]
    for ask, bucket in zip(asks, buckets, strict=True):
        land(bucket, landed.get(ask.budget.key, ()), replica, now)
    waits = [
        bucket.room_at(now, min(1.0 + ask.keep, ask.budget.burst)) - now
        for ask, bucket in zip(asks, buckets, strict=True)
    ]
    wait_s = max(waits, default=0.0)
    granted = wait_s <= EPSILON
    after: dict[str, Row] = {}
    for ask, bucket in zip(asks, buckets, strict=True):
        if granted:
            bucket.send(call_name(replica, call), now)
        row = rows.get(ask.budget.key, {})
        after[ask.budget.key] = _row(bucket, _crowd(row, replica, ask.crowd, now), now)
    return Verdict(granted=granted, wait_s=0.0 if granted else wait_s, now=now, rows=after)


def refuse(row: Row, budget: Budget, retry_after_s: float, now: float) -> Row:
    """Return a budget's row after the platform has refused a call and named a wait."""
    bucket = _bucket(budget, row, now)
    bucket.refuse(now, retry_after_s)
    return _row(bucket, row.get("crowd", {}), now)


def replies(row: Row, budget: Budget, landed: Sequence[Landed], *, replica: str, now: float) -> Row:
    """Return a budget's row once it knows of replies."""
    bucket = _bucket(budget, row, now)
    land(bucket, landed, replica, now)
    return _row(bucket, row.get("crowd", {}), now)


def land(bucket: Bucket, landed: Sequence[Landed], replica: str, now: float) -> None:
    """Count replies from the moment they came."""
    for one in landed:
        bucket.land(call_name(replica, one.call), now - one.age_s)


def elsewhere(row: Row, *, replica: str, now: float) -> tuple[int, int]:
    """Return how many messages of other replicas grow by a budget, and end by it."""
    others = [
        said
        for name, said in row.get("crowd", {}).items()
        if name != replica and said[2] > now - CROWD_FRESH_S
    ]
    return sum(said[0] for said in others), sum(said[1] for said in others)


def adopt(bucket: Bucket, row: Row, *, replica: str, shared_now: float, now: float) -> None:
    """Let a replica's own bucket be what the store says it is; ``now`` is the replica's time.

    Calls of others that are in the air count as made, and so do ours whose replies the store does
    not know of yet; those that wait for a reply stay in the air.
    """
    offset = now - shared_now
    mine = {call_name(replica, call) for call in bucket.flying}
    counted = [call for call in row["flying"] if call not in mine]
    bucket.mirror(shifted(row, offset), counted=len(counted), now=now)
    bucket.elsewhere = elsewhere(row, replica=replica, now=shared_now)


def shifted(row: Row, offset_s: float) -> Row:
    """Return a row with its times told by another clock, which is ahead by ``offset_s``."""
    return row | {
        "at": row["at"] + offset_s,
        "closed": row["closed"] + offset_s,
        "flying": {call: at + offset_s for call, at in row["flying"].items()},
        "landed": [at + offset_s for at in row.get("landed", ())],
    }


def _row(bucket: Bucket, crowd: Row, now: float) -> Row:
    return bucket.dump() | {"crowd": crowd, "now": now}


def _bucket(budget: Budget, row: Row, now: float) -> Bucket:
    bucket = bucket_of(budget, now)
    if row:
        bucket.load(row, now)
    return bucket


def _crowd(row: Row, replica: str, said: tuple[int, int], now: float) -> dict[str, list[float]]:
    fresh = {name: words for name, words in row.get("crowd", {}).items() if words[2] > now - CROWD_FRESH_S}
    return fresh | {replica: [*said, now]}
