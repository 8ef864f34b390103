"""Decodes the bytes of a response into the events of a reply, without I/O.

:class:`StreamDecoder` is the hot path: it runs for every few characters of every answer. It uses
``isinstance`` because ``match`` costs twice as much there (``tests/bench/sse.py``).
"""

from collections.abc import Iterator
from typing import Any, Protocol

from core.kimi.api_errors import KimiError, KimiStreamInterrupted, KimiUnreadableReply
from core.kimi.error_mapping import MESSAGE_KEYS, error_from_event
from core.kimi.error_members import find_error_member
from core.kimi.finish_reasons import is_failure, parse_finish_reason
from core.kimi.json_decoding import decode_fragment, replace_lone_surrogates
from core.kimi.reply import Finished, FinishReason, ReasoningDelta, ReplyEvent, TextDelta, Usage
from core.kimi.sse import MAX_EVENT_BYTES, ErrorEventData, SseDecoder
from core.kimi.tool_calls import ToolCallAssembler, ToolCallsTooLong
from core.kimi.usage_decoding import parse_usage
from core.kimi.wire_text import TextJoiner

_DONE = b"[DONE]"


class ReplyDecoder(Protocol):
    """Decodes one response body."""

    @property
    def done(self) -> bool:
        """Whether ``Finished`` was returned; the rest of the body does not matter."""

    @property
    def is_whole(self) -> bool:
        """Whether a finish reason came: nothing but usage and ``[DONE]`` is missing."""

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
        self._text = TextJoiner()
        self._reasoning = TextJoiner()

    @property
    def is_whole(self) -> bool:
        """Whether a finish reason came: nothing but usage and ``[DONE]`` is missing."""
        return self._finish_reason is not None

    def _error(self, error: object) -> KimiError:
        return error_from_event(
            replace_lone_surrogates(error), request_id=self._request_id, secrets=self._secrets
        )

    def _record_ending(self, body: dict[str, Any], choice: dict[str, Any]) -> None:
        """Record finish reason and usage of a chunk; usage is a member of the chunk or of the choice.

        Raises:
            KimiStreamInterrupted: the finish reason says that the host failed.
        """
        usage = body.get("usage") or choice.get("usage")
        if usage:
            self._usage = parse_usage(usage) or self._usage
        reason = choice.get("finish_reason")
        if reason:
            if is_failure(reason):
                raise KimiStreamInterrupted(f"finish reason {reason!r}", request_id=self._request_id)
            self._finish_reason = parse_finish_reason(reason)

    def _record_identity(self, body: dict[str, Any]) -> None:
        """Record the model and, if no header had one, the id of the request."""
        model, own_id = body.get("model"), body.get("id")
        self._model = model if isinstance(model, str) else ""
        if not self._request_id and isinstance(own_id, str):
            self._request_id = own_id

    def _delta_events(self, delta: dict[str, Any]) -> list[ReplyEvent]:
        """Return the events of a delta or of a message.

        Ace Data Cloud sends the thinking twice, as ``reasoning_content`` and as ``reasoning``, and
        may send thinking and text in the same delta.
        """
        events: list[ReplyEvent] = []
        reasoning = delta.get("reasoning_content") or delta.get("reasoning")
        if reasoning and isinstance(reasoning, str) and (piece := self._reasoning.feed(reasoning)):
            events.append(ReasoningDelta(piece))
        text = delta.get("content")
        if text and not isinstance(text, str):
            text = _joined_parts(text)
        if text and (piece := self._text.feed(text)):
            events.append(TextDelta(piece))
        return events

    def _message_events(self, message: dict[str, Any]) -> list[ReplyEvent]:
        """Return the events of a delta or a message; record its tool calls."""
        if message.get("tool_calls"):
            try:
                self._assembler.add_fragments(message["tool_calls"])
            except ToolCallsTooLong as exc:
                raise KimiStreamInterrupted(str(exc), request_id=self._request_id) from exc
        return self._delta_events(message)

    def _final_events(self) -> list[ReplyEvent]:
        self.done = True
        calls = self._assembler.tool_calls()
        reason = self._finish_reason or ("tool_calls" if calls else "stop")
        rest = self._text.flush()
        events: list[ReplyEvent] = [TextDelta(rest)] if rest else []
        return [*events, *calls, Finished(reason, self._usage, self._request_id, self._model)]


class StreamDecoder(_BaseDecoder):
    """Decodes a streamed reply.

    It is complete with ``data: [DONE]``, or with the end of the body behind a finish reason: many hosts
    leave ``[DONE]`` out. Data that is no JSON object, such as "ping", is a keep-alive.
    """

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
        if self.done:
            return
        if not self.is_whole:
            raise self._interrupted("the stream ended without [DONE]")
        yield from self._final_events()

    def _events(self, payloads: list[bytes]) -> Iterator[ReplyEvent]:
        for payload in payloads:
            if self.done:
                return
            if not payload.startswith(_DONE):
                yield from self._decode_chunk(payload)
            elif self._started:
                yield from self._final_events()
            else:
                raise self._unreadable("the stream has no chunk before [DONE]")

    def _decode_chunk(self, payload: bytes) -> list[ReplyEvent]:
        chunk = self._parse_chunk(payload)
        if chunk is None:
            return []
        error = find_error(chunk, is_error_event=isinstance(payload, ErrorEventData))
        if error is not None:
            if self.is_whole:
                return self._final_events()  # every word came; only usage and [DONE] did not
            raise self._error(error)
        if not self._started and "choices" in chunk:
            self._started = True
            self._record_identity(chunk)
        choices = chunk.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, dict):
            self._record_ending(chunk, {})  # the usage chunk has no choices
            return []
        delta = choice.get("delta") or choice.get("message")
        events = self._message_events(delta) if isinstance(delta, dict) else []
        self._record_ending(chunk, choice)
        return events

    def _parse_chunk(self, payload: bytes) -> dict[str, Any] | None:
        """Return the object of one event; None for a keep-alive.

        Raises:
            KimiError: it is broken, or an error in plain text.
        """
        try:
            chunk = decode_fragment(payload)
        except ValueError as exc:
            if payload.lstrip().startswith(b"{"):
                raise self._unreadable("a chunk that is no JSON") from exc
            chunk = None
        if isinstance(chunk, dict):
            return chunk
        if isinstance(payload, ErrorEventData):
            raise self._error(payload.decode("utf-8", "replace"))
        return None

    def _interrupted(self, message: str) -> KimiStreamInterrupted:
        return KimiStreamInterrupted(message, request_id=self._request_id)

    def _unreadable(self, message: str) -> KimiError:
        """Return the error for data that is no reply; behind a first chunk, it is an interruption."""
        if self._started:
            return self._interrupted(message)
        return KimiUnreadableReply(message, request_id=self._request_id)


class WholeBodyDecoder(_BaseDecoder):
    """Decodes a reply in one JSON body, or a stream that begins with a line of JSON."""

    def __init__(self, *, request_id: str, secrets: tuple[str, ...]) -> None:
        super().__init__(request_id=request_id, secrets=secrets)
        self._body = bytearray()

    def feed(self, chunk: bytes) -> Iterator[ReplyEvent]:
        """Keep one network read; see :class:`ReplyDecoder`."""
        self._body += chunk
        if len(self._body) > MAX_EVENT_BYTES:
            raise self._unreadable(f"a reply of more than {MAX_EVENT_BYTES:,} bytes")
        return iter(())

    def close(self) -> Iterator[ReplyEvent]:
        """Return the events of the whole body; see :class:`ReplyDecoder`."""
        try:
            body = decode_fragment(bytes(self._body))
        except ValueError as exc:
            if b"\ndata:" in self._body:
                return self._as_stream()
            raise self._unreadable("a reply that is no JSON") from exc
        if isinstance(body, dict) and (error := find_error(body)) is not None:
            raise self._error(error)
        match body:
            case {"choices": [{"message": dict(message)} as choice, *_]}:
                self._record_identity(body)
                self._record_ending(body, choice)
                return iter([*self._message_events(message), *self._final_events()])
            case _:
                raise self._unreadable("a reply without a message")

    def _as_stream(self) -> Iterator[ReplyEvent]:
        decoder = StreamDecoder(request_id=self._request_id, secrets=self._secrets)
        yield from decoder.feed(bytes(self._body))
        yield from decoder.close()

    def _unreadable(self, message: str) -> KimiUnreadableReply:
        return KimiUnreadableReply(message, request_id=self._request_id)


def find_error(chunk: dict[str, Any], *, is_error_event: bool = False) -> object | None:
    """Return the error that an object within a successful response reports; None if it reports none.

    It is an error member (Ace Data Cloud sends null beside a reply), also of the first choice, or the object
    itself if it is the data of an error event, or has a message and no choices.
    """
    if error := find_error_member(chunk):
        return error
    if is_error_event or chunk.get("object") == "error" or chunk.get("type") == "error":
        return chunk
    if (choices := chunk.get("choices")) is not None:
        first = choices[0] if isinstance(choices, list) and choices else None
        return find_error_member(first) if isinstance(first, dict) else None
    return chunk if any(isinstance(chunk.get(name), str) for name in MESSAGE_KEYS) else None


def _joined_parts(content: object) -> str:
    """Return the text of content that is a list of parts."""
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))
