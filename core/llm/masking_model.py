"""Replaces secrets in requests by placeholders and puts them back into the replies."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from typing import Any, Final, assert_never

from core.kimi import (
    ChatRequest,
    Finished,
    Message,
    MessageContent,
    ReasoningDelta,
    ReplyEvent,
    TextDelta,
    TextPart,
    ToolCall,
)
from core.ports.chat_model import CallContext, ChatModel
from core.redaction.masking import Masker, RequestMask, StreamUnmasker, unescape_json
from core.tools.formula import KimiApi

OFFLOAD_CHARS: Final = 100_000  #: longer requests are masked in a thread
ENCRYPTED_RESULT_CHARS: Final = 256
"""A tool's result of this length without white space is one of Kimi's own, encrypted."""


class MaskingModel:
    """A :class:`core.ports.chat_model.ChatModel` that never receives the masker's secrets."""

    def __init__(self, model: ChatModel, masker: Masker) -> None:
        self._model = model
        self._masker = masker

    async def stream(self, request: ChatRequest, context: CallContext) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events with the secrets in place.

        If a reply breaks off within a placeholder, the beginning of the placeholder is left out, so
        that a request that continues the reply continues before it.

        Raises:
            KimiError: of any kind.
            StoreUnavailable: the account's limiter cannot be reached.
        """
        mask = self._masker.for_request()
        masked = await mask_request(request, mask)
        text, reasoning = StreamUnmasker(mask), StreamUnmasker(mask)
        async with contextlib.aclosing(self._model.stream(masked, context)) as events:
            async for event in events:
                for unmasked in _unmask_event(event, mask, text, reasoning):
                    yield unmasked


class MaskingApi:
    """Kimi's tool endpoints, called with masked arguments."""

    def __init__(self, kimi: KimiApi, masker: Masker) -> None:
        self._kimi = kimi
        self._masker = masker

    async def request_json(self, method: str, path: str, body: object = None) -> Any:
        """Call an endpoint and return its JSON; a tool's ``arguments`` in ``body`` are masked.

        Raises:
            KimiError: of any kind.
        """
        match body:
            case dict({"arguments": str(arguments)}) if self._masker:
                body = body | {"arguments": self._masker.for_request().mask_json(arguments)}
            case _:
                pass
        return await self._kimi.request_json(method, path, body)


def masking_token_counter(
    count_tokens: Callable[[ChatRequest], Awaitable[int]], masker: Masker
) -> Callable[[ChatRequest], Awaitable[int]]:
    """Return a token counter that sends only masked requests to ``count_tokens``."""

    async def counted(request: ChatRequest) -> int:
        return await count_tokens(await mask_request(request, masker.for_request()))

    return counted


async def mask_request(request: ChatRequest, mask: RequestMask) -> ChatRequest:
    """Return the request with every secret replaced by a placeholder."""
    if not mask.is_active:
        return request

    def masked() -> tuple[Message, ...]:
        return tuple(_mask_message(message, mask) for message in request.messages)

    is_long = sum(_count_chars(message) for message in request.messages) > OFFLOAD_CHARS
    return replace(request, messages=await asyncio.to_thread(masked) if is_long else masked())


def _unmask_event(
    event: ReplyEvent, mask: RequestMask, text: StreamUnmasker, reasoning: StreamUnmasker
) -> list[ReplyEvent]:
    """Return the events to yield for one event: several if text was held back before it."""
    match event:
        case TextDelta():
            return [*_flush(reasoning, ReasoningDelta), *_as_delta(text.feed(event.text), TextDelta)]
        case ReasoningDelta():
            return _as_delta(reasoning.feed(event.text), ReasoningDelta)
        case ToolCall():
            event = replace(event, arguments=mask.unmask_json(event.arguments))
        case Finished():
            pass
        case _:
            assert_never(event)
    return [*_flush(reasoning, ReasoningDelta), *_flush(text, TextDelta), event]


def _flush(unmasker: StreamUnmasker, kind: type[TextDelta] | type[ReasoningDelta]) -> list[ReplyEvent]:
    return _as_delta(unmasker.flush(), kind)


def _as_delta(text: str, kind: type[TextDelta] | type[ReasoningDelta]) -> list[ReplyEvent]:
    return [kind(text)] if text else []


def _mask_message(message: Message, mask: RequestMask) -> Message:
    return replace(
        message,
        content=_mask_content(message, mask),
        name=mask.mask(message.name),
        reasoning=mask.mask(message.reasoning),
        tool_calls=tuple(
            replace(call, arguments=mask.mask_json(call.arguments)) for call in message.tool_calls
        ),
    )


def _mask_content(message: Message, mask: RequestMask) -> MessageContent:
    match message.content:
        case str(text) if message.role == "tool":
            encrypted = len(text) >= ENCRYPTED_RESULT_CHARS and not any(char.isspace() for char in text)
            return text if encrypted else mask.mask(unescape_json(text))
        case str(text):
            return mask.mask(text)
        case parts:
            return tuple(
                TextPart(mask.mask(part.text)) if isinstance(part, TextPart) else part for part in parts
            )


def _count_chars(message: Message) -> int:
    content = message.content
    texts = [content] if isinstance(content, str) else [p.text for p in content if isinstance(p, TextPart)]
    return sum(map(len, texts)) + len(message.reasoning)
