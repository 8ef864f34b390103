"""What the service tells of itself while it works; who listens, and in which form, is not its matter.

A part that has something to tell takes an :class:`Observer` and calls it; this one hears everything
and does nothing. Whatever is told is bounded: kinds, platforms, outcomes and numbers, never a
person, a chat or a word. Nothing is told for a single piece of a stream: the most frequent are frames.
"""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, TypeAlias

from core.domain.events import Event

Action: TypeAlias = Literal["post", "edit", "delete", "reclaim", "find", "status"]
Attribute: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnSeen:
    """A turn that ended here."""

    platform: str
    question: bool  #: False for a command and everything else that Kimi is not asked
    outcome: str
    took_s: float  #: from being taken to the end
    first_words_s: float | None  #: from the event's arrival to words on the screen; None without any


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSeen:
    """One call that showed something of an answer, or tried to."""

    platform: str
    action: Action
    refusal: str  #: "" where it was shown; else the short name of the error
    took_s: float
    word_delay_s: float | None = None  #: how long the oldest word new in it had waited


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSeen:
    """One request to Kimi, from its place in the line to its end."""

    provider: str
    model: str
    outcome: str  #: "ok", "cancelled" or a :class:`core.kimi.KimiError`'s code
    waited_s: float  #: in the line
    first_word_s: float | None  #: from sending to the first piece; None where none came
    took_s: float  #: from sending to the end
    prompt_tokens: int = 0
    cached_tokens: int = 0  #: among the prompt's
    completion_tokens: int = 0
    reasoning_tokens: int = 0  #: among the completion's


class Span:
    """One piece of work in a trace; this one is written nowhere."""

    def note(self, **attributes: Attribute) -> None:
        """Add what became known meanwhile."""


_NO_SPAN = Span()


class Observer:
    """Hears what happens. A subclass makes figures and traces of it; it must not raise or wait."""

    def event(self, event: Event, *, result: str, took_s: float) -> None:
        """Hear that an event came: ``result`` is "new", "ignored" or "failed" (it will come again)."""

    def turn_begun(self, *, platform: str, waited_s: float, run: int) -> None:
        """Hear that a turn was taken; ``run`` over 1 goes on with what another run left."""

    def turn_ended(self, turn: TurnSeen) -> None:
        """Hear how a turn ended."""

    def turn_fenced(self) -> None:
        """Hear that a turn was lost to another run."""

    def frame(self, frame: FrameSeen) -> None:
        """Hear of one call to a platform's screen."""

    def call(self, call: CallSeen) -> None:
        """Hear of one request to Kimi."""

    def span(
        self, name: str, *, of: Event | None = None, holds: bool = False, **attributes: Attribute
    ) -> AbstractContextManager[Span]:
        """Return a block that is one piece of a trace.

        ``of`` is the event that all of it is about, from whichever process. With ``holds`` what the
        block does is part of it; such a block must begin and end in one task.
        """
        return nullcontext(_NO_SPAN)


SILENT = Observer()  #: for whoever is told nothing of
