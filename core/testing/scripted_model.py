"""A fake Kimi: a chat model that plays scripted replies and records the requests."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from core.domain.clock import Clock, SystemClock
from core.kimi import (
    ChatRequest,
    Finished,
    KimiError,
    KimiInvalidRequest,
    ReasoningDelta,
    ReplyEvent,
    TextDelta,
    ToolCall,
    Usage,
    text_of,
)
from core.ports.chat_model import CallContext, QueuePosition

PROVIDER: Final = "scripted"
CHARS_PER_TOKEN: Final = 4


@dataclass(frozen=True, slots=True)
class Delay:
    """Lets seconds of the model's clock pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Retrying:
    """Reports a failed attempt and the wait before the next one, as the gateway does."""

    error: KimiError
    wait_s: float


Step: TypeAlias = str | ReplyEvent | KimiError | Delay | asyncio.Event | QueuePosition | Retrying
"""One step of a reply: text, an event, an error to raise, a pause, an event to wait for, a report."""

ScriptedReply: TypeAlias = str | Sequence[Step]
"""A whole text, or the steps of a reply. ``Finished`` is added unless the script has it or raises."""


def paced(text: str, *, chars: int, interval_s: float) -> tuple[Step, ...]:
    """Return the steps of a reply that brings ``chars`` characters every ``interval_s`` seconds."""
    steps: list[Step] = []
    for start in range(0, len(text), chars):
        steps += [Delay(interval_s), text[start : start + chars]]
    return tuple(steps)


class ScriptedModel:
    """A :class:`core.ports.chat_model.ChatModel` that answers the n-th request with the n-th reply."""

    def __init__(self, *replies: ScriptedReply, clock: Clock | None = None) -> None:
        """Play ``replies``; ``clock`` measures their pauses."""
        self.replies = list(replies)
        self.requests: list[ChatRequest] = []
        self.contexts: list[CallContext] = []
        self.open_streams = 0  #: streams that have neither ended nor been closed
        self.aborted = 0  #: streams that were closed before they ended
        self._clock = clock or SystemClock()

    async def stream(
        self, request: ChatRequest, context: CallContext | None = None
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Play the next reply.

        Raises:
            KimiError: the script says so, or Kimi would refuse the request.
            AssertionError: the script has no further reply.
        """
        context = context or CallContext()
        self.requests.append(request)
        self.contexts.append(context)
        check_request(request)
        if len(self.requests) > len(self.replies):
            raise AssertionError(f"no reply is scripted for request {len(self.requests)}")
        reply = self.replies[len(self.requests) - 1]
        self.open_streams += 1
        has_ended = False
        try:
            async for event in self._play((reply,) if isinstance(reply, str) else reply, request, context):
                context.provider = context.provider or PROVIDER
                has_ended = isinstance(event, Finished)
                yield event
        except KimiError:
            has_ended = True
            raise
        finally:
            self.open_streams -= 1
            self.aborted += not has_ended

    async def _play(
        self, steps: Sequence[Step], request: ChatRequest, context: CallContext
    ) -> AsyncGenerator[ReplyEvent, None]:
        written_chars, has_called = 0, False
        for step in steps:
            match step:
                case str() | TextDelta() | ReasoningDelta():
                    event = TextDelta(step) if isinstance(step, str) else step
                    written_chars += len(event.text)
                    yield event
                case ToolCall():
                    has_called = True
                    yield step
                case Finished():
                    yield step
                    return
                case KimiError():
                    raise step
                case _:
                    await self._wait_or_report(step, context)
        usage = Usage(
            prompt_tokens=sum(len(text_of(one.content)) for one in request.messages) // CHARS_PER_TOKEN + 1,
            completion_tokens=written_chars // CHARS_PER_TOKEN + 1,
        )
        yield Finished(
            "tool_calls" if has_called else "stop", usage, f"scripted-{id(request)}", request.model
        )

    async def _wait_or_report(
        self, step: Delay | asyncio.Event | QueuePosition | Retrying, context: CallContext
    ) -> None:
        match step:
            case Delay(seconds=seconds):
                await self._clock.sleep(seconds)
            case asyncio.Event():
                await step.wait()
            case QueuePosition():
                if context.on_queue_position is not None:
                    context.on_queue_position(step)
            case Retrying(error=error, wait_s=wait_s):
                if context.on_retry is not None:
                    context.on_retry(error, wait_s)
                await self._clock.sleep(wait_s)


def check_request(request: ChatRequest) -> None:
    """Refuse what Kimi's validation refuses, as far as callers can get it wrong.

    Raises:
        KimiInvalidRequest: there is no message, a result answers no call, or a call has no result.
    """
    open_calls: set[str] = set()
    for message in request.messages:
        if message.role == "tool":
            if message.tool_call_id not in open_calls:
                raise KimiInvalidRequest(f"HTTP 400: tool_call_id {message.tool_call_id} is not found")
            open_calls.remove(message.tool_call_id)
        elif open_calls:
            raise KimiInvalidRequest("HTTP 400: tool_calls must be followed by tool messages")
        open_calls |= {call.id for call in message.tool_calls}
    if not request.messages or open_calls or request.max_completion_tokens < 1:
        raise KimiInvalidRequest("HTTP 400: invalid request")
