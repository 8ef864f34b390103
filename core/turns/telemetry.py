"""Telemetry of turns: log lines and traces with the turn's id, and one record at its end."""

from collections.abc import Generator
from contextlib import contextmanager

import structlog

from core.delivery.streamed_message import StreamedMessage
from core.domain.clock import Clock
from core.domain.errors import LeaseLost
from core.domain.turn_states import TurnOutcome
from core.observer import Observer, TraceSpan, TurnRecord
from core.store.clock import utc_now
from core.turns.claimed_turn import ClaimedTurn

log = structlog.get_logger(__name__)


class TurnTelemetry:
    """Telemetry of one turn."""

    def __init__(
        self, observer: Observer, clock: Clock, claimed: ClaimedTurn, waited_s: float, span: TraceSpan
    ) -> None:
        self._observer, self._clock, self._claimed = observer, clock, claimed
        self._waited_s, self._span = waited_s, span
        self._claimed_at = clock.time()

    def finished(self, outcome: TurnOutcome, delivery: StreamedMessage) -> None:
        """Report that the turn is closed and its reply is on the screen."""
        first = delivery.first_shown_at
        duration_s = self._clock.time() - self._claimed_at
        time_to_first_text_s = None if first is None else self._waited_s + first - self._claimed_at
        key = self._claimed.conversation.key
        self._span.set_attributes(outcome=str(outcome))
        self._observer.turn_finished(
            TurnRecord(
                platform=key.platform,
                is_question=self._claimed.question is not None,
                outcome=str(outcome),
                duration_s=duration_s,
                time_to_first_text_s=time_to_first_text_s,
            )
        )
        log.info(
            "turn.finished",
            platform=key.platform,
            chat=key.channel,
            conversation=self._claimed.conversation.id,
            outcome=str(outcome),
            duration_s=round(duration_s, 2),
            first_text_s=None if time_to_first_text_s is None else round(time_to_first_text_s, 2),
            pages=delivery.message_count,
        )


class TurnTracker:
    """Starts the telemetry of turns."""

    def __init__(self, observer: Observer, clock: Clock) -> None:
        self._observer = observer
        self._clock = clock

    @contextmanager
    def track(self, claimed: ClaimedTurn) -> Generator[TurnTelemetry]:
        """Return a block that belongs to a turn; it must begin and end in one task."""
        turn, platform = claimed.turn, claimed.conversation.key.platform
        waited_s = max(0.0, (utc_now() - claimed.received_at).total_seconds())
        self._observer.turn_started(platform=platform, waited_s=waited_s, attempt=turn.attempt)
        with (
            structlog.contextvars.bound_contextvars(turn=turn.id, attempt=turn.attempt),
            self._observer.span(
                "turn",
                event=claimed.event,
                as_current=True,
                platform=platform,
                turn=turn.id,
                attempt=turn.attempt,
            ) as span,
        ):
            try:
                yield TurnTelemetry(self._observer, self._clock, claimed, waited_s, span)
            except LeaseLost:
                self._observer.turn_lease_lost()
                log.info("turn.lease_lost", conversation=claimed.conversation.id)
                raise
