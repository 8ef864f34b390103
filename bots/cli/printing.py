"""Prints an answer of Kimi on the terminal while it is received."""

import contextlib
from collections.abc import AsyncGenerator, Mapping
from typing import Final

from bots.cli.terminal import print_error, terminal_language
from bots.terminal.screen import Screen
from core.domain.errors import MoonthreadError
from core.kimi import AsyncKimi, ChatRequest, Finished, FinishReason, KimiError, TextDelta
from core.llm.masking_model import mask_request
from core.redaction.masking import Masker, StreamUnmasker
from core.text.reply_checks import is_empty_reply

_CUT_TEXTS: Final[Mapping[FinishReason, str]] = {
    "length": "Kimi used all its tokens for thinking; raise MOONTHREAD_REPLY_TOKENS",
    "content_filter": "Kimi's content filter ended the answer",
}


class IncompleteAnswer(MoonthreadError):
    """Kimi gave no answer, or not the whole one, without an error of its own."""


async def print_answer(
    kimi: AsyncKimi, request: ChatRequest, *, masker: Masker, screen: Screen, stream: bool = True
) -> str:
    """Print and return Kimi's answer to ``request``, with a note if it was cut at the token limit.

    ``masker`` hides personal data from Kimi and restores it in the answer.

    Raises:
        IncompleteAnswer: there is nothing to see, or the answer did not end well.
        core.kimi.KimiError: the text received until then remains printed.
    """
    mask = masker.for_request()
    unmasker, masked = StreamUnmasker(mask), await mask_request(request, mask)
    answer: list[str] = []
    screen.show_thinking()
    begun = is_visible = False
    reason: FinishReason = "stop"
    try:
        async with contextlib.aclosing(_stream_text(kimi, masked, stream=stream)) as pieces:
            async for piece, why in pieces:
                reason = why or reason
                text = unmasker.feed(piece)
                text = text if begun else text.lstrip()  # some models begin with a space
                begun = begun or bool(text)
                is_visible = is_visible or not is_empty_reply(text)
                answer.append(text)
                screen.append(text)
        answer.append(rest := unmasker.flush())
        screen.append(rest)
    finally:
        screen.end_line()
    if not is_visible:
        raise IncompleteAnswer(_CUT_TEXTS.get(reason, "Kimi gave no words"))
    if reason == "length":
        print_error(
            f"the answer was cut at {request.max_completion_tokens} tokens; raise MOONTHREAD_REPLY_TOKENS"
        )
    elif reason not in ("stop", "tool_calls"):
        raise IncompleteAnswer(_CUT_TEXTS.get(reason, "Kimi ended early; the answer may be incomplete"))
    return "".join(answer)


async def _stream_text(
    kimi: AsyncKimi, request: ChatRequest, *, stream: bool
) -> AsyncGenerator[tuple[str, FinishReason | None], None]:
    """Yield the answer's text as it is received, and the reason of its end with the last piece."""
    if not stream:
        reply = await kimi.complete(request, on_retry=_print_wait)
        yield reply.text, reply.finish_reason
        return
    async with contextlib.aclosing(kimi.stream(request, on_retry=_print_wait)) as events:
        async for event in events:
            match event:
                case TextDelta():
                    yield event.text, None
                case Finished():
                    yield "", event.reason


def _print_wait(error: KimiError, wait_s: float) -> None:
    wait = max(1, round(wait_s))
    if terminal_language() == "zh":
        print_error(f"Kimi 暂时没有回答（{error.code}），{wait} 秒后重试")
    else:
        print_error(f"Kimi does not answer yet ({error.code}); trying again in {wait} s")
