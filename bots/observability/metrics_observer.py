"""What the service tells of itself, as figures and, where wanted, as traces."""

from contextlib import AbstractContextManager

from bots.observability import metrics as m
from bots.observability.metrics import Metrics
from core.access import Prices
from core.domain.events import Event, origin_of
from core.observer import Attribute, CallSeen, FrameSeen, Observer, Span, TurnSeen


class ServiceObserver(Observer):
    """Keeps the figures of one service."""

    def __init__(self, metrics: Metrics, prices: Prices, *, tracer: Observer | None = None) -> None:
        """``tracer`` makes the spans; None makes none."""
        self.metrics = metrics
        self._prices = prices
        self._tracer = tracer or Observer()

    def event(self, event: Event, *, result: str, took_s: float) -> None:
        """Count an event and take its time."""
        platform, _ = origin_of(event)
        self.metrics.count(m.EVENTS, platform, type(event).__name__.lower(), result)
        if result == "new":
            self.metrics.time(m.INGEST, platform, s=took_s)

    def turn_begun(self, *, platform: str, waited_s: float, run: int) -> None:
        """Take the time that an event waited; count a turn that another run began."""
        if run > 1:
            self.metrics.count(m.TAKEN_OVER, platform)
        else:
            self.metrics.time(m.WAIT, platform, s=waited_s)

    def turn_ended(self, turn: TurnSeen) -> None:
        """Count a turn and take its times."""
        kind = "question" if turn.question else "order"
        self.metrics.count(m.TURNS, turn.platform, kind, turn.outcome)
        if turn.question:
            self.metrics.time(m.TURN_TIME, turn.platform, s=turn.took_s)
            if turn.first_words_s is not None:
                self.metrics.time(m.FIRST_WORD, turn.platform, s=turn.first_words_s)

    def turn_fenced(self) -> None:
        """Count it."""
        self.metrics.count(m.FENCED)

    def frame(self, frame: FrameSeen) -> None:
        """Count a call to a screen, or its refusal, and take its times."""
        if frame.refusal:
            self.metrics.count(m.REFUSALS, frame.platform, frame.refusal)
        else:
            self.metrics.count(m.FRAMES, frame.platform, frame.action)
        self.metrics.time(m.FRAME_TIME, frame.platform, frame.action, s=frame.took_s)
        if frame.word_delay_s is not None:
            self.metrics.time(m.WORD_DELAY, frame.platform, s=frame.word_delay_s)

    def call(self, call: CallSeen) -> None:
        """Count a request to Kimi with its tokens and its cost."""
        counted = self.metrics
        counted.count(m.CALLS, call.provider, call.model, call.outcome)
        counted.time(m.LINE_WAIT, call.provider, s=call.waited_s)
        if call.first_word_s is None:
            return
        counted.time(m.CALL_FIRST, call.model, s=call.first_word_s)
        counted.time(m.CALL_TIME, call.model, s=call.took_s)
        for name in ("prompt", "cached", "completion", "reasoning"):
            counted.count(m.TOKENS, call.model, name, by=getattr(call, f"{name}_tokens"))
        cost_usd = self._prices.cost_usd(
            call.model,
            prompt_tokens=call.prompt_tokens,
            cached_tokens=call.cached_tokens,
            completion_tokens=call.completion_tokens,
        )
        if cost_usd is not None:
            counted.count(m.COST, call.model, by=cost_usd)

    def span(
        self, name: str, *, of: Event | None = None, holds: bool = False, **attributes: Attribute
    ) -> AbstractContextManager[Span]:
        """Leave it to whoever traces."""
        return self._tracer.span(name, of=of, holds=holds, **attributes)
