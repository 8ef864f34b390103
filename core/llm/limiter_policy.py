"""Decides which waiting requests may be sent now. Pure: time comes in as a number.

:func:`advance_time` first lets time pass over the state. :func:`decide` then goes through the queue
in its fair order. The first request that does not fit ends it: no request overtakes one that needs
more capacity, so none starves. Capacity that fits a request of another replica stays reserved until
that replica takes it.
"""

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from core.llm import sliding_window
from core.llm.account_limits import MINUTE_S, AccountLimits, LimiterTiming
from core.llm.eta import EtaEstimator
from core.llm.fair_queue import FairQueue, prune_finish_tags, queue_order
from core.llm.limiter_state import InFlightRequest, LimiterState, QueuedRequest, effective_limits
from core.ports.chat_model import QueuePosition

DenialReason: TypeAlias = Literal["quota", "tpd", "too_large"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What happens to a replica's waiting requests, by their ids."""

    state: LimiterState  #: after the decision
    granted: tuple[InFlightRequest, ...] = ()
    denied: dict[str, DenialReason]
    estimates: dict[str, QueuePosition]  #: of the requests that go on waiting
    next_change_at: float  #: when time alone may change the decision; infinite if it cannot


def advance_time(
    state: LimiterState, limits: AccountLimits, timing: LimiterTiming, now: float
) -> LimiterState:
    """Return the state at ``now``: expired leases, window entries, replicas and limits are gone.

    ``now`` is not before ``state.updated_at``.
    """
    for request in state.in_flight:
        arrived_at = min(request.granted_at + timing.max_transit_s, request.expires_at)
        if not request.counted and arrived_at <= now:
            state = sliding_window.record(state, at=arrived_at, requests=1, tokens=request.tokens)
    in_flight = tuple(
        request
        if request.counted or request.granted_at + timing.max_transit_s > now
        else replace(request, counted=True)
        for request in state.in_flight
        if request.expires_at > now
    )
    alive_after = now - timing.replica_ttl_s
    replicas = {name: at for name, at in state.replica_seen_at.items() if at > alive_after}
    queued = tuple(request for request in state.queued if request.replica in replicas)
    observed_limits = {
        name: observed
        for name, observed in state.observed_limits.items()
        if observed.observed_at > now - timing.observed_limit_ttl_s
        and observed.configured == getattr(limits, name)
    }
    pauses = {name: one for name, one in state.pauses.items() if one.until > now - 2 * timing.pause_max_s}
    return sliding_window.drop_expired(
        replace(
            state,
            updated_at=now,
            in_flight=in_flight,
            replica_seen_at=replicas,
            queued=queued,
            observed_limits=observed_limits,
            pauses=pauses,
            finish_tags=prune_finish_tags(state.finish_tags, state.virtual_time, queued),
        ),
        now,
    )


def decide(
    state: LimiterState, limits: AccountLimits, timing: LimiterTiming, now: float, *, replica: str
) -> Decision:
    """Grant or deny what ``replica`` asks for; ``state`` was advanced to ``now``."""
    limits = effective_limits(limits, state)
    capacity, fair_queue = _Capacity(state, limits, now), FairQueue(state)
    denied: dict[str, DenialReason] = {}
    granted: list[InFlightRequest] = []
    waiting: list[QueuedRequest] = []
    is_blocked = False
    for start_tag, request in queue_order(state):
        is_own = request.replica == replica
        denial = capacity.denial_reason(request)
        if denial is not None:
            if is_own:
                denied[request.id] = denial
                fair_queue.remove(request)
            continue
        is_blocked = is_blocked or not capacity.fits(request.tokens)
        if not is_blocked:
            capacity.reserve(request.tokens)
        if is_blocked or not is_own:
            waiting.append(request)
            continue
        granted.append(_grant(request, now, timing, is_probe=state.exhausted is not None))
        fair_queue.grant(request, start_tag)
    fair_queue.reset_if_idle()
    gone = {*denied, *(request.id for request in granted)}
    state = replace(
        state,
        in_flight=(*state.in_flight, *granted),
        queued=tuple(request for request in state.queued if request.id not in gone),
        virtual_time=fair_queue.virtual_time,
        finish_tags=fair_queue.finish_tags(),
    )
    return Decision(
        state=state,
        granted=tuple(granted),
        denied=denied,
        estimates=_queue_positions(state, limits, timing, now, waiting, replica),
        next_change_at=_next_change_at(state, timing, now),
    )


class _Capacity:
    """The free capacity of an account at one moment."""

    def __init__(self, state: LimiterState, limits: AccountLimits, now: float) -> None:
        uncounted = [request for request in state.in_flight if not request.counted]
        uncounted_tokens = sum(request.tokens for request in uncounted)
        requests, tokens = sliding_window.totals(state.minute_window)
        self._limits = limits
        self._running = len(state.in_flight)
        self._requests = requests + len(uncounted)
        self._minute_tokens = tokens + uncounted_tokens
        self._day_tokens = sliding_window.totals(state.day_window)[1] + uncounted_tokens
        self._paused = any(pause.until > now for pause in state.pauses.values())
        self._exhausted_reason = None if state.exhausted is None else state.exhausted.reason
        self._probes_left = 0
        if state.exhausted is not None:
            is_probing = any(request.is_probe and request.replica for request in state.in_flight)
            self._probes_left = int(state.exhausted.probe_at <= now and not is_probing)

    def denial_reason(self, request: QueuedRequest) -> DenialReason | None:
        """Return why it is of no use that a request waits; None if it may wait."""
        limits, tokens = self._limits, request.tokens
        if self._exhausted_reason is not None and not self._probes_left:
            return self._exhausted_reason
        if limits.tpm is not None and tokens > limits.tpm:
            return "too_large"
        if limits.tpd is not None and tokens > limits.tpd:
            return "too_large"
        if limits.tpd is not None and self._day_tokens + tokens > limits.tpd:
            return "tpd"
        return None

    def fits(self, tokens: int) -> bool:
        """Return whether a request of this size can be sent now."""
        limits = self._limits
        return not (
            self._paused
            or (limits.concurrency is not None and self._running >= limits.concurrency)
            or (limits.rpm is not None and self._requests >= limits.rpm)
            or (limits.tpm is not None and self._minute_tokens + tokens > limits.tpm)
        )

    def reserve(self, tokens: int) -> None:
        """Take the capacity of one request."""
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


def _queue_positions(
    state: LimiterState,
    limits: AccountLimits,
    timing: LimiterTiming,
    now: float,
    waiting: list[QueuedRequest],
    replica: str,
) -> dict[str, QueuePosition]:
    """Return the positions of a replica's requests among all that wait, in the fair order."""
    if not any(request.replica == replica for request in waiting):
        return {}
    estimator = EtaEstimator(state, limits, timing, now)
    positions = {}
    for position, request in enumerate(waiting, start=1):
        starts_at = estimator.next_start_at(request.tokens)
        if request.replica == replica:
            positions[request.id] = QueuePosition(position=position, eta_s=max(0.0, starts_at - now))
    return positions


def _next_change_at(state: LimiterState, timing: LimiterTiming, now: float) -> float:
    """Return the earliest time at which a lease, a transit, a pause or a window entry ends."""
    times = [request.expires_at for request in state.in_flight]
    times += [request.granted_at + timing.max_transit_s for request in state.in_flight if not request.counted]
    times += [pause.until for pause in state.pauses.values()]
    times += [state.minute_window[0].at + MINUTE_S] if state.minute_window else []
    return min((at for at in times if at > now), default=float("inf"))
