"""One answer of Kimi over as many requests as it takes: resumed, continued, with tools."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final, assert_never

import structlog

from core.domain.clock import Clock
from core.kimi import (
    ChatRequest,
    Finished,
    KimiContextTooLong,
    KimiError,
    KimiInvalidRequest,
    KimiOverloaded,
    KimiRateLimited,
    KimiStreamInterrupted,
    KimiTimeout,
    KimiUnavailable,
    KimiUnreadableReply,
    ReasoningDelta,
    ReplyEvent,
    TextDelta,
    ToolCall,
    Usage,
)
from core.llm.continuation import ContinuationJoiner, ContinuationMemory, continuation_request
from core.llm.streamed_answer import StreamedAnswer, StreamOptions
from core.ports.chat_model import CallContext, ChatModel
from core.text.reply_checks import is_empty_reply, looks_finished, repeats_itself
from core.tools.tool_runner import ToolRunner

log = structlog.get_logger(__name__)

#: Errors behind the first word after which Kimi is asked to go on, if they are retryable.
RESUMABLE_ERRORS: Final = (
    KimiStreamInterrupted,
    KimiTimeout,
    KimiUnavailable,
    KimiUnreadableReply,
    KimiOverloaded,
    KimiRateLimited,
)
RESUME_WAIT_S: Final = 2.0  #: after a limit or an overload that does not say how long to wait
MAX_REPLY_S: Final = 3_600.0  #: from the first event of a reply to its last
CLEAN_ENDS: Final = frozenset({"stop", "tool_calls"})


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
    reply that reached its length limit is continued the same way, unless it repeats itself. An empty
    continuation of a text that looks finished means that nothing was missing. A reply that only thinks is
    asked for once more. Tools that Kimi calls are run, and Kimi is asked again with their results.

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
        self._request = replace(request, messages=(*request.messages, *options.transcript))
        self._answer = answer
        self._context = context
        self._clock = clock
        self._options = options
        self._memory = options.continuations or ContinuationMemory(clock)
        self._resumes_left = options.max_resumes
        self._continuations_left = options.max_continuations
        # An earlier attempt's text, until Kimi continues it.
        self._unshown_text = "" if options.text_is_shown else answer.text
        # Where the text begins that Kimi wrote after the last tools.
        self._segment_start = min(options.segment_start, len(answer.text))
        self._joiner = ContinuationJoiner("")
        self._has_begun = False  # an event of the current request came
        self._was_cut = bool(self._segment)  # the current request continues a reply that broke off
        self._asked_for_words = False  # after a reply that only thought

    async def next_request(self) -> bool:
        """Stream the next request; return whether another one has to follow.

        Raises:
            KimiError: no (more) text can be had.
        """
        answer, tools, segment = self._answer, self._options.tools, self._segment
        if tools is not None:
            self._request = replace(self._request, tools=tools.definitions)
        length_before = len(answer.text)
        try:
            await self._stream(continuation_request(self._request, segment, answer.reasoning))
        except KimiInvalidRequest as exc:
            if not segment or self._has_begun:
                raise
            return self._continuation_failed("the host refuses to continue", exc)
        except KimiContextTooLong:
            if answer.finish_reason != "length" or not segment:
                raise
            log.info("answer.continuation_too_long")
            return False
        except RESUMABLE_ERRORS as exc:
            await self._prepare_resume(exc)
            return True
        self._unshown_text = ""
        if self._joiner.begun_anew:
            return self._continuation_failed("the host begins anew")
        if segment and is_empty_reply(answer.text[length_before:]) and not answer.pending_tool_calls:
            if answer.finish_reason in CLEAN_ENDS and looks_finished(segment):
                log.info("answer.was_finished")  # only the end of the stream or of the turn was missing
                return False
            return self._continuation_failed("the continuation is empty")
        return await self._follow_up()

    @property
    def _segment(self) -> str:
        """The text since the last tools: what a continuing request has to contain."""
        return self._answer.text[self._segment_start :]

    async def _follow_up(self) -> bool:
        """Return whether another request follows one that ended well; run the tools that it calls."""
        answer, tools = self._answer, self._options.tools
        self._was_cut = False
        if answer.finish_reason not in CLEAN_ENDS:
            answer.pending_tool_calls.clear()  # cut calls are not run
        if tools is not None and answer.pending_tool_calls:
            await self._run_tools(tools)
            return not tools.pending  # else a person decides, and the answer goes on later
        if answer.finish_reason in CLEAN_ENDS and answer.reasoning and is_empty_reply(self._segment):
            return self._ask_for_words()
        return self._start_continuation()

    def _ask_for_words(self) -> bool:
        """Return whether a reply that only thinks is asked for once more, as Moonshot's own client does."""
        if self._asked_for_words:
            return False
        self._asked_for_words = True
        self._answer.reasoning = ""
        log.info("answer.thought_only")
        return True

    def _continuation_failed(self, reason: str, cause: KimiError | None = None) -> bool:
        """Remember a host that does not continue; return whether the answer is written anew.

        Raises:
            KimiStreamInterrupted: the answer broke off before, and stays so.
        """
        answer = self._answer
        self._memory.record_refusal(self._context.provider)
        log.info("answer.continuation_refused", reason=reason, provider=self._context.provider)
        if self._unshown_text and answer.text == self._unshown_text:
            answer.text = answer.reasoning = self._unshown_text = ""
            self._segment_start = 0
            self._was_cut = False
            return True
        if not self._was_cut:
            answer.finish_reason = "length"  # the reply that was to be continued ended so
            return False
        raise KimiStreamInterrupted(reason) from cause

    def _start_continuation(self) -> bool:
        """Return whether a reply that reached its length limit is continued."""
        answer = self._answer
        if answer.finish_reason != "length" or not self._segment or self._continuations_left <= 0:
            return False
        if (
            self._context.overran
            or repeats_itself(self._segment)
            or not self._memory.continues(self._context.provider)
        ):
            return False
        self._continuations_left -= 1
        log.info("answer.continued", left=self._continuations_left)
        return True

    async def _prepare_resume(self, error: KimiError) -> None:
        """Prepare to continue after a break; raise ``error`` if there is nothing to continue."""
        answer = self._answer
        is_final = not error.retryable or not (answer.text or answer.reasoning) or self._resumes_left <= 0
        if is_final or (self._segment and not self._memory.continues(self._context.provider)):
            raise error
        self._resumes_left -= 1
        self._was_cut = bool(self._segment)
        self._unshown_text = self._unshown_text if answer.text == self._unshown_text else ""
        if not self._segment:
            answer.reasoning = ""  # no text since the last tools: let the model think anew
        log.info("answer.stream_resumed", code=error.code)
        if isinstance(error, KimiOverloaded | KimiRateLimited):
            wait_s = error.retry_after_s or RESUME_WAIT_S
            if self._context.on_retry is not None:
                self._context.on_retry(error, wait_s)
            await self._clock.sleep(wait_s)

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
        self._has_begun = False
        self._joiner = ContinuationJoiner(self._segment)
        answer.started_at = answer.started_at or self._clock.time()
        events = self._model.stream(self._options.clamp_reply_tokens(request), self._context)
        async with contextlib.aclosing(events), self._time_limit() as limit:
            async for event in events:
                if not self._has_begun:
                    limit.reschedule(asyncio.get_running_loop().time() + MAX_REPLY_S)
                self._has_begun = True
                if self._unshown_text:
                    self._options.on_text(self._unshown_text)
                    self._unshown_text = ""
                self._handle_event(event)
                if self._joiner.begun_anew:
                    return

    @contextlib.asynccontextmanager
    async def _time_limit(self) -> AsyncIterator[asyncio.Timeout]:
        """End a reply as too long that is still written when its time is over; the time starts later."""
        try:
            async with asyncio.timeout(None) as limit:
                yield limit
        except TimeoutError:
            if not limit.expired():
                raise
            log.warning("kimi.reply_overran", seconds=MAX_REPLY_S)
            self._context.overran = True
            self._append(self._joiner.flush())
            self._answer.finish_reason = "length"

    def _handle_event(self, event: ReplyEvent) -> None:
        answer = self._answer
        match event:
            case TextDelta(text=text):
                if answer.first_token_at is None:
                    answer.first_token_at = self._clock.time()
                self._append(self._joiner.feed(text))
            case ReasoningDelta(text=text):
                answer.reasoning += text
                self._options.on_reasoning(text)
            case Finished(reason=reason, usage=usage):
                self._append(self._joiner.flush())
                answer.finish_reason = reason
                answer.usage = _add_usage(answer.usage, usage)
            case ToolCall():
                answer.pending_tool_calls.append(event)
            case _:
                assert_never(event)

    def _append(self, text: str) -> None:
        if fresh := self._answer.append(text):
            self._options.on_text(fresh)


def _add_usage(first: Usage | None, second: Usage | None) -> Usage | None:
    if first is None or second is None:
        return second or first
    return Usage(
        prompt_tokens=first.prompt_tokens + second.prompt_tokens,
        completion_tokens=first.completion_tokens + second.completion_tokens,
        cached_tokens=first.cached_tokens + second.cached_tokens,
        reasoning_tokens=first.reasoning_tokens + second.reasoning_tokens,
    )
