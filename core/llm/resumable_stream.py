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
    OnWait,
    ReasoningDelta,
    ReplyEvent,
    TextDelta,
    ToolCall,
    Usage,
)
from core.llm import Asker, OnPlace
from core.tools.runner import ToolUse

log = structlog.get_logger(__name__)


Ask: TypeAlias = Callable[[ChatRequest], AsyncGenerator[ReplyEvent, None]]
Fit: TypeAlias = Callable[[ChatRequest], ChatRequest]


class ChatModel(Protocol):
    """What this service needs of a Kimi; :class:`core.llm.AccountModel` is one."""

    def stream(
        self,
        request: ChatRequest,
        *,
        on_wait: OnWait | None = None,
        asker: Asker | None = None,
        on_place: OnPlace | None = None,
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply's events; the last is :class:`core.kimi.Finished`.

        The request may wait in the line of ``asker``'s questions, of which ``on_place`` is told,
        and after failures, of which ``on_wait`` is told.

        Raises:
            KimiError: of any kind.
            StoreUnavailable: the line cannot be kept.
        """


@dataclass(slots=True)
class Written:
    """An answer as far as it has come; grows while it is streamed."""

    text: str = ""
    reasoning: str = ""
    finish_reason: str = ""  #: "" while it runs
    usage: Usage | None = None
    calls: int = 0
    asked_at: float = 0.0
    first_word_at: float | None = None
    wanted: list[ToolCall] = field(default_factory=list)  #: tool calls that wait to be run

    def add(self, text: str) -> str:
        """Take in a delta and return what of it is to be shown.

        White space before the first word is dropped: some models put a space there.
        """
        if not self.text:
            text = text.lstrip()
        self.text += text
        return text


async def write(
    model: ChatModel,
    request: ChatRequest,
    written: Written,
    show: Callable[[str], None],
    clock: Clock,
    *,
    resume_attempts: int,
    continuations: int,
    think: Callable[[str], None] = lambda _: None,
    asker: Asker | None = None,
    on_place: OnPlace | None = None,
    on_wait: OnWait | None = None,
    tools: ToolUse | None = None,
    fit: Fit = lambda request: request,
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
    ask = partial(model.stream, asker=asker, on_place=on_place, on_wait=on_wait)
    writing = _Writing(lambda grown: ask(fit(grown)), request, written, show, think, clock, tools)
    writing.attempts, writing.continuations = resume_attempts, continuations
    while await writing.go_on():
        pass


class _Writing:
    """One answer over as many requests as it takes."""

    attempts = 0  #: how often a broken stream may still be continued
    continuations = 0  #: how often a reply at its length limit may still go on

    def __init__(
        self,
        ask: Ask,
        request: ChatRequest,
        written: Written,
        show: Callable[[str], None],
        think: Callable[[str], None],
        clock: Clock,
        tools: ToolUse | None,
    ) -> None:
        self._ask = ask
        self._request = request
        self._written = written
        self._show = show
        self._think = think
        self._clock = clock
        self._tools = tools
        self._unshown = written.text  # an earlier run's words, until Kimi has accepted to go on from them
        self._begun = 0  # where the text begins that Kimi wrote after the last tools

    async def go_on(self) -> bool:
        """Run the next request; False when the answer is whole.

        Raises:
            KimiError: nothing (more) can be had.
        """
        written = self._written
        if self._tools is not None:
            self._request = replace(self._request, tools=self._tools.definitions)
        try:
            await self._stream(_from_here(self._request, written.text[self._begun :], written.reasoning))
        except KimiInvalidRequest:
            if not self._unshown or written.text != self._unshown:
                raise
            # This provider does not continue a given beginning: write the answer anew.
            log.info("continuation_refused")
            written.text = written.reasoning = self._unshown = ""
            return True
        except KimiContextTooLong:
            if written.finish_reason != "length" or not written.text[self._begun :]:
                raise
            log.info("answer_not_continued")
            return False
        except (KimiStreamInterrupted, KimiTimeout, KimiUnavailable) as exc:
            self._resume(exc)
            return True
        self._unshown = ""
        if self._tools is not None and written.wanted:
            await self._use_tools(self._tools)
            return True
        if written.finish_reason != "length" or not written.text[self._begun :] or self.continuations <= 0:
            return False
        self.continuations -= 1
        log.info("answer_continued", left=self.continuations)
        return True

    def _resume(self, error: KimiError) -> None:
        """Get ready to go on after a break, or raise ``error`` where there is nothing to go on from."""
        written = self._written
        if not (written.text or written.reasoning) or self.attempts <= 0:
            raise error
        self.attempts -= 1
        self._unshown = self._unshown if written.text == self._unshown else ""
        if len(written.text) == self._begun:
            written.reasoning = ""  # nothing was said yet since the last tools: think anew
        log.info("stream_resumed", code=error.code)

    async def _use_tools(self, tools: ToolUse) -> None:
        written = self._written
        said, calls = written.text[self._begun :], tuple(written.wanted)
        told = await tools.round(calls, text=said, reasoning=written.reasoning)
        self._request = replace(self._request, messages=(*self._request.messages, *told))
        written.wanted.clear()
        written.reasoning = ""
        if said.strip():
            written.text += "\n\n"
            self._show("\n\n")
        self._begun = len(written.text)

    async def _stream(self, request: ChatRequest) -> None:
        written = self._written
        written.calls += 1
        written.wanted.clear()
        written.asked_at = written.asked_at or self._clock.time()
        async with contextlib.aclosing(self._ask(request)) as events:
            async for event in events:
                if self._unshown:
                    self._show(self._unshown)
                    self._unshown = ""
                self._take(event)

    def _take(self, event: ReplyEvent) -> None:
        written = self._written
        match event:
            case TextDelta(text=text):
                if written.first_word_at is None:
                    written.first_word_at = self._clock.time()
                if fresh := written.add(text):
                    self._show(fresh)
            case ReasoningDelta(text=text):
                written.reasoning += text
                self._think(text)
            case Finished(reason=reason, usage=usage):
                written.finish_reason = reason
                written.usage = _sum(written.usage, usage)
            case ToolCall():
                written.wanted.append(event)


def _from_here(request: ChatRequest, text: str, reasoning: str) -> ChatRequest:
    """Return the request that goes on after ``text``."""
    if not text:
        return request
    beginning = Message(role="assistant", content=text, reasoning=reasoning, partial=True)
    return replace(request, messages=(*request.messages, beginning))


def _sum(first: Usage | None, second: Usage | None) -> Usage | None:
    if first is None or second is None:
        return second or first
    return Usage(
        prompt_tokens=first.prompt_tokens + second.prompt_tokens,
        completion_tokens=first.completion_tokens + second.completion_tokens,
        cached_tokens=first.cached_tokens + second.cached_tokens,
        reasoning_tokens=first.reasoning_tokens + second.reasoning_tokens,
    )
