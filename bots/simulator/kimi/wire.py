"""The bytes of responses, in Moonshot's and in Ace Data Cloud's dialect. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from bots.simulator.kimi.plan import Plan
from bots.simulator.kimi.refusal import Refusal
from bots.simulator.kimi.script import Faults, Piece, UsageShape

Dialect = Literal["moonshot", "ace"]

DONE = b"data: [DONE]\n\n"
COMMENT = b": keep-alive\n\n\n"


@dataclass(slots=True, kw_only=True)
class Wire:
    """Writes the events of one response; everything constant is encoded once."""

    id: str
    model: str
    created: int  #: seconds since 1970
    dialect: Dialect
    usage: UsageShape
    faults: Faults
    _head: bytes = field(init=False)
    _tail: bytes = field(init=False)

    def __post_init__(self) -> None:
        head = {"id": self.id, "object": "chat.completion.chunk", "created": self.created}
        self._head = b"data: " + orjson.dumps(head | {"model": self.model})[:-1] + b',"choices":['
        null_usage = b',"usage":null' if self.usage == "C" else b""
        self._tail = b"]" + null_usage + b"}\n\n"

    def opening(self) -> Iterator[bytes]:
        """Yield the events before the first piece."""
        if self.faults.empty_choices_first:
            yield self._end(self._head + self._tail)
        yield self._delta(b'{"role":"assistant","content":""}')

    def piece(self, piece: Piece, beside: str = "") -> bytes:
        """Return the event for one piece; ``beside`` is content that travels with thinking."""
        text = orjson.dumps(piece.text)
        if piece.kind == "text":
            return self._delta(b'{"content":' + text + b"}")
        if piece.kind == "delta":
            return self._delta(piece.text.encode())
        delta = b'"reasoning_content":' + text
        if self.faults.beside:
            delta += b',"reasoning":' + text + b',"content":' + orjson.dumps(beside)
        return self._delta(b"{" + delta + b"}")

    def closing(self, plan: Plan) -> Iterator[bytes]:
        """Yield the events after the last piece, with usage in its shape."""
        choice: dict[str, Any] = {"index": 0, "delta": {}, "finish_reason": plan.finish_reason}
        usage = plan.usage(self.usage)
        if self.usage == "A":
            choice["usage"] = usage
        finish = self._head + orjson.dumps(choice)
        with_usage = b'],"usage":' + orjson.dumps(usage) + b"}\n\n"
        yield self._end(finish + (with_usage if self.usage == "B" else self._tail))
        if self.usage == "C":
            yield self._end(self._head + with_usage)
        if not self.faults.no_done:
            yield self._end(DONE)

    def error(self, refusal: Refusal) -> bytes:
        """Return an error object as an event of a stream that began well."""
        body = refusal.ace_body() if self.dialect == "ace" else refusal.moonshot_body()
        return self._end(b"data: " + body + b"\n\n")

    def comment(self) -> bytes:
        """Return a comment with an extra blank line after it."""
        return self._end(COMMENT)

    def whole(self, plan: Plan) -> bytes:
        """Return the body of a response that is not streamed."""
        message: dict[str, Any] = {"role": "assistant", "content": plan.text}
        if plan.reasoning:
            message["reasoning_content"] = plan.reasoning
        calls = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in plan.tool_calls
        ]
        if calls:
            message["tool_calls"] = calls
        choice: dict[str, Any] = {"index": 0, "message": message, "finish_reason": plan.finish_reason}
        usage = plan.usage(self.usage)
        if self.dialect == "ace":
            extras = {"reasoning": plan.reasoning, "refusal": None, "tool_calls": calls}
            choice |= {"message": message | extras, "logprobs": None}
            usage["prompt_tokens_details"] = {"cached_tokens_details": {}}
        head = {"id": self.id, "object": "chat.completion", "created": self.created, "model": self.model}
        return orjson.dumps(head | {"choices": [choice], "usage": usage})

    def _delta(self, delta: bytes) -> bytes:
        choice = b'{"index":0,"delta":' + delta + b',"finish_reason":null}'
        return self._end(self._head + choice + self._tail)

    def _end(self, event: bytes) -> bytes:
        return event.replace(b"\n", b"\r\n") if self.faults.crlf else event


def halves(event: bytes) -> tuple[bytes, bytes]:
    """Return ``event`` in two parts, cut within a character of several bytes where it has one."""
    at = next((index + 1 for index, byte in enumerate(event) if byte >= 0xC0), len(event) // 2)
    return event[:at], event[at:]
