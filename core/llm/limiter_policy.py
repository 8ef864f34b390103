"""Who may go now. Pure: time comes in as a number, nothing is read or written.

``aged`` lets time pass over the state; ``decide`` then goes through the line in its fair order.
The first request that does not fit ends it: nobody overtakes a request that needs more room, so
nobody starves. Requests of other replicas that would fit keep their room until their own replica
takes it.
"""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from core.llm import sliding_window
from core.llm.account_limits import MINUTE_S, AccountLimits, LimiterTiming
from core.llm.eta import EtaEstimator
from core.llm.fair_queue import FairQueue, prune_finish_tags, queue_order
from core.llm.limiter_state import InFlightRequest, LimiterState, QueuedRequest, effective_limits

DenialReason: TypeAlias = Literal["quota", "tpd", "too_large"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitEstimate:
    """Where one request stands in the line."""

    position: int  #: 1 is next
    eta_s: float  #: until it will probably be asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of a replica's waiting requests, by their ids."""

    state: LimiterState
    granted: tuple[InFlightRequest, ...] = ()
    denied: dict[str, DenialReason]
    estimates: dict[str, WaitEstimate]
    next_change_at: float  #: when time alone may change the answer; infinite where it cannot


def advance_time(
    state: LimiterState, limits: AccountLimits, timing: LimiterTiming, now: float
) -> LimiterState:
    """Return the state as time has made it: leases ended, windows slid, the absent gone.

    ``now`` is not before ``state.now``.
    """
    for call in state.in_flight:
        landed_at = min(call.granted_at + timing.max_transit_s, call.expires_at)
        if not call.counted and landed_at <= now:
            state = sliding_window.record(state, at=landed_at, requests=1, tokens=call.tokens)
    calls = tuple(
        call if call.counted or call.granted_at + timing.max_transit_s > now else replace(call, counted=True)
        for call in state.in_flight
        if call.expires_at > now
    )
    replicas = {name: at for name, at in state.replica_seen_at.items() if at > now - timing.replica_ttl_s}
    waiters = tuple(one for one in state.queued if one.replica in replicas)
    learnt = {
        name: one
        for name, one in state.observed_limits.items()
        if one.observed_at > now - timing.observed_limit_ttl_s and one.configured == getattr(limits, name)
    }
    pauses = {name: one for name, one in state.pauses.items() if one.until > now - 2 * timing.pause_max_s}
    return sliding_window.drop_expired(
        replace(
            state,
            updated_at=now,
            in_flight=calls,
            replica_seen_at=replicas,
            queued=waiters,
            observed_limits=learnt,
            pauses=pauses,
            finish_tags=prune_finish_tags(state.finish_tags, state.virtual_time, waiters),
        ),
        now,
    )


def decide(
    state: LimiterState, limits: AccountLimits, timing: LimiterTiming, now: float, *, replica: str
) -> Decision:
    """Grant what ``replica`` may send now; ``state`` was aged to ``now``."""
    held = effective_limits(limits, state)
    room = _Capacity(state, held, now)
    denied: dict[str, DenialReason] = {}
    granted: list[InFlightRequest] = []
    ahead: list[QueuedRequest] = []
    virtual = FairQueue(state)
    blocked = False
    for start, waiter in queue_order(state):
        mine = waiter.replica == replica
        why = room.denial_reason(waiter)
        if why is not None:
            if mine:
                denied[waiter.id] = why
                virtual.remove(waiter)
            continue
        blocked = blocked or not room.fits(waiter.tokens)
        if blocked:
            ahead.append(waiter)
            continue
        room.reserve(waiter.tokens)
        if not mine:
            ahead.append(waiter)
            continue
        granted.append(_grant(waiter, now, timing, is_probe=state.exhausted is not None))
        virtual.grant(waiter, start)
    gone = {*denied, *(call.id for call in granted)}
    virtual.reset_if_idle()
    left = replace(
        state,
        in_flight=(*state.in_flight, *granted),
        queued=tuple(one for one in state.queued if one.id not in gone),
        virtual_time=virtual.virtual_time,
        finish_tags=virtual.finish_tags(),
    )
    standing = _wait_estimates(left, held, timing, now, ahead, replica)
    return Decision(
        state=left,
        granted=tuple(granted),
        denied=denied,
        estimates=standing,
        next_change_at=_next_change_at(left, timing, now),
    )


class _Capacity:
    """What is still free at one moment."""

    def __init__(self, state: LimiterState, limits: AccountLimits, now: float) -> None:
        flying = [call for call in state.in_flight if not call.counted]
        flying_tokens = sum(call.tokens for call in flying)
        requests, tokens = sliding_window.totals(state.minute_window)
        self._limits = limits
        self._running = len(state.in_flight)
        self._requests = requests + len(flying)
        self._minute_tokens = tokens + flying_tokens
        self._day_tokens = sliding_window.totals(state.day_window)[1] + flying_tokens
        self._paused = any(pause.until > now for pause in state.pauses.values())
        self._exhausted_reason: DenialReason | None = None
        self._probes_left = 0
        if state.exhausted is not None:
            self._exhausted_reason = "tpd" if state.exhausted.reason == "tpd" else "quota"
            probing = any(call.is_probe and call.replica for call in state.in_flight)
            self._probes_left = int(state.exhausted.probe_at <= now and not probing)

    def denial_reason(self, request: QueuedRequest) -> DenialReason | None:
        """Return why a request need not wait at all; None where it may."""
        held, tokens = self._limits, request.tokens
        if self._exhausted_reason is not None and not self._probes_left:
            return self._exhausted_reason
        if tokens > (tokens if held.tpm is None else held.tpm):
            return "too_large"
        if held.tpd is not None and tokens > held.tpd:
            return "too_large"
        if held.tpd is not None and self._day_tokens + tokens > held.tpd:
            return "tpd"
        return None

    def fits(self, tokens: int) -> bool:
        held = self._limits
        return not (
            self._paused
            or (held.concurrency is not None and self._running >= held.concurrency)
            or (held.rpm is not None and self._requests >= held.rpm)
            or (held.tpm is not None and self._minute_tokens + tokens > held.tpm)
        )

    def reserve(self, tokens: int) -> None:
        self._running += 1
        self._requests += 1
        self._minute_tokens += tokens
        self._day_tokens += tokens
        self._probes_left = 0


def _grant(request: QueuedRequest, now: float, timing: LimiterTiming, *, is_probe: bool) -> InFlightRequest:
    return InFlightRequest(
        id=request.id,
        replica=request.replica,
        tokens=request.tokens,
        granted_at=now,
        expires_at=now + timing.lease_s,
        is_probe=is_probe,
    )


def _wait_estimates(
    state: LimiterState,
    limits: AccountLimits,
    timing: LimiterTiming,
    now: float,
    queue: list[QueuedRequest],
    replica: str,
) -> dict[str, WaitEstimate]:
    if not any(waiter.replica == replica for waiter in queue):
        return {}
    forecast = EtaEstimator(state, limits, timing, now)
    standing = {}
    for position, waiter in enumerate(queue, start=1):
        at = forecast.next_start_at(waiter.tokens)
        if waiter.replica == replica:
            standing[waiter.id] = WaitEstimate(position=position, eta_s=max(0.0, at - now))
    return standing


def _next_change_at(state: LimiterState, timing: LimiterTiming, now: float) -> float:
    """Return the earliest moment at which something ends by itself."""
    moments = [call.expires_at for call in state.in_flight]
    moments += [call.granted_at + timing.max_transit_s for call in state.in_flight if not call.counted]
    moments += [pause.until for pause in state.pauses.values()]
    moments += [state.minute_window[0].at + MINUTE_S] if state.minute_window else []
    return min((moment for moment in moments if moment > now), default=float("inf"))
