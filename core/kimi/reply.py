"""The events of a streamed reply, and a whole reply."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter", "other"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one request, as billed."""

    prompt_tokens: int
    completion_tokens: int  #: thinking included
    cached_tokens: int = 0  #: the part of ``prompt_tokens`` that the prefix cache served
    reasoning_tokens: int = 0  #: the part of ``completion_tokens`` spent on thinking; 0 if not given


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The next piece of the model's thinking; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the reply, exactly as sent; never empty, never repeats earlier text."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool by the model. As an event it comes whole, just before ``Finished``."""

    id: str  #: such as "search:0"; unique within one reply only
    name: str
    arguments: str  #: JSON text as the model wrote it, unchecked


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of a complete reply: the last event, exactly once.

    Only "stop" and "tool_calls" are clean ends; "other" is a reason that no host documents.
    ``reason`` "length" without any text before it means that thinking used up
    ``max_completion_tokens``.
    """

    reason: FinishReason
    usage: Usage | None  #: None if the provider did not give it
    request_id: str  #: for Moonshot's support; "" if not given
    model: str  #: the model that answered; "" if not given


ReplyEvent: TypeAlias = ReasoningDelta | TextDelta | ToolCall | Finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One whole reply."""

    text: str
    reasoning: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: FinishReason
    usage: Usage | None
    request_id: str
    model: str


def collect_reply(events: Iterable[ReplyEvent]) -> Reply:
    """Return the reply that a complete stream of events makes up.

    Raises:
        ValueError: the events have no ``Finished``.
    """
    text: list[str] = []
    reasoning: list[str] = []
    calls: list[ToolCall] = []
    for event in events:
        match event:
            case TextDelta():
                text.append(event.text)
            case ReasoningDelta():
                reasoning.append(event.text)
            case ToolCall():
                calls.append(event)
            case Finished():
                return Reply(
                    text="".join(text),
                    reasoning="".join(reasoning),
                    tool_calls=tuple(calls),
                    finish_reason=event.reason,
                    usage=event.usage,
                    request_id=event.request_id,
                    model=event.model,
                )
    raise ValueError("the events have no end")
