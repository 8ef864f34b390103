"""Asking Kimi for one answer: from a prompt to a stream of words that survives a broken wire."""

import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol, TypeAlias

import structlog

from core.domain.clock import Clock
from core.kimi import (
    ChatRequest,
    Finished,
    KimiContextTooLong,
    KimiError,
    KimiInvalidRequest,
    KimiStreamInterrupted,
    KimiTimeout,
    KimiUnavailable,
    Message,
    OnRetry,
    ReasoningDelta,
    ReplyEvent,
    TextDelta,
    ToolCall,
    Usage,
)
from core.llm import OnQueuePosition, Requester
from core.tools.tool_runner import ToolRunner

log = structlog.get_logger(__name__)


OpenStream: TypeAlias = Callable[[ChatRequest], AsyncGenerator[ReplyEvent, None]]
ClampReplyTokens: TypeAlias = Callable[[ChatRequest], ChatRequest]


class ChatModel(Protocol):
    """What this service needs of a Kimi; :class:`core.llm.LlmGateway` is one."""

    def stream(
        self,
        request: ChatRequest,
        *,
        on_retry: OnRetry | None = None,
        requester: Requester | None = None,
        on_queue_position: OnQueuePosition | None = None,
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events; the last is :class:`core.kimi.Finished`.

        The request may wait in the line of ``asker``'s questions, of which ``on_place`` is told,
        and after failures, of which ``on_wait`` is told.

        Raises:
            KimiError: of any kind.
            StoreUnavailable: the line cannot be kept.
        """


@dataclass(slots=True)
class StreamedAnswer:
    """An answer as far as it has come; grows while it is streamed."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str = ""  #: "" while it runs
    usage: Usage | None = None
    request_count: int = 0
    started_at: float = 0.0
    first_token_at: float | None = None
    pending_tool_calls: list[ToolCall] = field(default_factory=list)  #: tool calls that wait to be run

    def append(self, text: str) -> str:
        """Take in a delta and return what of it is to be shown.

        White space before the first word is dropped: some models put a space there.
        """
        if not self.text:
            text = text.lstrip()
        self.text += text
        return text


async def stream_with_resume(
    model: ChatModel,
    request: ChatRequest,
    answer: StreamedAnswer,
    on_text: Callable[[str], None],
    clock: Clock,
    *,
    max_resumes: int,
    max_continuations: int,
    on_reasoning: Callable[[str], None] = lambda _: None,
    requester: Requester | None = None,
    on_queue_position: OnQueuePosition | None = None,
    on_retry: OnRetry | None = None,
    tools: ToolRunner | None = None,
    clamp_reply_tokens: ClampReplyTokens = lambda request: request,
) -> None:
    """Stream the reply to ``request`` into ``written`` and ``show``.

    Where ``written`` begins with text (an earlier run's), and wherever the stream breaks after
    words came, Kimi is asked to go on from exactly there: nothing is repeated, nothing lost.
    The same is done up to ``continuations`` times where the reply reached its length limit. Tools
    that Kimi asks for are run, and it is asked again with what they found. ``fit`` gives a request
    that has grown so the reply for which the model's context still has room.

    Raises:
        KimiError: nothing (more) can be had; what came stays in ``written``.
    """
    ask = partial(model.stream, requester=requester, on_queue_position=on_queue_position, on_retry=on_retry)
    writing = _ResumableStream(
        lambda grown: ask(clamp_reply_tokens(grown)), request, answer, on_text, on_reasoning, clock, tools
    )
    writing.resumes_left, writing.continuations_left = max_resumes, max_continuations
    while await writing.next_request():
        pass


class _ResumableStream:
    """One answer over as many requests as it takes."""

    resumes_left = 0  #: how often a broken stream may still be continued
    continuations_left = 0  #: how often a reply at its length limit may still go on

    def __init__(
        self,
        open_stream: OpenStream,
        request: ChatRequest,
        answer: StreamedAnswer,
        on_text: Callable[[str], None],
        on_reasoning: Callable[[str], None],
        clock: Clock,
        tools: ToolRunner | None,
    ) -> None:
        self._open_stream = open_stream
        self._request = request
        self._answer = answer
        self._on_text = on_text
        self._on_reasoning = on_reasoning
        self._clock = clock
        self._tools = tools
        self._unshown_text = answer.text  # an earlier run's words, until Kimi has accepted to go on from them
        self._segment_start = 0  # where the text begins that Kimi wrote after the last tools

    async def next_request(self) -> bool:
        """Run the next request; False when the answer is whole.

        Raises:
            KimiError: nothing (more) can be had.
        """
        written = self._answer
        if self._tools is not None:
            self._request = replace(self._request, tools=self._tools.definitions)
        try:
            await self._stream(
                _continuation_request(self._request, written.text[self._segment_start :], written.reasoning)
            )
        except KimiInvalidRequest:
            if not self._unshown_text or written.text != self._unshown_text:
                raise
            # This provider does not continue a given beginning: write the answer anew.
            log.info("answer.continuation_refused")
            written.text = written.reasoning = self._unshown_text = ""
            return True
        except KimiContextTooLong:
            if written.finish_reason != "length" or not written.text[self._segment_start :]:
                raise
            log.info("answer.continuation_too_long")
            return False
        except (KimiStreamInterrupted, KimiTimeout, KimiUnavailable) as exc:
            self._prepare_resume(exc)
            return True
        self._unshown_text = ""
        if self._tools is not None and written.pending_tool_calls:
            await self._run_tools(self._tools)
            return True
        if (
            written.finish_reason != "length"
            or not written.text[self._segment_start :]
            or self.continuations_left <= 0
        ):
            return False
        self.continuations_left -= 1
        log.info("answer.continued", left=self.continuations_left)
        return True

    def _prepare_resume(self, error: KimiError) -> None:
        """Get ready to go on after a break, or raise ``error`` where there is nothing to go on from."""
        written = self._answer
        if not (written.text or written.reasoning) or self.resumes_left <= 0:
            raise error
        self.resumes_left -= 1
        self._unshown_text = self._unshown_text if written.text == self._unshown_text else ""
        if len(written.text) == self._segment_start:
            written.reasoning = ""  # nothing was said yet since the last tools: think anew
        log.info("answer.stream_resumed", code=error.code)

    async def _run_tools(self, tools: ToolRunner) -> None:
        written = self._answer
        said, calls = written.text[self._segment_start :], tuple(written.pending_tool_calls)
        told = await tools.run_batch(calls, text=said, reasoning=written.reasoning)
        self._request = replace(self._request, messages=(*self._request.messages, *told))
        written.pending_tool_calls.clear()
        written.reasoning = ""
        if said.strip():
            written.text += "\n\n"
            self._on_text("\n\n")
        self._segment_start = len(written.text)

    async def _stream(self, request: ChatRequest) -> None:
        written = self._answer
        written.request_count += 1
        written.pending_tool_calls.clear()
        written.started_at = written.started_at or self._clock.time()
        async with contextlib.aclosing(self._open_stream(request)) as events:
            async for event in events:
                if self._unshown_text:
                    self._on_text(self._unshown_text)
                    self._unshown_text = ""
                self._handle_event(event)

    def _handle_event(self, event: ReplyEvent) -> None:
        written = self._answer
        match event:
            case TextDelta(text=text):
                if written.first_token_at is None:
                    written.first_token_at = self._clock.time()
                if fresh := written.append(text):
                    self._on_text(fresh)
            case ReasoningDelta(text=text):
                written.reasoning += text
                self._on_reasoning(text)
            case Finished(reason=reason, usage=usage):
                written.finish_reason = reason
                written.usage = _add_usage(written.usage, usage)
            case ToolCall():
                written.pending_tool_calls.append(event)


def _continuation_request(request: ChatRequest, text: str, reasoning: str) -> ChatRequest:
    """Return the request that goes on after ``text``."""
    if not text:
        return request
    beginning = Message(role="assistant", content=text, reasoning=reasoning, partial=True)
    return replace(request, messages=(*request.messages, beginning))


def _add_usage(first: Usage | None, second: Usage | None) -> Usage | None:
    if first is None or second is None:
        return second or first
    return Usage(
        prompt_tokens=first.prompt_tokens + second.prompt_tokens,
        completion_tokens=first.completion_tokens + second.completion_tokens,
        cached_tokens=first.cached_tokens + second.cached_tokens,
        reasoning_tokens=first.reasoning_tokens + second.reasoning_tokens,
    )
