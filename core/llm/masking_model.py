"""Kimi without people's secrets: what is hidden goes out as placeholders and comes back as it was."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

from core.kimi import (
    ChatRequest,
    Finished,
    Message,
    MessageContent,
    OnRetry,
    ReasoningDelta,
    ReplyEvent,
    TextDelta,
    TextPart,
    ToolCall,
)
from core.llm import OnQueuePosition, Requester
from core.llm.resumable_stream import ChatModel
from core.redaction.masking import Masker, RequestMask, StreamUnmasker, unescape_json
from core.tools.formula import KimiApi

OFFLOAD_CHARS: Final = 100_000  #: from here on a request is masked beside the loop
ENCRYPTED_RESULT_CHARS: Final = (
    256  #: a tool's result of this length without a blank is Kimi's own, encrypted
)


class MaskingModel:
    """A :class:`ChatModel` that never learns what its masker hides."""

    def __init__(self, model: ChatModel, masker: Masker) -> None:
        self._model = model
        self._masker = masker

    async def stream(
        self,
        request: ChatRequest,
        *,
        on_retry: OnRetry | None = None,
        requester: Requester | None = None,
        on_queue_position: OnQueuePosition | None = None,
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events, with the real words in them.

        Where a reply breaks off in the middle of a placeholder, its beginning is left out: who goes
        on with the reply goes on before it.

        Raises:
            KimiError: of any kind.
            StoreUnavailable: the line cannot be kept.
        """
        mask = self._masker.for_request()
        sent = await mask_request(request, mask)
        text, thoughts = StreamUnmasker(mask), StreamUnmasker(mask)
        events = self._model.stream(
            sent, on_retry=on_retry, requester=requester, on_queue_position=on_queue_position
        )
        try:
            async for event in events:
                for shown in _unmask_event(event, mask, text, thoughts):
                    yield shown
        finally:
            await events.aclose()


class MaskingApi:
    """Kimi's other endpoints, whose bodies hold no secrets either: what its own tools are called with."""

    def __init__(self, kimi: KimiApi, masker: Masker) -> None:
        self._kimi = kimi
        self._masker = masker

    async def request_json(self, method: str, path: str, body: object = None) -> Any:
        """Ask an endpoint and return its JSON.

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
    """Return a provider's count of tokens that is asked about masked requests only."""

    async def counted(request: ChatRequest) -> int:
        return await count_tokens(await mask_request(request, masker.for_request()))

    return counted


async def mask_request(request: ChatRequest, mask: RequestMask) -> ChatRequest:
    """Return a request without anything that is to be hidden."""
    if not mask.is_active:
        return request

    def masked() -> tuple[Message, ...]:
        return tuple(_mask_message(message, mask) for message in request.messages)

    much = sum(_count_chars(message) for message in request.messages) > OFFLOAD_CHARS
    return replace(request, messages=await asyncio.to_thread(masked) if much else masked())


def _unmask_event(
    event: ReplyEvent, mask: RequestMask, text: StreamUnmasker, reasoning: StreamUnmasker
) -> list[ReplyEvent]:
    """Return what one event becomes; several, where something was held back."""
    match event:
        case TextDelta():
            return [*_flush(reasoning, ReasoningDelta), *_as_delta(text.feed(event.text), TextDelta)]
        case ReasoningDelta():
            return _as_delta(reasoning.feed(event.text), ReasoningDelta)
        case ToolCall():
            event = replace(event, arguments=mask.unmask_json(event.arguments))
        case Finished():
            pass
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
        case str(words) if message.role == "tool":
            sealed = len(words) >= ENCRYPTED_RESULT_CHARS and not any(char.isspace() for char in words)
            return words if sealed else mask.mask(unescape_json(words))
        case str(words):
            return mask.mask(words)
        case parts:
            return tuple(
                TextPart(mask.mask(part.text)) if isinstance(part, TextPart) else part for part in parts
            )


def _count_chars(message: Message) -> int:
    content = message.content
    texts = [content] if isinstance(content, str) else [p.text for p in content if isinstance(p, TextPart)]
    return sum(map(len, texts)) + len(message.reasoning)
