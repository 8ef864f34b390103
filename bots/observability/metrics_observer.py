"""Implements :class:`core.observer.Observer`: counts in metrics and, if enabled, traces."""

from contextlib import AbstractContextManager

from bots.observability import metrics as m
from bots.observability.metric_labels import event_type_label
from bots.observability.metrics_registry import Metrics
from core.access import PriceList
from core.domain.events import Event, origin_of
from core.observer import AttributeValue, ModelCallRecord, Observer, PlatformCallRecord, TraceSpan, TurnRecord


class MetricsObserver(Observer):
    """Records each observation in the metrics and passes spans on to a tracer."""

    def __init__(self, metrics: Metrics, prices: PriceList, *, tracer: Observer | None = None) -> None:
        """Record in ``metrics``, with costs by ``prices``; ``tracer`` records spans, None records none."""
        self.metrics = metrics
        self._prices = prices
        self._tracer = tracer or Observer()

    def event_received(self, event: Event, *, result: str, duration_s: float) -> None:
        """Count an event and, if it is new, record its ingest time."""
        platform, _ = origin_of(event)
        self.metrics.increment(m.EVENTS, platform, event_type_label(event), result)
        if result == "new":
            self.metrics.observe(m.INGEST_TIME, platform, seconds=duration_s)

    def turn_started(self, *, platform: str, waited_s: float, attempt: int) -> None:
        """Record how long a new turn's event waited; count a turn that an earlier attempt began."""
        if attempt > 1:
            self.metrics.increment(m.TURNS_TAKEN_OVER, platform)
        else:
            self.metrics.observe(m.QUEUE_WAIT, platform, seconds=waited_s)

    def turn_finished(self, turn: TurnRecord) -> None:
        """Count a turn and record the durations of a question."""
        turn_type = "question" if turn.is_question else "command"
        self.metrics.increment(m.TURNS, turn.platform, turn_type, turn.outcome)
        if turn.is_question:
            self.metrics.observe(m.TURN_TIME, turn.platform, seconds=turn.duration_s)
            if turn.time_to_first_text_s is not None:
                self.metrics.observe(m.TIME_TO_FIRST_TOKEN, turn.platform, seconds=turn.time_to_first_text_s)

    def turn_lease_lost(self) -> None:
        """Count a turn that a later attempt took."""
        self.metrics.increment(m.TURNS_LOST)

    def platform_call_finished(self, call: PlatformCallRecord) -> None:
        """Count a successful or failed platform call and record its durations."""
        if call.error:
            self.metrics.increment(m.PLATFORM_ERRORS, call.platform, call.error)
        else:
            self.metrics.increment(m.PLATFORM_CALLS, call.platform, call.action)
        self.metrics.observe(m.PLATFORM_CALL_TIME, call.platform, call.action, seconds=call.duration_s)
        if call.text_latency_s is not None:
            self.metrics.observe(m.TEXT_TO_SCREEN_LATENCY, call.platform, seconds=call.text_latency_s)

    def model_call_finished(self, call: ModelCallRecord) -> None:
        """Count a request to Kimi and record its durations, tokens and cost."""
        metrics = self.metrics
        metrics.increment(m.KIMI_CALLS, call.provider, call.model, call.outcome)
        metrics.observe(m.LIMITER_WAIT, call.provider, seconds=call.queue_wait_s)
        if call.time_to_first_token_s is None:
            return
        metrics.observe(m.KIMI_TIME_TO_FIRST_TOKEN, call.model, seconds=call.time_to_first_token_s)
        metrics.observe(m.KIMI_CALL_TIME, call.model, seconds=call.duration_s)
        for name in ("prompt", "cached", "completion", "reasoning"):
            metrics.increment(m.KIMI_TOKENS, call.model, name, amount=getattr(call, f"{name}_tokens"))
        cost_usd = self._prices.cost_usd(
            call.model,
            prompt_tokens=call.prompt_tokens,
            cached_tokens=call.cached_tokens,
            completion_tokens=call.completion_tokens,
        )
        if cost_usd is not None:
            metrics.increment(m.KIMI_COST, call.model, amount=cost_usd)

    def span(
        self, name: str, *, event: Event | None = None, as_current: bool = False, **attributes: AttributeValue
    ) -> AbstractContextManager[TraceSpan]:
        """Return the tracer's span; see :meth:`core.observer.Observer.span`."""
        return self._tracer.span(name, event=event, as_current=as_current, **attributes)
