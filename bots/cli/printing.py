"""Prints an answer of Kimi on the terminal while it is received."""

import contextlib
from collections.abc import AsyncGenerator

from bots.cli.terminal import print_error, terminal_language
from bots.terminal.screen import Screen
from core.kimi import AsyncKimi, ChatRequest, Finished, FinishReason, KimiError, TextDelta
from core.llm.masking_model import mask_request
from core.redaction.masking import Masker, StreamUnmasker


async def print_answer(kimi: AsyncKimi, request: ChatRequest, *, masker: Masker, stream: bool = True) -> None:
    """Print Kimi's answer to ``request``, and a note if it was cut at the token limit.

    ``masker`` hides personal data from Kimi and restores it in the answer.

    Raises:
        core.kimi.KimiError: the text received until then remains printed.
    """
    mask = masker.for_request()
    unmasker, masked = StreamUnmasker(mask), await mask_request(request, mask)
    screen = Screen()
    screen.show_thinking()
    begun = False
    reason: FinishReason = "stop"
    try:
        async with contextlib.aclosing(_stream_text(kimi, masked, stream=stream)) as pieces:
            async for piece, why in pieces:
                reason = why or reason
                text = unmasker.feed(piece)
                text = text if begun else text.lstrip()  # some models begin with a space
                begun = begun or bool(text)
                screen.append(text)
        screen.append(unmasker.flush())
    finally:
        screen.end_line()
    if reason == "length":
        print_error(
            f"the answer was cut at {request.max_completion_tokens} tokens; raise MOONTHREAD_REPLY_TOKENS"
        )


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
    print_error(f"{error.notice(terminal_language())} ({error.code}; {wait_s:.0f} s)")
