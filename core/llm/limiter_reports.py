"""What a replica tells the shared state: who of it waits, what runs, what Kimi said. Pure.

A report holds all of a replica's requests, not what changed since the last one. So a report that
was lost costs nothing: the next one says the same and more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from core.llm import sliding_window
from core.llm.account_limits import DIMENSIONS, AccountLimits, LimiterTiming
from core.llm.limiter_state import (
    Exhausted,
    InFlightRequest,
    LimiterState,
    ObservedLimit,
    Pause,
    QueuedRequest,
    effective_limits,
)

EndReason: TypeAlias = Literal["ended", "broken", "unsent", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingReport:
    """One request of the reporting replica that stands in the line."""

    id: str
    requester_id: str
    cost: float
    tokens: int
    virtual_arrival: float | None = None  #: its stamps, once it has them: it keeps its place by them
    seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRefusal:
    """What Kimi refused a request for."""

    limit: Literal["concurrency", "rpm", "tpm", "tpd", "unknown", "quota"]
    value: int | None = None  #: the limit itself, where it was told
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningReport:
    """One request of the reporting replica that was let go."""

    id: str
    granted_at: float
    tokens: int  #: as reserved, or as counted by Kimi where that was more
    is_probe: bool = False
    arrived_at: float | None = None  #: when Kimi first gave a sign of life
    end_reason: EndReason | None = None  #: None while it runs
    refusal: LimitRefusal | None = None  #: with end "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaReport:
    """Everything that one replica has in the account."""

    replica: str
    waiting: tuple[WaitingReport, ...] = ()
    running: tuple[RunningReport, ...] = ()
    single_replica: bool = False  #: there is no other replica: what others left behind is dead


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """Something the operator should read in the log, once for all replicas."""

    event: str
    is_error: bool = False
    fields: Mapping[str, object] = field(default_factory=dict)


def apply_report(
    state: LimiterState, report: ReplicaReport, limits: AccountLimits, timing: LimiterTiming, now: float
) -> tuple[LimiterState, list[LogEvent]]:
    """Return the state after a report, and what is new in it."""
    news: list[LogEvent] = []
    state = replace(state, updated_at=now, replica_seen_at={**state.replica_seen_at, report.replica: now})
    if report.single_replica:
        state = _remove_other_replicas(state, report.replica, timing, now)
    state = _sync_queue(state, report)
    state, changed = _renew_leases(state, report.running, timing, now)
    for told in changed:
        state = _apply_running(state, told, report.replica, limits, timing, now, news)
    known = {told.id for told in report.running}
    for call in state.in_flight:
        if call.replica == report.replica and call.id not in known:
            state = _finish(state, call, at=now)  # its grant never reached us
    return state, news


def _sync_queue(state: LimiterState, report: ReplicaReport) -> LimiterState:
    """Put the replica's requests into the line, and take those out that wait no more."""
    here = {one.id: one for one in state.queued if one.replica == report.replica}
    others = [one for one in state.queued if one.replica != report.replica]
    seq, mine = state.seq, []
    for one in report.waiting:
        waiter = here.get(one.id)
        if waiter is None:
            stamped = one.seq is not None and one.virtual_arrival is not None
            seq += 0 if stamped else 1
            waiter = QueuedRequest(
                id=one.id,
                replica=report.replica,
                requester_id=one.requester_id,
                cost=one.cost,
                tokens=one.tokens,
                virtual_arrival=state.virtual_time if one.virtual_arrival is None else one.virtual_arrival,
                seq=seq if one.seq is None else one.seq,
            )
        mine.append(waiter)
    return replace(state, seq=seq, queued=(*others, *mine))


def _renew_leases(
    state: LimiterState, running: tuple[RunningReport, ...], timing: LimiterTiming, now: float
) -> tuple[LimiterState, list[RunningReport]]:
    """Renew the leases of calls that just run on; return those of which there is more to tell."""
    by_id = {call.id: call for call in state.in_flight}
    changed = []
    for told in running:
        call = by_id.get(told.id)
        arrives = told.arrived_at is not None and call is not None and (call.is_probe or not call.counted)
        if call is None or told.end_reason is not None or arrives:
            changed.append(told)
        elif call.expires_at < now + timing.lease_s * 2 / 3:
            by_id[told.id] = replace(call, expires_at=now + timing.lease_s)
    return replace(state, in_flight=tuple(by_id.values())), changed


def _apply_running(
    state: LimiterState,
    report: RunningReport,
    replica: str,
    limits: AccountLimits,
    timing: LimiterTiming,
    now: float,
    log_events: list[LogEvent],
) -> LimiterState:
    """Bring one call up to what its replica says of it."""
    call = next((one for one in state.in_flight if one.id == report.id), None)
    if call is None:  # its lease ran out while the database was away; the request was counted then
        call = InFlightRequest(
            id=report.id,
            replica=replica,
            tokens=report.tokens,
            granted_at=report.granted_at,
            expires_at=now,
            is_probe=report.is_probe,
            counted=True,
        )
    if report.end_reason == "unsent":
        return _remove(state, call)
    if report.refusal is not None:
        return _apply_refusal(state, call, report.refusal, limits, timing, now, log_events)
    if report.arrived_at is not None:
        state, call = _mark_arrived(state, call, report.arrived_at, timing, now, log_events)
    if report.end_reason is None:
        return _upsert(state, replace(call, expires_at=now + timing.lease_s))
    if report.tokens > call.tokens:
        state = sliding_window.record(state, at=now, requests=0, tokens=report.tokens - call.tokens)
    state = _finish(state, call, at=now)
    if report.end_reason == "broken":
        left = replace(call, replica="", counted=True, expires_at=now + timing.abort_linger_s)
        return _upsert(state, left)
    return replace(state, mean_request_s=0.8 * state.mean_request_s + 0.2 * max(0.0, now - call.granted_at))


def _mark_arrived(
    state: LimiterState,
    request: InFlightRequest,
    arrived_at: float,
    timing: LimiterTiming,
    now: float,
    log_events: list[LogEvent],
) -> tuple[LimiterState, InFlightRequest]:
    """Kimi has begun to answer: count the request from there, and believe in the account again."""
    if not request.counted:
        at = min(now, arrived_at, request.granted_at + timing.max_transit_s)
        state = sliding_window.record(state, at=at, requests=1, tokens=request.tokens)
        request = replace(request, counted=True)
        state = replace(state, pauses={name: one for name, one in state.pauses.items() if one.until > now})
    if request.is_probe and state.exhausted is not None:
        log_events.append(LogEvent(event="limiter.recovered", fields={"why": state.exhausted.reason}))
        state = replace(state, exhausted=None)
    return state, replace(request, is_probe=False)


def _apply_refusal(
    state: LimiterState,
    request: InFlightRequest,
    refusal: LimitRefusal,
    limits: AccountLimits,
    timing: LimiterTiming,
    now: float,
    log_events: list[LogEvent],
) -> LimiterState:
    """Learn from a 429. The request counts as one, its tokens do not: it was not admitted."""
    state = _finish(state, replace(request, tokens=0), at=now)
    if refusal.limit in ("quota", "tpd"):
        state = _observe_limit(state, refusal, limits, now, log_events)
        return _mark_exhausted(state, request, refusal.limit, timing, now, log_events)
    before = effective_limits(limits, state)
    state = _observe_limit(state, refusal, limits, now, log_events)
    last = state.pauses.get(refusal.limit, Pause(until=now))
    explained = effective_limits(limits, state) != before or _explains_refusal(state, refusal, request.tokens)
    strikes = 0 if explained else last.unexplained_refusals + 1
    backoff_s = 0.0 if explained else timing.pause_first_s * 2.0 ** min(strikes - 1, 16)
    wait_s = max(refusal.retry_after_s, min(timing.pause_max_s, backoff_s))
    pause = Pause(until=max(last.until, now + wait_s), unexplained_refusals=strikes)
    facts: dict[str, object] = {"limit": refusal.limit, "wait_s": round(wait_s, 2), "strikes": strikes}
    log_events.append(LogEvent(event="limiter.paused", fields=facts))
    return replace(state, pauses={**state.pauses, refusal.limit: pause})


def _observe_limit(
    state: LimiterState, refusal: LimitRefusal, limits: AccountLimits, now: float, log_events: list[LogEvent]
) -> LimiterState:
    dimension = next((one for one in DIMENSIONS if one == refusal.limit), None)
    if dimension is None or refusal.value is None or refusal.value < 1:
        return state
    known = state.observed_limits.get(dimension)
    if known is None or known.value != refusal.value:
        log_events.append(
            LogEvent(event="limiter.limit_observed", fields={"limit": dimension, "value": refusal.value})
        )
    learnt = ObservedLimit(value=refusal.value, observed_at=now, configured=limits.get(dimension))
    return replace(state, observed_limits={**state.observed_limits, dimension: learnt})


def _explains_refusal(state: LimiterState, refusal: LimitRefusal, request_tokens: int) -> bool:
    """Tell whether our own count explains the refusal: else somebody else uses the account too."""
    if refusal.value is None:
        return False
    flying = [call for call in state.in_flight if not call.counted]
    requests, tokens = sliding_window.totals(state.minute_window)
    match refusal.limit:
        case "concurrency":
            return len(state.in_flight) >= refusal.value
        case "rpm":
            return requests + len(flying) > refusal.value  # the refused one is counted already
        case "tpm":
            return tokens + sum(call.tokens for call in flying) + request_tokens > refusal.value
        case _:
            return False


def _mark_exhausted(
    state: LimiterState,
    request: InFlightRequest,
    reason: str,
    timing: LimiterTiming,
    now: float,
    log_events: list[LogEvent],
) -> LimiterState:
    closed = state.exhausted
    if closed is not None and not request.is_probe:
        return state  # one of those that were on their way when it closed
    strikes = 0 if closed is None else closed.failed_probes + 1
    first_s, most_s = (
        (timing.day_probe_first_s, timing.day_probe_max_s)
        if reason == "tpd"
        else (timing.quota_probe_first_s, timing.quota_probe_max_s)
    )
    wait_s = min(most_s, first_s * 2.0 ** min(strikes, 16))
    if closed is None:
        log_events.append(
            LogEvent(
                event="limiter.exhausted", is_error=True, fields={"why": reason, "asks_again_in_s": wait_s}
            )
        )
    since = now if closed is None else closed.since
    return replace(
        state, exhausted=Exhausted(reason=reason, since=since, probe_at=now + wait_s, failed_probes=strikes)
    )


def _remove_other_replicas(
    state: LimiterState, replica: str, timing: LimiterTiming, now: float
) -> LimiterState:
    calls = tuple(
        call
        if call.replica in (replica, "")
        else replace(call, replica="", expires_at=min(call.expires_at, now + timing.abort_linger_s))
        for call in state.in_flight
    )
    mine = tuple(one for one in state.queued if one.replica == replica)
    return replace(state, in_flight=calls, queued=mine, replica_seen_at={replica: now})


def _finish(state: LimiterState, request: InFlightRequest, *, at: float) -> LimiterState:
    """Take a call out of those that run; it stays in the windows."""
    if not request.counted:
        state = sliding_window.record(state, at=at, requests=1, tokens=request.tokens)
    return _remove(state, request)


def _remove(state: LimiterState, request: InFlightRequest) -> LimiterState:
    return replace(state, in_flight=tuple(one for one in state.in_flight if one.id != request.id))


def _upsert(state: LimiterState, request: InFlightRequest) -> LimiterState:
    if any(one.id == request.id for one in state.in_flight):
        return replace(
            state, in_flight=tuple(request if one.id == request.id else one for one in state.in_flight)
        )
    return replace(state, in_flight=(*state.in_flight, request))
