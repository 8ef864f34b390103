"""What all replicas share of one account: plain frozen data, without a clock and without I/O.

Times are seconds that all replicas agree on (:mod:`core.llm.limiter_store`). Requests are counted in
one of two places: a call that may still be on its way counts as if it arrived just now; once it is
known to have arrived (or ``flight_s`` has passed) it stands in the windows at that moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.llm.account_limits import DIMENSIONS, AccountLimits, Dimension


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedRequest:
    """A request that stands in the line."""

    id: str
    replica: str  #: the process whose request it is
    requester_id: str
    cost: float  #: of its asker's share: 1 / weight
    tokens: int  #: prompt and requested completion
    virtual_arrival: float  #: the line's virtual time when it arrived
    seq: int  #: order of arrival


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlightRequest:
    """A request that was let go and holds a place among those that run at once."""

    id: str
    replica: str  #: "" where nobody renews it any more
    tokens: int
    granted_at: float
    expires_at: float
    is_probe: bool = False  #: the one that tries whether a closed account is open again
    counted: bool = False  #: it stands in the windows


@dataclass(frozen=True, slots=True)
class WindowEntry:
    """What arrived at Kimi up to a moment, since the entry before."""

    at: float
    requests: int
    tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedLimit:
    """A limit that a 429 named."""

    value: int
    observed_at: float
    configured: int | None  #: what was configured then; a change of that makes it void


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """After a 429: nothing goes before ``until``."""

    until: float
    unexplained_refusals: int = 0  #: refusals in a row that our own count did not explain


@dataclass(frozen=True, slots=True, kw_only=True)
class Exhausted:
    """The account is used up: its balance ("quota") or its day ("tpd")."""

    reason: str
    since: float
    probe_at: float  #: when a single request may try again
    failed_probes: int = 0  #: probes that failed


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterState:
    """One account as all replicas see it."""

    updated_at: float = 0.0  #: of the latest change; never goes back
    seq: int = 0
    virtual_time: float = 0.0  #: start tag of the latest request that was let go
    finish_tags: Mapping[str, float] = field(default_factory=dict)  #: finish tag by asker, where ahead
    queued: tuple[QueuedRequest, ...] = ()
    in_flight: tuple[InFlightRequest, ...] = ()
    minute_window: tuple[WindowEntry, ...] = ()  #: in order of time
    day_window: tuple[WindowEntry, ...] = ()
    observed_limits: Mapping[str, ObservedLimit] = field(default_factory=dict)
    pauses: Mapping[str, Pause] = field(default_factory=dict)
    exhausted: Exhausted | None = None
    replica_seen_at: Mapping[str, float] = field(default_factory=dict)  #: when each was last heard of
    mean_request_s: float = 15.0  #: how long a request runs, by experience


def effective_limits(limits: AccountLimits, state: LimiterState) -> AccountLimits:
    """Return the limits that hold: of what is configured and what was learnt, the stricter."""

    def one(dimension: Dimension) -> int | None:
        configured, learnt = limits.get(dimension), state.observed_limits.get(dimension)
        known = [value for value in (configured, learnt.value if learnt else None) if value is not None]
        return min(known, default=None)

    return AccountLimits(**{dimension: one(dimension) for dimension in DIMENSIONS})
