"""Measures one request to Kimi for the observer."""

from contextlib import ExitStack

from core.domain.clock import Clock
from core.kimi import Finished, KimiError, ReplyEvent, Usage
from core.observer import ModelCallRecord, Observer


class CallMetrics:
    """Collects the times and tokens of one request and reports them once, at its end."""

    def __init__(self, observer: Observer, clock: Clock, *, provider: str, model: str) -> None:
        """Begin when the request enters the queue."""
        self._observer, self._clock = observer, clock
        self._provider, self._model = provider, model
        self._queued_at = clock.time()
        self._sent_at: float | None = None
        self._first_event_at: float | None = None
        self._usage: Usage | None = None
        self._outcome = "cancelled"
        self._exit_stack = ExitStack()
        # Not as_current: a generator may be closed by another task than the one that began it.
        self._span = self._exit_stack.enter_context(observer.span("kimi", provider=provider, model=model))

    def mark_sent(self) -> None:
        """Record that the request has its permit and is sent."""
        self._sent_at = self._clock.time()

    def record_event(self, event: ReplyEvent) -> None:
        """Record an event of the reply; costs one comparison but for the first and the last."""
        if self._first_event_at is None:
            self._first_event_at = self._clock.time()
        if isinstance(event, Finished):
            self._usage, self._outcome = event.usage, "ok"

    def record_error(self, error: KimiError) -> None:
        """Record that Kimi, or the limiter in its place, refused or failed."""
        self._outcome = error.code

    def finish(self) -> None:
        """Report the request to the observer."""
        now = self._clock.time()
        sent_at = self._sent_at if self._sent_at is not None else now
        usage = self._usage
        call = ModelCallRecord(
            provider=self._provider,
            model=self._model,
            outcome=self._outcome,
            queue_wait_s=sent_at - self._queued_at,
            time_to_first_token_s=None if self._first_event_at is None else self._first_event_at - sent_at,
            duration_s=now - sent_at,
            prompt_tokens=usage.prompt_tokens if usage else 0,
            cached_tokens=usage.cached_tokens if usage else 0,
            completion_tokens=usage.completion_tokens if usage else 0,
            reasoning_tokens=usage.reasoning_tokens if usage else 0,
        )
        self._span.set_attributes(
            outcome=call.outcome,
            waited_s=call.queue_wait_s,
            prompt_tokens=call.prompt_tokens,
            completion_tokens=call.completion_tokens,
        )
        self._exit_stack.close()
        self._observer.model_call_finished(call)
