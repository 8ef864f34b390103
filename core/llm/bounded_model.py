"""Ends replies that no model writes: an upstream may stream for ever, or send megabytes in one event."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Final

import structlog

from core.kimi import ChatRequest, Finished, ReasoningDelta, ReplyEvent, TextDelta, ToolCall
from core.ports.chat_model import CallContext, ChatModel

log = structlog.get_logger(__name__)

CHARS_PER_TOKEN: Final = 10  #: more than the text of any language has on average
EVENTS_PER_TOKEN: Final = 10  #: of hosts that send single characters
SPARE_CHARS: Final = 4_000  #: on top, for short replies
SPARE_EVENTS: Final = 1_000
MAX_DELTA_CHARS: Final = 4_000  #: longer ones are handed on in pieces
EVENTS_PER_TURN: Final = 50  #: handed on before other tasks get a turn


class BoundedModel:
    """A :class:`core.ports.chat_model.ChatModel` that ends every reply within bounds.

    A reply with more characters or events than ``max_completion_tokens`` can mean ends as "length", with what
    came so far, and is not continued. Thinking and the arguments of tools count too.
    """

    def __init__(self, inner: ChatModel) -> None:
        """Bound the replies of ``inner``."""
        self._inner = inner

    async def stream(self, request: ChatRequest, context: CallContext) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events; raises what the inner model raises."""
        chars_left = request.max_completion_tokens * CHARS_PER_TOKEN + SPARE_CHARS
        events_left = request.max_completion_tokens * EVENTS_PER_TOKEN + SPARE_EVENTS
        events = self._inner.stream(request, context)
        async with contextlib.aclosing(events):
            async for event in events:
                chars, events_left = _chars_of(event), events_left - 1
                for piece in _pieces(event, chars_left):
                    yield piece
                    if isinstance(event, TextDelta | ReasoningDelta) and chars > MAX_DELTA_CHARS:
                        await asyncio.sleep(0)
                chars_left -= chars
                if (chars_left < 0 or events_left < 0) and not isinstance(event, Finished):
                    context.overran = True
                    log.warning("kimi.reply_overran", tokens=request.max_completion_tokens)
                    yield Finished(reason="length", usage=None, request_id="", model="")
                    return
                if events_left % EVENTS_PER_TURN == 0:
                    await asyncio.sleep(0)


def _chars_of(event: ReplyEvent) -> int:
    match event:
        case TextDelta(text=text) | ReasoningDelta(text=text):
            return len(text)
        case ToolCall(arguments=arguments):
            return len(arguments)
        case Finished():
            return 0


def _pieces(event: ReplyEvent, chars_left: int) -> list[ReplyEvent]:
    """Return an event cut to the characters that are left, in pieces of a bounded length."""
    match event:
        case TextDelta(text=text) | ReasoningDelta(text=text):
            kept = text[: max(0, chars_left)]
            starts = range(0, len(kept), MAX_DELTA_CHARS)
            return [type(event)(kept[start : start + MAX_DELTA_CHARS]) for start in starts]
        case ToolCall(arguments=arguments):
            return [event] if len(arguments) <= chars_left else []
        case Finished():
            return [event]
