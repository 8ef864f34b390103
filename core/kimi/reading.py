"""From the bytes of a response to the events of a reply, without I/O.

:class:`StreamReading` is the hot path: it runs for every few characters of every answer. It reads
with ``isinstance`` where ``match`` would read better and cost twice as much
(``tests/bench/sse.py``).
"""

from collections.abc import Iterator
from typing import Any, Protocol

from core.kimi.decode import decode
from core.kimi.errors import KimiEndpointMissing, KimiStreamInterrupted, KimiUnavailable
from core.kimi.failure import from_event
from core.kimi.reply import Finished, FinishReason, ReasoningDelta, ReplyEvent, TextDelta, Usage
from core.kimi.sse import SseReader
from core.kimi.tool_calls import ToolCallDrafts

_DONE = b"[DONE]"


class Reading(Protocol):
    """One response body, on its way to become events."""

    done: bool  #: ``Finished`` was handed out; what follows does not matter

    def feed(self, chunk: bytes) -> Iterator[ReplyEvent]:
        """Take one network read; what stands before a fault in it is handed out first.

        Raises:
            KimiError: the body carries an error, or cannot be read.
        """

    def close(self) -> Iterator[ReplyEvent]:
        """Take the end of the body.

        Raises:
            KimiStreamInterrupted: it ended too early.
            KimiError: as in :meth:`feed`.
        """


def reading_for(content_type: str, *, request_id: str, secrets: tuple[str, ...]) -> Reading:
    """Return what reads a successful response by its type, whatever was asked for.

    Raises:
        KimiEndpointMissing: it is a web page.
    """
    if "html" in content_type:
        raise KimiEndpointMissing("a web page instead of a reply; is the base URL right?")
    if "json" in content_type:
        return WholeReading(request_id=request_id, secrets=secrets)
    return StreamReading(request_id=request_id, secrets=secrets)


class _Gathering:
    """What both forms of a reply have in common: everything that is only known at the end."""

    def __init__(self, *, request_id: str, secrets: tuple[str, ...]) -> None:
        self.done = False
        self._request_id = request_id
        self._secrets = secrets
        self._model = ""
        self._usage: Usage | None = None
        self._reason: FinishReason | None = None
        self._drafts = ToolCallDrafts()

    def _check(self, body: dict[str, Any]) -> None:
        """Raise what an ``error`` member means; Ace Data Cloud sends it as null beside a reply."""
        if body.get("error"):
            raise from_event(body["error"], request_id=self._request_id, secrets=self._secrets)

    def _note(self, body: dict[str, Any], choice: dict[str, Any]) -> None:
        """Remember what a chunk tells beside its words. Usage stands on top or in the choice."""
        usage = body.get("usage") or choice.get("usage")
        if usage:
            self._usage = usage_from(usage) or self._usage
        reason = choice.get("finish_reason")
        if reason:
            self._reason = _reason_from(reason)

    def _name(self, body: dict[str, Any]) -> None:
        """Remember who answered. The body's own id serves where no header brought one."""
        model, own_id = body.get("model"), body.get("id")
        self._model = model if isinstance(model, str) else ""
        if not self._request_id and isinstance(own_id, str):
            self._request_id = own_id

    def _ending(self) -> list[ReplyEvent]:
        self.done = True
        calls = self._drafts.calls()
        reason = self._reason or ("tool_calls" if calls else "stop")
        return [*calls, Finished(reason, self._usage, self._request_id, self._model)]


class StreamReading(_Gathering):
    """A streamed reply; complete with ``data: [DONE]`` and with nothing else."""

    def __init__(self, *, request_id: str, secrets: tuple[str, ...]) -> None:
        super().__init__(request_id=request_id, secrets=secrets)
        self._sse = SseReader()
        self._begun = False

    def feed(self, chunk: bytes) -> Iterator[ReplyEvent]:
        """See :class:`FileReadResult`."""
        try:
            payloads = self._sse.feed(chunk)
        except ValueError as exc:
            raise self._interrupted(str(exc)) from exc
        yield from self._events(payloads)

    def close(self) -> Iterator[ReplyEvent]:
        """See :class:`FileReadResult`."""
        yield from self._events(self._sse.close())
        if not self.done:
            raise self._interrupted("the stream ended without [DONE]")

    def _events(self, payloads: list[bytes]) -> Iterator[ReplyEvent]:
        for payload in payloads:
            if self.done:
                return
            if not payload.startswith(_DONE):
                yield from self._read(payload)
            elif self._begun:
                yield from self._ending()
            else:
                raise self._interrupted("the stream has no chunk before [DONE]")

    def _read(self, payload: bytes) -> list[ReplyEvent]:
        try:
            chunk = decode(payload)
        except ValueError as exc:
            raise self._interrupted("a chunk that is no JSON") from exc
        if not isinstance(chunk, dict):
            raise self._interrupted("a chunk that is no JSON object")
        self._check(chunk)
        if not self._begun:
            self._begun = True
            self._name(chunk)
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            self._note(chunk, {})  # the usage chunk has no choices
            return []
        self._note(chunk, choice)
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return []
        if delta.get("tool_calls"):
            self._drafts.add(delta["tool_calls"])
        return _words(delta)

    def _interrupted(self, message: str) -> KimiStreamInterrupted:
        return KimiStreamInterrupted(message, request_id=self._request_id)


class WholeReading(_Gathering):
    """A reply in one JSON body."""

    def __init__(self, *, request_id: str, secrets: tuple[str, ...]) -> None:
        super().__init__(request_id=request_id, secrets=secrets)
        self._body = bytearray()

    def feed(self, chunk: bytes) -> Iterator[ReplyEvent]:
        """See :class:`FileReadResult`."""
        self._body += chunk
        return iter(())

    def close(self) -> Iterator[ReplyEvent]:
        """See :class:`FileReadResult`."""
        try:
            body = decode(bytes(self._body))
        except ValueError as exc:
            raise self._unreadable("a reply that is no JSON") from exc
        if isinstance(body, dict):
            self._check(body)
        match body:
            case {"choices": [{"message": dict(message)} as choice, *_]}:
                self._name(body)
                self._note(body, choice)
                self._drafts.add(message.get("tool_calls"))
                return iter([*_words(message), *self._ending()])
            case _:
                raise self._unreadable("a reply without a message")

    def _unreadable(self, message: str) -> KimiUnavailable:
        return KimiUnavailable(message, request_id=self._request_id)


def _words(delta: dict[str, Any]) -> list[ReplyEvent]:
    """Return what a delta or a message says.

    Ace Data Cloud sends the thinking twice, as ``reasoning_content`` and as ``reasoning``, and
    may send thinking and text in the same delta.
    """
    events: list[ReplyEvent] = []
    reasoning = delta.get("reasoning_content") or delta.get("reasoning")
    if reasoning and isinstance(reasoning, str):
        events.append(ReasoningDelta(reasoning))
    text = delta.get("content")
    if text and isinstance(text, str):
        events.append(TextDelta(text))
    return events


def _reason_from(reason: object) -> FinishReason:
    match reason:
        case "stop" | "length" | "tool_calls" | "content_filter":
            return reason
        case "max_tokens" | "max_completion_tokens":
            return "length"
        case "function_call":
            return "tool_calls"
        case _:
            return "stop"


def usage_from(told: object) -> Usage | None:
    """Read a ``usage`` member; None where it carries no numbers."""
    if not isinstance(told, dict) or ("prompt_tokens" not in told and "completion_tokens" not in told):
        return None
    return Usage(
        prompt_tokens=_count(told.get("prompt_tokens")),
        completion_tokens=_count(told.get("completion_tokens")),
        cached_tokens=_count(told.get("cached_tokens"))
        or _count(_member(told, "prompt_tokens_details", "cached_tokens")),
        reasoning_tokens=_count(_member(told, "completion_tokens_details", "reasoning_tokens")),
    )


def _member(told: dict[str, Any], outer: str, inner: str) -> object:
    details = told.get(outer)
    return details.get(inner) if isinstance(details, dict) else None


def _count(number: object) -> int:
    return number if isinstance(number, int) and number >= 0 else 0
