"""The state as JSON and back. Lists instead of objects: the row is read and written often."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from core.llm.limiter_state import (
    Exhausted,
    InFlightRequest,
    LimiterState,
    ObservedLimit,
    Pause,
    QueuedRequest,
    WindowEntry,
)

FORMAT_VERSION = 1  #: raised where the lists below change their meaning

T = TypeVar("T")


def encode_state(state: LimiterState) -> dict[str, Any]:
    """Return ``state`` as JSON values."""
    closed = state.exhausted
    return {
        "shape": FORMAT_VERSION,
        "now": state.updated_at,
        "seq": state.seq,
        "virtual": state.virtual_time,
        "flows": dict(state.finish_tags),
        "waiters": [
            [w.id, w.replica, w.requester_id, w.cost, w.tokens, w.virtual_arrival, w.seq]
            for w in state.queued
        ],
        "calls": [
            [c.id, c.replica, c.tokens, c.granted_at, c.expires_at, c.is_probe, c.counted]
            for c in state.in_flight
        ],
        "minute": [[spent.at, spent.requests, spent.tokens] for spent in state.minute_window],
        "day": [[spent.at, spent.requests, spent.tokens] for spent in state.day_window],
        "learnt": {
            name: [one.value, one.observed_at, one.configured] for name, one in state.observed_limits.items()
        },
        "pauses": {name: [one.until, one.unexplained_refusals] for name, one in state.pauses.items()},
        "closed": [closed.reason, closed.since, closed.probe_at, closed.failed_probes] if closed else None,
        "replicas": dict(state.replica_seen_at),
        "mean_call_s": state.mean_request_s,
    }


def decode_state(payload: Mapping[str, Any]) -> LimiterState:
    """Return the state; a new one where another version of this program wrote it."""
    if payload.get("shape") != FORMAT_VERSION:
        return LimiterState()
    return LimiterState(
        updated_at=payload["now"],
        seq=payload["seq"],
        virtual_time=payload["virtual"],
        finish_tags=payload["flows"],
        queued=_decode_rows(_decode_queued, payload["waiters"]),
        in_flight=_decode_rows(_decode_in_flight, payload["calls"]),
        minute_window=_decode_rows(_decode_window_entry, payload["minute"]),
        day_window=_decode_rows(_decode_window_entry, payload["day"]),
        observed_limits={
            name: ObservedLimit(value=v, observed_at=at, configured=u)
            for name, (v, at, u) in payload["learnt"].items()
        },
        pauses={
            name: Pause(until=until, unexplained_refusals=n) for name, (until, n) in payload["pauses"].items()
        },
        exhausted=_decode_exhausted(payload["closed"]) if payload["closed"] else None,
        replica_seen_at=payload["replicas"],
        mean_request_s=payload["mean_call_s"],
    )


def _decode_rows(decode_row: Callable[[list[Any]], T], rows: list[list[Any]]) -> tuple[T, ...]:
    return tuple(decode_row(row) for row in rows)


def _decode_queued(row: list[Any]) -> QueuedRequest:
    id_, replica, asker, cost, tokens, virtual, seq = row
    return QueuedRequest(
        id=id_,
        replica=replica,
        requester_id=asker,
        cost=cost,
        tokens=tokens,
        virtual_arrival=virtual,
        seq=seq,
    )


def _decode_in_flight(row: list[Any]) -> InFlightRequest:
    id_, replica, tokens, granted_at, expires_at, probe, settled = row
    return InFlightRequest(
        id=id_,
        replica=replica,
        tokens=tokens,
        granted_at=granted_at,
        expires_at=expires_at,
        is_probe=probe,
        counted=settled,
    )


def _decode_window_entry(row: list[Any]) -> WindowEntry:
    return WindowEntry(*row)


def _decode_exhausted(row: list[Any]) -> Exhausted:
    why, since, probe_at, strikes = row
    return Exhausted(reason=why, since=since, probe_at=probe_at, failed_probes=strikes)
