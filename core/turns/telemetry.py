"""Telemetry of turns: log lines and traces with the turn's id, and one record at its end."""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from core.delivery.streamed_message import StreamedMessage
from core.domain.clock import Clock
from core.domain.errors import LeaseLost
from core.domain.turn_states import TurnOutcome
from core.observer import Observer, TraceSpan, TurnRecord
from core.store.clock import utc_now
from core.store.usage import CallUsage
from core.turns.claimed_turn import ClaimedTurn

log = structlog.get_logger(__name__)

PERSON_DIGITS: Final = 16  #: of a person's hash in log lines


async def _nobody(_person: str) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnDetails:
    """Where the last line about a turn finds what other parts of the service know of it."""

    take_usage: Callable[[int], CallUsage | None] = lambda _turn_id: None
    link: Callable[[int], str] = lambda _turn_id: ""  #: the console's page of a turn; "" without a console
    hash_person: Callable[[str], Awaitable[str]] = _nobody  #: of "platform:tenant:id"


class TurnTelemetry:
    """Telemetry of one turn."""

    def __init__(
        self,
        observer: Observer,
        clock: Clock,
        claimed: ClaimedTurn,
        waited_s: float,
        span: TraceSpan,
        *,
        person: str,
        details: TurnDetails,
    ) -> None:
        self._observer, self._clock, self._claimed = observer, clock, claimed
        self._waited_s, self._span = waited_s, span
        self._person, self._details = person, details
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
            person=self._person,
            **self._usage_fields(),
            **self._link_fields(),
        )

    def _usage_fields(self) -> dict[str, str | int | float | None]:
        used = self._details.take_usage(self._claimed.turn.id)
        if used is None:
            return {}
        return {
            "model": used.model,
            "prompt_tokens": used.prompt_tokens,
            "cached_tokens": used.cached_tokens,
            "completion_tokens": used.completion_tokens,
            "cost_usd": None if used.cost_usd is None else round(used.cost_usd, 6),
        }

    def _link_fields(self) -> dict[str, str]:
        link = self._details.link(self._claimed.turn.id)
        return {"link": link} if link else {}


class TurnTracker:
    """Starts the telemetry of turns."""

    def __init__(self, observer: Observer, clock: Clock, details: TurnDetails | None = None) -> None:
        self._observer = observer
        self._clock = clock
        self._details = details or TurnDetails()

    async def person_of(self, claimed: ClaimedTurn) -> str:
        """Return a hash of the person who asked, the same in all of their turns; "" for nobody.

        It begins as the one that Kimi receives.

        Raises:
            StoreUnavailable: the hash's key cannot be read.
        """
        if not claimed.asker_id:
            return ""
        key = claimed.conversation.key
        hashed = await self._details.hash_person(f"{key.platform}:{key.tenant}:{claimed.asker_id}")
        return hashed[:PERSON_DIGITS]

    @contextmanager
    def track(self, claimed: ClaimedTurn, *, person: str = "") -> Generator[TurnTelemetry]:
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
                yield TurnTelemetry(
                    self._observer,
                    self._clock,
                    claimed,
                    waited_s,
                    span,
                    person=person,
                    details=self._details,
                )
            except LeaseLost:
                self._observer.turn_lease_lost()
                log.info("turn.lease_lost", conversation=claimed.conversation.id)
                raise
            finally:
                self._details.take_usage(turn.id)  # also of a turn that did not end here
