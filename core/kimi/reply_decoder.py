"""Decodes the bytes of a response into the events of a reply, without I/O.

:class:`StreamDecoder` is the hot path: it runs for every few characters of every answer. It uses
``isinstance`` because ``match`` costs twice as much there (``tests/bench/sse.py``).
"""

from collections.abc import Iterator
from typing import Any, Protocol

from core.kimi.api_errors import KimiEndpointMissing, KimiStreamInterrupted, KimiUnavailable
from core.kimi.error_mapping import error_from_event
from core.kimi.json_decoding import decode_json
from core.kimi.reply import Finished, FinishReason, ReasoningDelta, ReplyEvent, TextDelta, Usage
from core.kimi.sse import SseDecoder
from core.kimi.tool_calls import ToolCallAssembler

_DONE = b"[DONE]"


class ReplyDecoder(Protocol):
    """Decodes one response body."""

    done: bool  #: ``Finished`` was returned; the rest of the body does not matter

    def feed(self, chunk: bytes) -> Iterator[ReplyEvent]:
        """Yield the events of one network read; those before an error in it come first.

        Raises:
            KimiError: the body reports an error, or cannot be decoded.
        """

    def close(self) -> Iterator[ReplyEvent]:
        """Yield the events that the end of the body completes.

        Raises:
            KimiStreamInterrupted: it ended too early.
            KimiError: as in :meth:`feed`.
        """


def decoder_for(content_type: str, *, request_id: str, secrets: tuple[str, ...]) -> ReplyDecoder:
    """Return the decoder for a successful response with this content type.

    Raises:
        KimiEndpointMissing: the type is that of a web page.
    """
    if "html" in content_type:
        raise KimiEndpointMissing("a web page instead of a reply; is the base URL right?")
    if "json" in content_type:
        return WholeBodyDecoder(request_id=request_id, secrets=secrets)
    return StreamDecoder(request_id=request_id, secrets=secrets)


class _BaseDecoder:
    """Collects what both forms of a reply have in common: model, usage, finish reason, tool calls."""

    def __init__(self, *, request_id: str, secrets: tuple[str, ...]) -> None:
        self.done = False
        self._request_id = request_id
        self._secrets = secrets
        self._model = ""
        self._usage: Usage | None = None
        self._finish_reason: FinishReason | None = None
        self._assembler = ToolCallAssembler()

    def _raise_error_member(self, body: dict[str, Any]) -> None:
        """Raise the error of an ``error`` member; Ace Data Cloud sends null beside a reply."""
        if body.get("error"):
            raise error_from_event(body["error"], request_id=self._request_id, secrets=self._secrets)

    def _record_ending(self, body: dict[str, Any], choice: dict[str, Any]) -> None:
        """Record finish reason and usage of a chunk; usage is a member of the chunk or of the choice."""
        usage = body.get("usage") or choice.get("usage")
        if usage:
            self._usage = parse_usage(usage) or self._usage
        reason = choice.get("finish_reason")
        if reason:
            self._finish_reason = _parse_finish_reason(reason)

    def _record_identity(self, body: dict[str, Any]) -> None:
        """Record the model and, if no header had one, the id of the request."""
        model, own_id = body.get("model"), body.get("id")
        self._model = model if isinstance(model, str) else ""
        if not self._request_id and isinstance(own_id, str):
            self._request_id = own_id

    def _final_events(self) -> list[ReplyEvent]:
        self.done = True
        calls = self._assembler.tool_calls()
        reason = self._finish_reason or ("tool_calls" if calls else "stop")
        return [*calls, Finished(reason, self._usage, self._request_id, self._model)]


class StreamDecoder(_BaseDecoder):
    """Decodes a streamed reply, which is complete with ``data: [DONE]`` and nothing else."""

    def __init__(self, *, request_id: str, secrets: tuple[str, ...]) -> None:
        super().__init__(request_id=request_id, secrets=secrets)
        self._sse = SseDecoder()
        self._started = False

    def feed(self, chunk: bytes) -> Iterator[ReplyEvent]:
        """Yield the events of one network read; see :class:`ReplyDecoder`."""
        try:
            payloads = self._sse.feed(chunk)
        except ValueError as exc:
            raise self._interrupted(str(exc)) from exc
        yield from self._events(payloads)

    def close(self) -> Iterator[ReplyEvent]:
        """Yield the events that the end of the body completes; see :class:`ReplyDecoder`."""
        yield from self._events(self._sse.close())
        if not self.done:
            raise self._interrupted("the stream ended without [DONE]")

    def _events(self, payloads: list[bytes]) -> Iterator[ReplyEvent]:
        for payload in payloads:
            if self.done:
                return
            if not payload.startswith(_DONE):
                yield from self._decode_chunk(payload)
            elif self._started:
                yield from self._final_events()
            else:
                raise self._interrupted("the stream has no chunk before [DONE]")

    def _decode_chunk(self, payload: bytes) -> list[ReplyEvent]:
        try:
            chunk = decode_json(payload)
        except ValueError as exc:
            raise self._interrupted("a chunk that is no JSON") from exc
        if not isinstance(chunk, dict):
            raise self._interrupted("a chunk that is no JSON object")
        self._raise_error_member(chunk)
        if not self._started:
            self._started = True
            self._record_identity(chunk)
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            self._record_ending(chunk, {})  # the usage chunk has no choices
            return []
        self._record_ending(chunk, choice)
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            return []
        if delta.get("tool_calls"):
            self._assembler.add_fragments(delta["tool_calls"])
        return _delta_events(delta)

    def _interrupted(self, message: str) -> KimiStreamInterrupted:
        return KimiStreamInterrupted(message, request_id=self._request_id)


class WholeBodyDecoder(_BaseDecoder):
    """Decodes a reply in one JSON body."""

    def __init__(self, *, request_id: str, secrets: tuple[str, ...]) -> None:
        super().__init__(request_id=request_id, secrets=secrets)
        self._body = bytearray()

    def feed(self, chunk: bytes) -> Iterator[ReplyEvent]:
        """Keep one network read; see :class:`ReplyDecoder`."""
        self._body += chunk
        return iter(())

    def close(self) -> Iterator[ReplyEvent]:
        """Return the events of the whole body; see :class:`ReplyDecoder`."""
        try:
            body = decode_json(bytes(self._body))
        except ValueError as exc:
            raise self._unreadable("a reply that is no JSON") from exc
        if isinstance(body, dict):
            self._raise_error_member(body)
        match body:
            case {"choices": [{"message": dict(message)} as choice, *_]}:
                self._record_identity(body)
                self._record_ending(body, choice)
                self._assembler.add_fragments(message.get("tool_calls"))
                return iter([*_delta_events(message), *self._final_events()])
            case _:
                raise self._unreadable("a reply without a message")

    def _unreadable(self, message: str) -> KimiUnavailable:
        return KimiUnavailable(message, request_id=self._request_id)


def _delta_events(delta: dict[str, Any]) -> list[ReplyEvent]:
    """Return the events of a delta or of a message.

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


def _parse_finish_reason(reason: object) -> FinishReason:
    match reason:
        case "stop" | "length" | "tool_calls" | "content_filter":
            return reason
        case "max_tokens" | "max_completion_tokens":
            return "length"
        case "function_call":
            return "tool_calls"
        case _:
            return "stop"


def parse_usage(value: object) -> Usage | None:
    """Return the usage that a ``usage`` member gives; None if it has no numbers."""
    if not isinstance(value, dict) or ("prompt_tokens" not in value and "completion_tokens" not in value):
        return None
    return Usage(
        prompt_tokens=_token_count(value.get("prompt_tokens")),
        completion_tokens=_token_count(value.get("completion_tokens")),
        cached_tokens=_token_count(value.get("cached_tokens"))
        or _token_count(_nested(value, "prompt_tokens_details", "cached_tokens")),
        reasoning_tokens=_token_count(_nested(value, "completion_tokens_details", "reasoning_tokens")),
    )


def _nested(value: dict[str, Any], outer: str, inner: str) -> object:
    details = value.get(outer)
    return details.get(inner) if isinstance(details, dict) else None


def _token_count(number: object) -> int:
    return number if isinstance(number, int) and number >= 0 else 0
