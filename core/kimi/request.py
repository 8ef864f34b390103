"""What is asked of Kimi, and its form on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import orjson

from core.kimi.content import MessageContent, text_of, wire_content
from core.kimi.json_decoding import replace_lone_surrogates
from core.kimi.reply import ToolCall

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]

#: Sampling parameters that the API wants as integers.
_INTEGER_PARAMETERS = frozenset({"n", "seed", "top_k"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message of the conversation."""

    role: Role
    content: MessageContent  #: words, or words with pictures and videos
    name: str = ""  #: who speaks, where the conversation has several people
    reasoning: str = ""  #: an assistant's earlier thinking; K3 and every tool loop want it back
    partial: bool = False  #: the last message, an assistant's, is to be continued from its end
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""  #: for role "tool": the call that this answers


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One call of the chat API. It keeps no state between calls: ``messages`` is all it knows."""

    messages: tuple[Message, ...]
    model: str
    max_completion_tokens: int  #: thinking counts too; the account's limits count all of it
    thinking: bool | None = None  #: None leaves it to the model; only kimi-k2.6 can switch it off
    reasoning_effort: str | None = None  #: "low", "high", "max"; the K3 family only
    sampling: Mapping[str, float] = field(default_factory=dict)
    """``temperature``, ``top_p`` and their kind. Today's models refuse all but one fixed value."""
    prompt_cache_key: str = ""  #: the same for all calls of one conversation
    safety_identifier: str = ""  #: a hash that stands for the person
    tools: tuple[Mapping[str, Any], ...] = ()  #: definitions as the API wants them


def chat_body(request: ChatRequest, *, stream: bool) -> bytes:
    """Return the JSON body of ``POST /chat/completions``."""
    body: dict[str, Any] = {
        key: int(value) if key in _INTEGER_PARAMETERS else value for key, value in request.sampling.items()
    }
    body |= {
        "model": request.model,
        "messages": [_wire_message(message, request) for message in request.messages],
        "max_completion_tokens": request.max_completion_tokens,
        "stream": stream,
    }
    if stream:
        body["stream_options"] = {"include_usage": True}
    if request.thinking is not None:
        body["thinking"] = {"type": "enabled" if request.thinking else "disabled"}
    optional = {
        "reasoning_effort": request.reasoning_effort,
        "prompt_cache_key": request.prompt_cache_key,
        "safety_identifier": request.safety_identifier,
        "tools": [dict(tool) for tool in request.tools],
    }
    body |= {key: value for key, value in optional.items() if value}
    return _encode(body)


def token_count_body(request: ChatRequest) -> bytes:
    """Return the JSON body of ``POST /tokenizers/estimate-token-count``; it takes no tools."""
    return _encode(
        {
            "model": request.model,
            "messages": [_wire_message(message, request) for message in request.messages],
        }
    )


def _wire_message(message: Message, request: ChatRequest) -> dict[str, Any]:
    wire: dict[str, Any] = {"role": message.role, "content": wire_content(message.content)}
    if message.name:
        wire["name"] = message.name
    if message.role == "tool":
        wire["tool_call_id"] = message.tool_call_id
    if message.role == "assistant":
        _add_assistant_fields(wire, message, request)
    return wire


def _add_assistant_fields(wire: dict[str, Any], message: Message, request: ChatRequest) -> None:
    """Give an assistant's message what Kimi's validation asks for (reference §3.1)."""
    blank = not text_of(message.content).strip()
    if message.tool_calls:
        wire["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
        if blank:
            del wire["content"]  # an empty text beside tool calls is refused
    elif blank and not message.partial:
        wire["content"] = " "  # so is an empty message; a single space passes
    if message.reasoning:
        wire["reasoning_content"] = message.reasoning
    elif message.tool_calls and request.thinking is not False:
        wire["reasoning_content"] = " "  # "" counts as missing
    if message.partial:
        wire["partial"] = True


def _encode(body: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        # Half a surrogate pair in somebody's text is no reason to lose the question.
        return orjson.dumps(replace_lone_surrogates(body))
