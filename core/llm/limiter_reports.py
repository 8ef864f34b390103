"""Applies a replica's report to the shared state: which of its requests wait, run and have ended. Pure.

A report holds all requests of a replica, not what changed since the previous one. So a lost report
costs nothing: the next one says the same and more.
"""

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

from core.llm import sliding_window
from core.llm.account_limits import AccountLimits, LimiterTiming
from core.llm.limiter_refusals import LimitRefusal, LogEvent, ReportContext, apply_refusal
from core.llm.limiter_state import InFlightRequest, LimiterState, QueuedRequest, without_request

EndReason: TypeAlias = Literal["ended", "broken", "unsent", "refused"]
"""How a request ended: read to its end, aborted on the way, never sent, or refused by Kimi."""

MEAN_REQUEST_SMOOTHING: Final = 0.2  #: weight of the newest request in the mean duration


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingReport:
    """One request of the reporting replica that waits in the queue."""

    id: str
    requester_id: str
    cost: float  #: share of its requester that it takes: 1 / weight
    tokens: int
    virtual_arrival: float | None = None  #: with ``seq``: its place, known once it was reported
    seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningReport:
    """One request of the reporting replica that has a permit."""

    id: str
    granted_at: float
    tokens: int  #: as reserved, or as counted by Kimi if that was more
    is_probe: bool = False
    arrived_at: float | None = None  #: when Kimi began to answer
    end_reason: EndReason | None = None  #: None while it runs
    refusal: LimitRefusal | None = None  #: if it was refused


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaReport:
    """All requests of one replica."""

    replica: str
    waiting: tuple[WaitingReport, ...] = ()
    running: tuple[RunningReport, ...] = ()
    single_replica: bool = False  #: there is no other replica: requests of others are left-overs


def apply_report(
    state: LimiterState, report: ReplicaReport, limits: AccountLimits, timing: LimiterTiming, now: float
) -> tuple[LimiterState, list[LogEvent]]:
    """Return the state after a report, and what the operator should read of it."""
    context = ReportContext(limits=limits, timing=timing, now=now)
    state = replace(state, updated_at=now, replica_seen_at={**state.replica_seen_at, report.replica: now})
    if report.single_replica:
        state = _remove_other_replicas(state, report.replica, context)
    state = _sync_queue(state, report)
    state, changed = _renew_leases(state, report.running, context)
    for running in changed:
        state = _apply_running(state, running, report.replica, context)
    known = {running.id for running in report.running}
    for request in state.in_flight:
        if request.replica == report.replica and request.id not in known:
            state = _finish(state, request, at=now)  # its permit never reached the replica
    return state, context.log_events


def _sync_queue(state: LimiterState, report: ReplicaReport) -> LimiterState:
    """Add the replica's new requests to the queue and remove those that no longer wait."""
    own = {queued.id: queued for queued in state.queued if queued.replica == report.replica}
    others = [queued for queued in state.queued if queued.replica != report.replica]
    seq, waiting = state.seq, []
    for reported in report.waiting:
        queued = own.get(reported.id)
        if queued is None:
            has_place = reported.seq is not None and reported.virtual_arrival is not None
            seq += 0 if has_place else 1
            queued = QueuedRequest(
                id=reported.id,
                replica=report.replica,
                requester_id=reported.requester_id,
                cost=reported.cost,
                tokens=reported.tokens,
                virtual_arrival=(
                    state.virtual_time if reported.virtual_arrival is None else reported.virtual_arrival
                ),
                seq=seq if reported.seq is None else reported.seq,
            )
        waiting.append(queued)
    return replace(state, seq=seq, queued=(*others, *waiting))


def _renew_leases(
    state: LimiterState, reports: tuple[RunningReport, ...], context: ReportContext
) -> tuple[LimiterState, list[RunningReport]]:
    """Renew the leases of requests that just run on; return the reports of the others."""
    by_id = {request.id: request for request in state.in_flight}
    changed = []
    for report in reports:
        request = by_id.get(report.id)
        arrives = (
            report.arrived_at is not None
            and request is not None
            and (request.is_probe or not request.counted)
        )
        if request is None or report.end_reason is not None or arrives:
            changed.append(report)
        elif request.expires_at < context.now + context.timing.lease_s * 2 / 3:
            by_id[report.id] = replace(request, expires_at=context.now + context.timing.lease_s)
    return replace(state, in_flight=tuple(by_id.values())), changed


def _apply_running(
    state: LimiterState, report: RunningReport, replica: str, context: ReportContext
) -> LimiterState:
    """Bring one request up to date with its replica's report."""
    now, timing = context.now, context.timing
    request = next((one for one in state.in_flight if one.id == report.id), None)
    if request is None:  # its lease ran out while the database was away; it was counted then
        request = InFlightRequest(
            id=report.id,
            replica=replica,
            tokens=report.tokens,
            granted_at=report.granted_at,
            expires_at=now,
            is_probe=report.is_probe,
            counted=True,
        )
    if report.end_reason == "unsent":
        return without_request(state, request)
    if report.refusal is not None:
        state = _finish(state, replace(request, tokens=0), at=now)  # it was not admitted: no tokens
        return apply_refusal(state, request, report.refusal, context)
    if report.arrived_at is not None:
        state, request = _mark_arrived(state, request, report.arrived_at, context)
    if report.end_reason is None:
        return _upsert(state, replace(request, expires_at=now + timing.lease_s))
    if report.tokens > request.tokens:
        state = sliding_window.record(state, at=now, requests=0, tokens=report.tokens - request.tokens)
    state = _finish(state, request, at=now)
    if report.end_reason == "broken":
        # Kimi may work on it a little longer: it holds its place, and nobody renews it.
        expires_at = now + timing.abort_linger_s
        return _upsert(state, replace(request, replica="", counted=True, expires_at=expires_at))
    duration_s, share = max(0.0, now - request.granted_at), MEAN_REQUEST_SMOOTHING
    return replace(state, mean_request_s=(1 - share) * state.mean_request_s + share * duration_s)


def _mark_arrived(
    state: LimiterState, request: InFlightRequest, arrived_at: float, context: ReportContext
) -> tuple[LimiterState, InFlightRequest]:
    """Count the request from its arrival at Kimi; an account that answers is not exhausted."""
    now = context.now
    if not request.counted:
        at = min(now, arrived_at, request.granted_at + context.timing.max_transit_s)
        state = sliding_window.record(state, at=at, requests=1, tokens=request.tokens)
        request = replace(request, counted=True)
        pauses = {name: pause for name, pause in state.pauses.items() if pause.until > now}
        state = replace(state, pauses=pauses)
    if request.is_probe and state.exhausted is not None:
        context.log("limiter.recovered", why=state.exhausted.reason)
        state = replace(state, exhausted=None)
    return state, replace(request, is_probe=False)


def _remove_other_replicas(state: LimiterState, replica: str, context: ReportContext) -> LimiterState:
    latest = context.now + context.timing.abort_linger_s
    requests = tuple(
        request
        if request.replica in (replica, "")
        else replace(request, replica="", expires_at=min(request.expires_at, latest))
        for request in state.in_flight
    )
    own = tuple(queued for queued in state.queued if queued.replica == replica)
    return replace(state, in_flight=requests, queued=own, replica_seen_at={replica: context.now})


def _finish(state: LimiterState, request: InFlightRequest, *, at: float) -> LimiterState:
    """Remove a request from those in flight; it stays counted in the windows."""
    if not request.counted:
        state = sliding_window.record(state, at=at, requests=1, tokens=request.tokens)
    return without_request(state, request)


def _upsert(state: LimiterState, request: InFlightRequest) -> LimiterState:
    if any(one.id == request.id for one in state.in_flight):
        requests = tuple(request if one.id == request.id else one for one in state.in_flight)
        return replace(state, in_flight=requests)
    return replace(state, in_flight=(*state.in_flight, request))
