"""The state of one account that all replicas share: plain frozen data, without clock and I/O.

Times are seconds that all replicas agree on (:class:`core.domain.clock.SharedClock`). A request is
counted in one of two places: while it may still be on its way, it counts as if it arrived now; once
it is known to have arrived (or ``max_transit_s`` has passed), it is in the windows at that moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from core.llm.account_limits import DIMENSIONS, AccountLimits, Dimension

ExhaustedReason: TypeAlias = Literal["quota", "tpd"]
"""Why an account is used up: its balance is empty, or its tokens of the day are spent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedRequest:
    """A request that waits in the fair queue."""

    id: str
    replica: str  #: the process that made it
    requester_id: str
    cost: float  #: share of its requester that it takes: 1 / weight
    tokens: int  #: prompt and requested completion
    virtual_arrival: float  #: the queue's virtual time when it arrived
    seq: int  #: order of arrival


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlightRequest:
    """A request that has a permit and counts against the concurrency limit."""

    id: str
    replica: str  #: "" if no replica renews it any more
    tokens: int
    granted_at: float
    expires_at: float
    is_probe: bool = False  #: tests whether an exhausted account works again
    counted: bool = False  #: it is in the windows


@dataclass(frozen=True, slots=True)
class WindowEntry:
    """Requests and tokens that arrived at Kimi between the previous entry's time and this one's."""

    at: float
    requests: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedLimit:
    """A limit that a 429 named."""

    value: int
    observed_at: float
    configured: int | None  #: the configured limit then; a change of it makes the observation void


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """After a 429: no request goes before ``until``."""

    until: float
    unexplained_refusals: int = 0  #: refusals in a row that our own count did not explain


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhausted:
    """The account is used up."""

    reason: ExhaustedReason
    since: float
    probe_at: float  #: when a single request may try again
    failed_probes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterState:
    """One account as all replicas see it."""

    updated_at: float = 0.0  #: time of the latest change; never goes back
    seq: int = 0  #: of the latest arrival
    virtual_time: float = 0.0  #: of the fair queue
    finish_tags: Mapping[str, float] = field(default_factory=dict)
    """Finish tag of each requester's latest request, while it is ahead of the virtual time."""
    queued: tuple[QueuedRequest, ...] = ()
    in_flight: tuple[InFlightRequest, ...] = ()
    minute_window: tuple[WindowEntry, ...] = ()  #: in order of time
    day_window: tuple[WindowEntry, ...] = ()  #: in order of time
    observed_limits: Mapping[str, ObservedLimit] = field(default_factory=dict)  #: by dimension
    pauses: Mapping[str, Pause] = field(default_factory=dict)  #: by limit
    exhausted: Exhausted | None = None
    replica_seen_at: Mapping[str, float] = field(default_factory=dict)  #: time of each one's last report
    mean_request_s: float = 15.0  #: duration of a request, by experience


def without_request(state: LimiterState, request: InFlightRequest) -> LimiterState:
    """Return the state with ``request`` no longer in flight; the windows stay as they are."""
    return replace(state, in_flight=tuple(one for one in state.in_flight if one.id != request.id))


def effective_limits(limits: AccountLimits, state: LimiterState) -> AccountLimits:
    """Return the configured or the observed limits, in each dimension the stricter of both."""

    def stricter(dimension: Dimension) -> int | None:
        configured, observed = limits.get(dimension), state.observed_limits.get(dimension)
        known = [value for value in (configured, observed.value if observed else None) if value is not None]
        return min(known, default=None)

    return AccountLimits(**{dimension: stricter(dimension) for dimension in DIMENSIONS})
