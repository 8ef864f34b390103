"""Removes template markers, thinking and tool sections from the text of replies."""

import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from core.kimi import ChatRequest, Finished, ReasoningDelta, ReplyEvent, TextDelta, ToolCall, text_of
from core.llm.text_filter import ReplyTextFilter
from core.ports.chat_model import CallContext, ChatModel


class CleanModel:
    """A :class:`core.ports.chat_model.ChatModel` without template markers in its text.

    Tool calls that the model wrote as text become tool calls if the request offers these tools and their
    arguments are not copied from the conversation: nobody can have a tool called by dictating it. A model
    that was seen to end its thinking with ``</think>`` without having begun it is not shown before that end
    in later replies.
    """

    def __init__(self, model: ChatModel) -> None:
        self._model = model
        self._unopened: set[str] = set()  # models whose text begins with thinking, without an opening tag

    async def stream(self, request: ChatRequest, context: CallContext) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events; see ``ChatModel``.

        Raises:
            KimiError: of any kind.
            StoreUnavailable: the account's limiter cannot be reached.
        """
        last = request.messages[-1]
        before = text_of(last.content) if last.partial else ""
        text_filter = ReplyTextFilter(before, begins_with_thinking=request.model in self._unopened)
        async with contextlib.aclosing(self._model.stream(request, context)) as events:
            async for event in events:
                match event:
                    case TextDelta(text=text):
                        for cleaned in text_filter.feed(text):
                            yield cleaned
                    case Finished():
                        for cleaned in text_filter.flush():
                            yield cleaned
                        if text_filter.has_unopened_thinking:
                            self._unopened.add(request.model)
                        offered = _tool_names(request)
                        for call in text_filter.calls:
                            if call.name in offered and not _is_copied(call, request):
                                yield call
                        yield event
                    case ReasoningDelta() | ToolCall():
                        yield event


def _tool_names(request: ChatRequest) -> set[Any]:
    return {tool.get("function", {}).get("name") for tool in request.tools}


def _is_copied(call: ToolCall, request: ChatRequest) -> bool:
    """Return whether a message that the model did not write contains a call's arguments."""
    return any(
        call.arguments in text_of(message.content)
        for message in request.messages
        if message.role != "assistant"
    )
