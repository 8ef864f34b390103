"""One answer of Kimi over as many requests as it takes: resumed, continued, with tools."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeAlias, assert_never

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
    ReasoningDelta,
    ReplyEvent,
    TextDelta,
    ToolCall,
    Usage,
)
from core.ports.chat_model import CallContext, ChatModel
from core.tools.tool_runner import ToolRunner

log = structlog.get_logger(__name__)

OnText: TypeAlias = Callable[[str], None]


def _ignore(_: str) -> None:
    """Discard a piece of text."""


def _unchanged(request: ChatRequest) -> ChatRequest:
    return request


@dataclass(slots=True)
class StreamedAnswer:
    """An answer as far as it has been received; grows while it is streamed."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str = ""  #: "" until the last request has ended
    usage: Usage | None = None  #: the sum over all requests; None if the provider did not tell
    request_count: int = 0
    started_at: float = 0.0  #: when the first request was made, in seconds of the service's clock
    first_token_at: float | None = None
    pending_tool_calls: list[ToolCall] = field(default_factory=list)

    def append(self, text: str) -> str:
        """Append a delta and return the part of it to show.

        White space before the first word is dropped: some models send it.
        """
        if not self.text:
            text = text.lstrip()
        self.text += text
        return text

    @property
    def time_to_first_token_s(self) -> float | None:
        """Seconds from the first request to the first token of text; None if no text came."""
        return None if self.first_token_at is None else self.first_token_at - self.started_at


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamOptions:
    """How one answer is streamed."""

    max_resumes: int = 0  #: requests that continue a stream that broke off
    max_continuations: int = 0  #: requests that continue a reply that reached its length limit
    on_text: OnText = _ignore  #: receives each piece of the answer, in order
    on_reasoning: OnText = _ignore  #: receives each piece of the thinking, in order
    tools: ToolRunner | None = None  #: runs the tools that the model calls; None offers none
    clamp_reply_tokens: Callable[[ChatRequest], ChatRequest] = _unchanged
    """Returns a request that has grown with a reply that still fits beside it into the context."""


async def stream_with_resume(
    model: ChatModel,
    request: ChatRequest,
    answer: StreamedAnswer,
    context: CallContext,
    clock: Clock,
    options: StreamOptions,
) -> None:
    """Stream the reply to ``request`` into ``answer`` and to the callbacks of ``options``.

    If ``answer`` begins with text (of an earlier attempt), and whenever the stream breaks after
    text came, Kimi is asked to continue from exactly there: nothing is repeated, nothing lost. A
    reply that reached its length limit is continued the same way. Tools that Kimi calls are run,
    and Kimi is asked again with their results.

    Raises:
        KimiError: no (more) text can be had; what came stays in ``answer``.
        StoreUnavailable: the account's limiter cannot be reached.
    """
    stream = _ResumableStream(model, request, answer, context, clock, options)
    while await stream.next_request():
        pass


class _ResumableStream:
    """The state of one answer between two requests."""

    def __init__(
        self,
        model: ChatModel,
        request: ChatRequest,
        answer: StreamedAnswer,
        context: CallContext,
        clock: Clock,
        options: StreamOptions,
    ) -> None:
        self._model = model
        self._request = request
        self._answer = answer
        self._context = context
        self._clock = clock
        self._options = options
        self._resumes_left = options.max_resumes
        self._continuations_left = options.max_continuations
        self._unshown_text = answer.text  # an earlier attempt's text, until Kimi continues it
        self._segment_start = 0  # where the text begins that Kimi wrote after the last tools

    async def next_request(self) -> bool:
        """Stream the next request; return whether another one has to follow.

        Raises:
            KimiError: no (more) text can be had.
        """
        answer, tools = self._answer, self._options.tools
        if tools is not None:
            self._request = replace(self._request, tools=tools.definitions)
        try:
            await self._stream(_continuation_request(self._request, self._segment, answer.reasoning))
        except KimiInvalidRequest:
            if not self._unshown_text or answer.text != self._unshown_text:
                raise
            # This provider does not continue a given beginning: write the answer anew.
            log.info("answer.continuation_refused")
            answer.text = answer.reasoning = self._unshown_text = ""
            return True
        except KimiContextTooLong:
            if answer.finish_reason != "length" or not self._segment:
                raise
            log.info("answer.continuation_too_long")
            return False
        except (KimiStreamInterrupted, KimiTimeout, KimiUnavailable) as exc:
            self._prepare_resume(exc)
            return True
        self._unshown_text = ""
        if tools is not None and answer.pending_tool_calls:
            await self._run_tools(tools)
            return True
        return self._start_continuation()

    @property
    def _segment(self) -> str:
        """The text since the last tools: what a continuing request has to contain."""
        return self._answer.text[self._segment_start :]

    def _start_continuation(self) -> bool:
        """Return whether a reply that reached its length limit is continued."""
        if self._answer.finish_reason != "length" or not self._segment or self._continuations_left <= 0:
            return False
        self._continuations_left -= 1
        log.info("answer.continued", left=self._continuations_left)
        return True

    def _prepare_resume(self, error: KimiError) -> None:
        """Prepare to continue after a break; raise ``error`` if there is nothing to continue."""
        answer = self._answer
        if not (answer.text or answer.reasoning) or self._resumes_left <= 0:
            raise error
        self._resumes_left -= 1
        self._unshown_text = self._unshown_text if answer.text == self._unshown_text else ""
        if not self._segment:
            answer.reasoning = ""  # no text since the last tools: let the model think anew
        log.info("answer.stream_resumed", code=error.code)

    async def _run_tools(self, tools: ToolRunner) -> None:
        answer = self._answer
        text, calls = self._segment, tuple(answer.pending_tool_calls)
        messages = await tools.run_batch(calls, text=text, reasoning=answer.reasoning)
        self._request = replace(self._request, messages=(*self._request.messages, *messages))
        answer.pending_tool_calls.clear()
        answer.reasoning = ""
        if text.strip():
            answer.text += "\n\n"
            self._options.on_text("\n\n")
        self._segment_start = len(answer.text)

    async def _stream(self, request: ChatRequest) -> None:
        answer = self._answer
        answer.request_count += 1
        answer.pending_tool_calls.clear()
        answer.started_at = answer.started_at or self._clock.time()
        events = self._model.stream(self._options.clamp_reply_tokens(request), self._context)
        async with contextlib.aclosing(events):
            async for event in events:
                if self._unshown_text:
                    self._options.on_text(self._unshown_text)
                    self._unshown_text = ""
                self._handle_event(event)

    def _handle_event(self, event: ReplyEvent) -> None:
        answer = self._answer
        match event:
            case TextDelta(text=text):
                if answer.first_token_at is None:
                    answer.first_token_at = self._clock.time()
                if fresh := answer.append(text):
                    self._options.on_text(fresh)
            case ReasoningDelta(text=text):
                answer.reasoning += text
                self._options.on_reasoning(text)
            case Finished(reason=reason, usage=usage):
                answer.finish_reason = reason
                answer.usage = _add_usage(answer.usage, usage)
            case ToolCall():
                answer.pending_tool_calls.append(event)
            case _:
                assert_never(event)


def _continuation_request(request: ChatRequest, text: str, reasoning: str) -> ChatRequest:
    """Return the request that continues after ``text``; the request itself if there is none."""
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
