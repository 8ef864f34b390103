"""Chat requests and their JSON form."""

from collections.abc import Collection, Mapping
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
    content: MessageContent  #: text, or text with pictures and videos
    name: str = ""  #: the speaker, if several people take part
    reasoning: str = ""  #: an assistant's earlier thinking; K3 and every round of tools want it back
    partial: bool = False  #: of the last message, an assistant's: the reply continues it
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""  #: of role "tool": the call whose result this is


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One request of the chat API, which keeps no state between requests."""

    messages: tuple[Message, ...]
    model: str
    max_completion_tokens: int  #: thinking included; the account's limits count all of it
    thinking: bool | None = None  #: None leaves it to the model; only kimi-k2.6 can switch it off
    reasoning_effort: str | None = None  #: "low", "high", "max"; the K3 family only
    sampling: Mapping[str, float] = field(default_factory=dict)
    """``temperature``, ``top_p`` and the like. Today's models refuse all but one fixed value."""
    prompt_cache_key: str = ""  #: the same for all requests of one conversation
    safety_identifier: str = ""  #: a hash of the person's id
    tools: tuple[Mapping[str, Any], ...] = ()  #: definitions in the API's form


def optional_fields(request: ChatRequest) -> frozenset[str]:
    """Return the fields of a request's body that a host may be spared."""
    fields = {"max_completion_tokens", "stream_options"}
    fields |= {"thinking"} if request.thinking is not None else set()
    fields |= {"reasoning_effort"} if request.reasoning_effort else set()
    fields |= {"prompt_cache_key"} if request.prompt_cache_key else set()
    fields |= {"safety_identifier"} if request.safety_identifier else set()
    return frozenset(fields)


def chat_body(request: ChatRequest, *, stream: bool, omit: Collection[str] = ()) -> bytes:
    """Return the JSON body of ``POST /chat/completions`` without the fields of ``omit``.

    In place of ``max_completion_tokens`` the older ``max_tokens`` is sent.
    """
    body: dict[str, Any] = {
        key: int(value) if key in _INTEGER_PARAMETERS else value for key, value in request.sampling.items()
    }
    body |= {
        "model": request.model,
        "messages": wire_messages(request),
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
    if "max_completion_tokens" in omit:
        body["max_tokens"] = request.max_completion_tokens
    return encode_body({key: value for key, value in body.items() if key not in omit})


def wire_messages(request: ChatRequest) -> list[dict[str, Any]]:
    """Return the ``messages`` member of a request's body."""
    return [_wire_message(message, request) for message in request.messages]


def encode_body(body: dict[str, Any]) -> bytes:
    """Return a body as JSON; lone halves of surrogate pairs become U+FFFD."""
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        # Half a surrogate pair in somebody's text is no reason to lose the question.
        return orjson.dumps(replace_lone_surrogates(body))


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
    """Add the members that Kimi's validation demands of an assistant's message.

    Seen on the wire: an empty ``content`` is refused beside tool calls and alone; while the model
    thinks, a message with tool calls has to carry ``reasoning_content``.
    """
    blank = not text_of(message.content).strip()
    if message.tool_calls:
        wire["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in message.tool_calls
        ]
        if blank:
            del wire["content"]  # an empty text beside tool calls is refused
    elif blank and not message.partial:
        wire["content"] = " "  # a single space passes
    if message.reasoning:
        wire["reasoning_content"] = message.reasoning
    elif message.tool_calls and request.thinking is not False:
        wire["reasoning_content"] = " "  # "" counts as missing
    if message.partial:
        wire["partial"] = True
