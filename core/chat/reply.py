"""Asking Kimi for one answer: from a prompt to a stream of words that survives a broken wire."""

import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeAlias

import structlog

from core.account import Asker, OnPlace
from core.clock import Clock
from core.kimi import (
    ChatRequest,
    Finished,
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

log = structlog.get_logger(__name__)


Ask: TypeAlias = Callable[[ChatRequest], AsyncGenerator[ReplyEvent, None]]


class ChatModel(Protocol):
    """What this service needs of a Kimi; :class:`core.account.AccountModel` is one."""

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
) -> None:
    """Stream the reply to ``request`` into ``written`` and ``show``.

    Where ``written`` begins with text (an earlier run's), and wherever the stream breaks after
    words came, Kimi is asked to go on from exactly there: nothing is repeated, nothing lost.
    The same is done up to ``continuations`` times where the reply reached its length limit.

    Raises:
        KimiError: nothing (more) can be had; what came stays in ``written``.
    """
    ask = partial(model.stream, asker=asker, on_place=on_place, on_wait=on_wait)
    unshown = written.text
    attempts = resume_attempts
    while True:
        try:
            await _stream(ask, _from_here(request, written), written, show, clock, think, unshown=unshown)
        except KimiInvalidRequest:
            if not unshown or written.text != unshown:
                raise
            # This provider does not continue a given beginning: write the answer anew.
            log.info("continuation_refused")
            written.text = written.reasoning = unshown = ""
        except (KimiStreamInterrupted, KimiTimeout, KimiUnavailable) as exc:
            if not written.text or attempts <= 0:
                raise
            attempts -= 1
            unshown = unshown if written.text == unshown else ""
            log.info("stream_resumed", code=exc.code)
        else:
            if written.finish_reason != "length" or not written.text or continuations <= 0:
                return
            continuations -= 1
            unshown = ""
            log.info("answer_continued", left=continuations)


async def _stream(
    ask: Ask,
    request: ChatRequest,
    written: Written,
    show: Callable[[str], None],
    clock: Clock,
    think: Callable[[str], None],
    *,
    unshown: str,
) -> None:
    """Run one request; ``unshown`` is shown as soon as Kimi has accepted to go on from it."""
    written.calls += 1
    written.asked_at = written.asked_at or clock.time()
    async with contextlib.aclosing(ask(request)) as events:
        async for event in events:
            if unshown:
                show(unshown)
                unshown = ""
            match event:
                case TextDelta(text=text):
                    if written.first_word_at is None:
                        written.first_word_at = clock.time()
                    if fresh := written.add(text):
                        show(fresh)
                case ReasoningDelta(text=text):
                    written.reasoning += text
                    think(text)
                case Finished(reason=reason, usage=usage):
                    written.finish_reason = reason
                    written.usage = _sum(written.usage, usage)
                case ToolCall():
                    log.warning("tool_call_ignored")


def _from_here(request: ChatRequest, written: Written) -> ChatRequest:
    if not written.text:
        return request
    beginning = Message(role="assistant", content=written.text, reasoning=written.reasoning, partial=True)
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
