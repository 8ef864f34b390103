"""Telemetry of the core: records of its work, and an observer that metrics and traces implement.

A component that reports takes an :class:`Observer` and calls it; the base class ignores every call.
Reports hold kinds, platforms, outcomes and numbers only, never a person, a chat or a word, so the
number of different label values stays small. No single chunk of a stream is reported; the most frequent
reports are frames.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeAlias

from core.domain.bot_messages import PlatformAction
from core.domain.events import Event

AttributeValue: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRecord:
    """A turn that this process finished."""

    platform: str
    is_question: bool  #: False for commands and everything else without a request to Kimi
    outcome: str
    duration_s: float  #: from its claim to its end
    time_to_first_text_s: float | None  #: from the event's arrival to text on the screen; None without text


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformCallRecord:
    """One call to a platform that shows a part of an answer, successful or not."""

    platform: str
    action: PlatformAction
    error: str  #: "" if it succeeded, else the short name of the error
    duration_s: float
    text_latency_s: float | None = None  #: wait of the oldest new word in it


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCallRecord:
    """One request to Kimi, from its place in the queue to its end."""

    provider: str
    model: str
    outcome: str  #: "ok", "cancelled" or a :class:`core.kimi.KimiError`'s code
    queue_wait_s: float  #: wait for its turn in the limiter's queue
    time_to_first_token_s: float | None  #: from sending to the first chunk; None without a chunk
    duration_s: float  #: from sending to the end
    prompt_tokens: int = 0
    cached_tokens: int = 0  #: among the prompt's
    completion_tokens: int = 0
    reasoning_tokens: int = 0  #: among the completion's


class TraceSpan:
    """Span of a trace; the base class records nothing."""

    def set_attributes(self, **attributes: AttributeValue) -> None:
        """Add attributes to the span."""


_NOOP_SPAN = TraceSpan()


class Observer:
    """Receives reports. Subclasses turn them into metrics and traces; they must not raise or block."""

    def event_received(self, event: Event, *, result: str, duration_s: float) -> None:
        """Report a received event: ``result`` is "new", "ignored" or "failed" (it is sent again)."""

    def turn_started(self, *, platform: str, waited_s: float, attempt: int) -> None:
        """Report a claimed turn; ``attempt`` > 1 continues an interrupted attempt."""

    def turn_finished(self, turn: TurnRecord) -> None:
        """Report the end of a turn."""

    def turn_lease_lost(self) -> None:
        """Report a turn that another attempt has taken over."""

    def platform_call_finished(self, call: PlatformCallRecord) -> None:
        """Report one call to a platform."""

    def model_call_finished(self, call: ModelCallRecord) -> None:
        """Report one request to Kimi."""

    def span(
        self, name: str, *, event: Event | None = None, as_current: bool = False, **attributes: AttributeValue
    ) -> AbstractContextManager[TraceSpan]:
        """Return a context manager that makes its block one span of a trace.

        Args:
            name: the span's name.
            event: the event whose trace the span belongs to, in whichever process.
            as_current: whether spans of the block become its children; the block must then begin and
                end in one task.
            attributes: values that describe the span.
        """
        return nullcontext(_NOOP_SPAN)


NOOP_OBSERVER = Observer()  #: default of components without telemetry
