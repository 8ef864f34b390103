"""One turn as operators see it: its log lines and its trace carry its id, its end is told."""

from collections.abc import Generator
from contextlib import contextmanager

import structlog

from core.delivery.delivery import Delivery
from core.domain.clock import Clock
from core.domain.errors import Fenced
from core.observer import Observer, Span, TurnSeen
from core.store.clock import utc_now
from core.turns.claimer import Taken

log = structlog.get_logger(__name__)


class Watch:
    """The eye on one turn."""

    def __init__(self, observer: Observer, clock: Clock, taken: Taken, waited_s: float, span: Span) -> None:
        self._observer, self._clock, self._taken = observer, clock, taken
        self._waited_s, self._span = waited_s, span
        self._taken_at = clock.time()

    def ended(self, outcome: str, delivery: Delivery) -> None:
        """Note that the turn is closed and that its words stand."""
        first = delivery.first_words_at
        self._span.note(outcome=outcome)
        self._observer.turn_ended(
            TurnSeen(
                platform=self._taken.conversation.key.platform,
                question=self._taken.said is not None,
                outcome=outcome,
                took_s=self._clock.time() - self._taken_at,
                first_words_s=None if first is None else self._waited_s + first - self._taken_at,
            )
        )


@contextmanager
def watched(observer: Observer, clock: Clock, taken: Taken) -> Generator[Watch]:
    """Watch a turn for the length of a block, which must begin and end in one task."""
    turn, platform = taken.turn, taken.conversation.key.platform
    waited_s = max(0.0, (utc_now() - taken.received_at).total_seconds())
    observer.turn_begun(platform=platform, waited_s=waited_s, run=turn.run)
    with (
        structlog.contextvars.bound_contextvars(turn=turn.id, run=turn.run),
        observer.span(
            "turn", of=taken.event, holds=True, platform=platform, turn=turn.id, run=turn.run
        ) as span,
    ):
        try:
            yield Watch(observer, clock, taken, waited_s, span)
        except Fenced:
            observer.turn_fenced()
            log.info("turn_fenced", conversation=taken.conversation.id)
            raise
