"""What the limiter learns from a refusal of Kimi: limits, pauses, an exhausted account. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from core.llm import sliding_window
from core.llm.account_limits import DIMENSIONS, AccountLimits, LimiterTiming
from core.llm.limiter_state import (
    Exhausted,
    ExhaustedReason,
    InFlightRequest,
    LimiterState,
    ObservedLimit,
    Pause,
    effective_limits,
)

RefusedLimit: TypeAlias = Literal["concurrency", "rpm", "tpm", "tpd", "unknown", "quota"]

MAX_DOUBLINGS: Final = 16  #: of a pause; the cap of the pause itself is reached long before


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRefusal:
    """Which limit Kimi refused a request for."""

    limit: RefusedLimit  #: "quota": the account has no balance
    value: int | None = None  #: the limit itself, if the refusal named it
    retry_after_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEvent:
    """One log entry for the operator, written once for all replicas."""

    event: str
    is_error: bool = False
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContext:
    """Configuration and time of one report, and the log entries that it causes."""

    limits: AccountLimits
    timing: LimiterTiming
    now: float
    log_events: list[LogEvent] = field(default_factory=list)

    def log(self, event: str, *, is_error: bool = False, **fields: object) -> None:
        """Add an entry for the operator."""
        self.log_events.append(LogEvent(event=event, is_error=is_error, fields=fields))


def apply_refusal(
    state: LimiterState, request: InFlightRequest, refusal: LimitRefusal, context: ReportContext
) -> LimiterState:
    """Return the state after a refusal of ``request``, which is no longer in flight."""
    if refusal.limit == "quota" or refusal.limit == "tpd":
        state = _observe_limit(state, refusal, context)
        return _mark_exhausted(state, request, refusal.limit, context)
    before = effective_limits(context.limits, state)
    state = _observe_limit(state, refusal, context)
    is_explained = effective_limits(context.limits, state) != before or _explains_refusal(
        state, refusal, request.tokens
    )
    return _pause(state, refusal, context, is_explained=is_explained)


def _pause(
    state: LimiterState, refusal: LimitRefusal, context: ReportContext, *, is_explained: bool
) -> LimiterState:
    """Let no request go for a while; longer with each refusal that our own count does not explain."""
    timing = context.timing
    previous = state.pauses.get(refusal.limit, Pause(until=context.now))
    unexplained = 0 if is_explained else previous.unexplained_refusals + 1
    backoff_s = 0.0 if is_explained else timing.pause_first_s * 2.0 ** min(unexplained - 1, MAX_DOUBLINGS)
    wait_s = max(refusal.retry_after_s, min(timing.pause_max_s, backoff_s))
    context.log("limiter.paused", limit=refusal.limit, wait_s=round(wait_s, 2), strikes=unexplained)
    until = max(previous.until, context.now + wait_s)
    pause = Pause(until=until, unexplained_refusals=unexplained)
    return replace(state, pauses={**state.pauses, refusal.limit: pause})


def _observe_limit(state: LimiterState, refusal: LimitRefusal, context: ReportContext) -> LimiterState:
    dimension = next((one for one in DIMENSIONS if one == refusal.limit), None)
    if dimension is None or refusal.value is None or refusal.value < 1:
        return state
    known = state.observed_limits.get(dimension)
    if known is None or known.value != refusal.value:
        context.log("limiter.limit_observed", limit=dimension, value=refusal.value)
    observed = ObservedLimit(
        value=refusal.value, observed_at=context.now, configured=context.limits.get(dimension)
    )
    return replace(state, observed_limits={**state.observed_limits, dimension: observed})


def _explains_refusal(state: LimiterState, refusal: LimitRefusal, request_tokens: int) -> bool:
    """Return whether our own count explains the refusal; if not, somebody else uses the account too."""
    if refusal.value is None:
        return False
    uncounted = [request for request in state.in_flight if not request.counted]
    requests, tokens = sliding_window.totals(state.minute_window)
    match refusal.limit:
        case "concurrency":
            return len(state.in_flight) >= refusal.value
        case "rpm":
            return requests + len(uncounted) > refusal.value  # the refused request is counted already
        case "tpm":
            uncounted_tokens = sum(request.tokens for request in uncounted)
            return tokens + uncounted_tokens + request_tokens > refusal.value
        case _:
            return False


def _mark_exhausted(
    state: LimiterState, request: InFlightRequest, reason: ExhaustedReason, context: ReportContext
) -> LimiterState:
    known, timing = state.exhausted, context.timing
    if known is not None and not request.is_probe:
        return state  # it was on its way when the account was found exhausted
    failed_probes = 0 if known is None else known.failed_probes + 1
    if reason == "tpd":
        first_s, max_s = timing.day_probe_first_s, timing.day_probe_max_s
    else:
        first_s, max_s = timing.quota_probe_first_s, timing.quota_probe_max_s
    wait_s = min(max_s, first_s * 2.0 ** min(failed_probes, MAX_DOUBLINGS))
    if known is None:
        context.log("limiter.exhausted", is_error=True, why=reason, asks_again_in_s=wait_s)
    exhausted = Exhausted(
        reason=reason,
        since=context.now if known is None else known.since,
        probe_at=context.now + wait_s,
        failed_probes=failed_probes,
    )
    return replace(state, exhausted=exhausted)
