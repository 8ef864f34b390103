"""What the stand-in says: a script looks at a request and returns a reply with its faults."""

import asyncio
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from bots.simulator.kimi.messages import Message, question_of
from bots.simulator.kimi.refusal import OVERLOADED, SERVER_ERROR, Refusal
from bots.simulator.kimi.rules import Order

#: Where a stream tells its usage: A in the last choice, B at the top of the finish chunk, C in an
#: extra chunk with ``choices: []``, D nowhere.
UsageShape = Literal["A", "B", "C", "D"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """What goes wrong with one reply. Characters are those of the content, thinking not counted."""

    refuse: Refusal | None = None  #: answer with this error instead
    cut_after_chars: int | None = None  #: drop the connection
    stall_after_chars: int | None = None  #: stay open and silent for ``stall_s``
    stall_s: float = math.inf
    error_after_chars: int | None = None  #: an error object within the stream, then its end
    error: Refusal = OVERLOADED
    no_done: bool = False  #: end well, but without ``[DONE]``
    usage: UsageShape | None = None  #: None: C where ``include_usage`` asks for it, else A
    crlf: bool = False
    comments: bool = False  #: SSE comments and extra blank lines between events
    split_utf8: bool = False  #: every event in two writes, within a character where there is one
    leading_space: bool = False
    empty_choices_first: bool = False
    beside: bool = False  #: thinking doubled as ``reasoning``; its end in one delta with the content


class Piece(NamedTuple):
    """One chunk of a stream."""

    kind: Literal["reasoning", "text", "delta"]
    text: str  #: for "delta": a whole delta as JSON (tool calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedCall:
    """A tool call that the model makes."""

    name: str
    arguments: str = "{}"  #: JSON, as the model writes it
    id: str = ""  #: "" makes one like the real ones: "name:0"


@dataclass(frozen=True, slots=True)
class ScriptedReply:
    """One reply as it would be without a limit, a prefix to continue, or a stop word."""

    text: str
    reasoning: str = ""  #: left out where thinking is disabled
    chunk_chars: int = 0  #: characters per chunk; 0: words and CJK characters
    chunks_per_s: float = 50.0  #: ``math.inf``: all at once
    first_after_s: float = 0.0  #: before the response begins
    finish_reason: str = "stop"
    faults: Faults = field(default_factory=Faults)
    tool_calls: tuple[ScriptedCall, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RawReply:
    """A response of exactly these bytes, as other hosts, gateways and older models send it."""

    chunks: tuple[bytes | float, ...]  #: network writes, and pauses in seconds between them
    status: int = 200
    content_type: str = "text/event-stream; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    cut: bool = False  #: the connection is dropped behind the last chunk


@dataclass(slots=True, kw_only=True, eq=False)
class SeenRequest:
    """One chat completion request and what became of it. Times are seconds of the clock."""

    at: float  #: arrival
    path: str
    key: str = ""  #: the bearer key
    request_id: str = ""  #: as in ``Msh-Request-Id``
    body: dict[str, Any] = field(default_factory=dict)
    order: Order | None = None  #: None where a rule refused it
    refusal: Refusal | None = None  #: the error that was answered
    reply: ScriptedReply | RawReply | None = None
    pieces: list[Piece] = field(default_factory=list)  #: planned chunks
    chunk_times: list[float] = field(default_factory=list)  #: when each piece was written
    finished: bool = False  #: the whole response was written
    disconnected: bool = False  #: the client left before that
    ended: asyncio.Event = field(default_factory=asyncio.Event)  #: set when nothing more is written

    @property
    def model(self) -> str:
        """The model asked for."""
        return str(self.body.get("model", ""))

    @property
    def messages(self) -> list[Message]:
        """All messages of the body, as sent."""
        return self.body.get("messages") or []

    @property
    def history(self) -> list[Message]:
        """The messages without the one that partial mode continues."""
        return [message for message in self.messages if message.get("partial") is not True]

    @property
    def prefix(self) -> str | None:
        """The text that partial mode continues; None where the mode is off."""
        return self.order.prefix if self.order else None

    @property
    def question(self) -> str:
        """The text of the last user message."""
        return question_of(self.messages)

    @property
    def words(self) -> list[tuple[float, str]]:
        """The content pieces that were written, each with its time."""
        written = zip(self.chunk_times, self.pieces, strict=False)
        return [(at, piece.text) for at, piece in written if piece.kind == "text"]


Scripted: TypeAlias = ScriptedReply | RawReply | Refusal | str
Script: TypeAlias = Callable[[SeenRequest], Scripted]


def as_reply(scripted: Scripted, *, chunks_per_s: float = 50.0) -> ScriptedReply | RawReply:
    """Return the full form of a text or a refusal."""
    match scripted:
        case str():
            return ScriptedReply(scripted, chunks_per_s=chunks_per_s)
        case Refusal():
            return ScriptedReply("", faults=Faults(refuse=scripted))
        case _:
            return scripted


def answer_with(
    text: str,
    *,
    reasoning: str = "",
    chunk_chars: int = 0,
    chunks_per_s: float = 50.0,
    first_after_s: float = 0.0,
    finish_reason: str = "stop",
    faults: Faults | None = None,
) -> Script:
    """Return a script that answers every request alike."""
    reply = ScriptedReply(
        text, reasoning, chunk_chars, chunks_per_s, first_after_s, finish_reason, faults or Faults()
    )
    return lambda request: reply


def per_question(replies: Mapping[str, Scripted], *, chunks_per_s: float = 50.0) -> Script:
    """Return a script that looks the question up: exactly, else by the longest key in it.

    A question without a key is answered with 500, so that a test notices.
    """
    keys = sorted(replies, key=len, reverse=True)

    def script(request: SeenRequest) -> Scripted:
        question = request.question.strip()
        found = question if question in replies else next((key for key in keys if key in question), None)
        return as_reply(_UNSCRIPTED if found is None else replies[found], chunks_per_s=chunks_per_s)

    return script


def in_turn(*replies: Scripted, then: Script | None = None, chunks_per_s: float = 50.0) -> Script:
    """Return a script that gives each reply once, in order, and then follows ``then``.

    Without ``then`` every further request is answered with 500, so that a test notices.
    """
    waiting = list(reversed(replies))

    def script(request: SeenRequest) -> Scripted:
        if waiting:
            return as_reply(waiting.pop(), chunks_per_s=chunks_per_s)
        return then(request) if then else _UNSCRIPTED

    return script


def after_refusals(refusal: Refusal, times: int, then: Script) -> Script:
    """Return a script that refuses ``times`` requests and then follows ``then``."""
    return in_turn(*[refusal] * times, then=then)


_UNSCRIPTED = Refusal(
    status=SERVER_ERROR.status, type=SERVER_ERROR.type, message="the script has no reply for this request"
)
