"""What the service tells of itself while it works; who listens, and in which form, is not its matter.

A part that has something to tell takes an :class:`Observer` and calls it; this one hears everything
and does nothing. Whatever is told is bounded: kinds, platforms, outcomes and numbers, never a
person, a chat or a word. Nothing is told for a single piece of a stream: the most frequent are frames.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeAlias

from core.domain.bot_messages import PlatformAction
from core.domain.events import Event

AttributeValue: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnRecord:
    """A turn that ended here."""

    platform: str
    is_question: bool  #: False for a command and everything else that Kimi is not asked
    outcome: str
    duration_s: float  #: from being taken to the end
    time_to_first_text_s: float | None  #: from the event's arrival to words on the screen; None without any


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformCallRecord:
    """One call that showed something of an answer, or tried to."""

    platform: str
    action: PlatformAction
    error: str  #: "" where it was shown; else the short name of the error
    duration_s: float
    text_latency_s: float | None = None  #: how long the oldest word new in it had waited


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCallRecord:
    """One request to Kimi, from its place in the line to its end."""

    provider: str
    model: str
    outcome: str  #: "ok", "cancelled" or a :class:`core.kimi.KimiError`'s code
    queue_wait_s: float  #: in the line
    time_to_first_token_s: float | None  #: from sending to the first piece; None where none came
    duration_s: float  #: from sending to the end
    prompt_tokens: int = 0
    cached_tokens: int = 0  #: among the prompt's
    completion_tokens: int = 0
    reasoning_tokens: int = 0  #: among the completion's


class TraceSpan:
    """One piece of work in a trace; this one is written nowhere."""

    def set_attributes(self, **attributes: AttributeValue) -> None:
        """Add what became known meanwhile."""


_NOOP_SPAN = TraceSpan()


class Observer:
    """Hears what happens. A subclass makes figures and traces of it; it must not raise or wait."""

    def event_received(self, event: Event, *, result: str, duration_s: float) -> None:
        """Hear that an event came: ``result`` is "new", "ignored" or "failed" (it will come again)."""

    def turn_started(self, *, platform: str, waited_s: float, attempt: int) -> None:
        """Hear that a turn was taken; ``run`` over 1 goes on with what another run left."""

    def turn_finished(self, turn: TurnRecord) -> None:
        """Hear how a turn ended."""

    def turn_lease_lost(self) -> None:
        """Hear that a turn was lost to another run."""

    def platform_call_finished(self, call: PlatformCallRecord) -> None:
        """Hear of one call to a platform's screen."""

    def model_call_finished(self, call: ModelCallRecord) -> None:
        """Hear of one request to Kimi."""

    def span(
        self, name: str, *, event: Event | None = None, as_current: bool = False, **attributes: AttributeValue
    ) -> AbstractContextManager[TraceSpan]:
        """Return a block that is one piece of a trace.

        ``of`` is the event that all of it is about, from whichever process. With ``holds`` what the
        block does is part of it; such a block must begin and end in one task.
        """
        return nullcontext(_NOOP_SPAN)


NOOP_OBSERVER = Observer()  #: for whoever is told nothing of
