"""From a scripted reply to what is really sent: prefix, budget, stop words, pieces, faults. Pure."""

import re
from dataclasses import dataclass
from typing import Literal

import orjson

from bots.simulator.kimi.messages import CHARS_PER_TOKEN, tokens_of
from bots.simulator.kimi.rules import Order
from bots.simulator.kimi.script import Faults, Piece, ScriptedCall, ScriptedReply

_CJK = "\u3000-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"
#: As a tokenizer cuts: white space goes with the word after it; a very long word in parts.
_WORD = re.compile(rf"\s*[{_CJK}]|\s*[^\s{_CJK}]{{1,24}}|\s+")
_ARGUMENT_CHARS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A fault before the piece at ``index``."""

    index: int
    kind: Literal["cut", "stall", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything one response will hold."""

    pieces: list[Piece]
    breaks: tuple[Break, ...]  #: in order
    text: str
    reasoning: str
    tool_calls: tuple[ScriptedCall, ...]
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0  #: of the prompt's

    def usage(self, shape: str) -> dict[str, object]:
        """Return the usage object; shape A has Moonshot's own field for cached tokens."""
        usage: dict[str, object] = {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }
        if shape == "A":
            return usage | {"cached_tokens": self.cached_tokens}
        return usage | {"prompt_tokens_details": {"cached_tokens": self.cached_tokens}}


def compose(order: Order, reply: ScriptedReply) -> Plan:
    """Return the plan for ``reply`` under what the request asks for."""
    text, reasoning, calls = reply.text, reply.reasoning, reply.tool_calls
    if reply.faults.leading_space:
        text = " " + text
    prefix = order.prefix or ""
    if prefix:  # thinking is over where content has begun
        text, reasoning = text.removeprefix(prefix), ""
    if not order.thinking:
        reasoning = ""
    text, finish = _stopped(text, order.stops), reply.finish_reason
    budget = order.max_completion_tokens * CHARS_PER_TOKEN
    if len(reasoning) + len(text) > budget:
        reasoning = reasoning[:budget]
        text, calls, finish = text[: budget - len(reasoning)], (), "length"
    elif calls:
        calls = tuple(_with_id(call, index) for index, call in enumerate(calls))
        finish = "tool_calls"
    chars = len(reasoning) + len(text) + sum(len(call.arguments) for call in calls)
    pieces, breaks = _cut(reply, text, reasoning, calls)
    return Plan(
        pieces=pieces,
        breaks=breaks,
        text=text,
        reasoning=reasoning,
        tool_calls=calls,
        finish_reason=finish,
        prompt_tokens=order.prompt_tokens,
        completion_tokens=tokens_of(chars),
    )


def split(text: str, chunk_chars: int = 0) -> list[str]:
    """Return ``text`` in chunks of so many characters, or in words and CJK characters."""
    if chunk_chars <= 0:
        return _WORD.findall(text)
    return [text[at : at + chunk_chars] for at in range(0, len(text), chunk_chars)]


def _stopped(text: str, stops: tuple[str, ...]) -> str:
    ends = [at for at in (text.find(stop) for stop in stops) if at >= 0]
    return text[: min(ends)] if ends else text


def _with_id(call: ScriptedCall, index: int) -> ScriptedCall:
    return ScriptedCall(name=call.name, arguments=call.arguments, id=call.id or f"{call.name}:{index}")


def _cut(
    reply: ScriptedReply, text: str, reasoning: str, calls: tuple[ScriptedCall, ...]
) -> tuple[list[Piece], tuple[Break, ...]]:
    """Return all pieces, with a border exactly where each fault strikes."""
    pieces = [Piece("reasoning", part) for part in split(reasoning, reply.chunk_chars)]
    breaks: list[Break] = []
    at = 0
    for chars, kind in _faults(reply.faults, len(text)):
        pieces += [Piece("text", part) for part in split(text[at:chars], reply.chunk_chars)]
        breaks.append(Break(index=len(pieces), kind=kind))
        at = chars
    pieces += [Piece("text", part) for part in split(text[at:], reply.chunk_chars)]
    for index, call in enumerate(calls):
        pieces += _call_pieces(index, call)
    return pieces, tuple(breaks)


def _faults(faults: Faults, length: int) -> list[tuple[int, Literal["cut", "stall", "error"]]]:
    found: list[tuple[int, Literal["cut", "stall", "error"]]] = []
    if faults.stall_after_chars is not None:
        found.append((min(faults.stall_after_chars, length), "stall"))
    if faults.error_after_chars is not None:
        found.append((min(faults.error_after_chars, length), "error"))
    if faults.cut_after_chars is not None:
        found.append((min(faults.cut_after_chars, length), "cut"))
    return sorted(found, key=lambda fault: fault[0])


def _call_pieces(index: int, call: ScriptedCall) -> list[Piece]:
    """First id, type and name; then the arguments piece by piece."""
    function = {"name": call.name, "arguments": ""}
    first = {"index": index, "id": call.id, "type": "function", "function": function}
    rest = [
        {"index": index, "function": {"arguments": part}} for part in split(call.arguments, _ARGUMENT_CHARS)
    ]
    return [Piece("delta", orjson.dumps({"tool_calls": [part]}).decode()) for part in (first, *rest)]
