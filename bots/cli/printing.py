"""An answer straight from Kimi, growing on the terminal."""

import contextlib
from collections.abc import AsyncGenerator

from bots.cli.terminal import complain, language
from bots.terminal.screen import Screen
from core.kimi import AsyncKimi, ChatRequest, Finished, FinishReason, KimiError, TextDelta
from core.llm.masking_model import hidden
from core.redaction.masking import Masker, Shower


async def answer(kimi: AsyncKimi, asked: ChatRequest, *, masker: Masker, stream: bool = True) -> None:
    """Show Kimi's answer, who does not see what ``masker`` hides; a note says where it is not the whole.

    Raises:
        core.kimi.KimiError: what was shown until then stays.
    """
    mask = masker.begin()
    shower, sent = Shower(mask), await hidden(asked, mask)
    screen = Screen()
    screen.think()
    begun = False
    reason: FinishReason = "stop"
    try:
        async with contextlib.aclosing(_pieces(kimi, sent, stream=stream)) as pieces:
            async for piece, why in pieces:
                reason = why or reason
                shown = shower.feed(piece)
                fresh = shown if begun else shown.lstrip()  # some models put a blank first
                begun = begun or bool(fresh)
                screen.add(fresh)
        screen.add(shower.end())
    finally:
        screen.end()
    if reason == "length":
        complain(f"the answer was cut at {asked.max_completion_tokens} tokens; raise MOONTHREAD_REPLY_TOKENS")


async def _pieces(
    kimi: AsyncKimi, asked: ChatRequest, *, stream: bool
) -> AsyncGenerator[tuple[str, FinishReason | None], None]:
    """Yield the answer's text as it comes, and at the end why it ended."""
    if not stream:
        reply = await kimi.complete(asked, on_wait=_tell_wait)
        yield reply.text, reply.finish_reason
        return
    async with contextlib.aclosing(kimi.stream(asked, on_wait=_tell_wait)) as events:
        async for event in events:
            match event:
                case TextDelta():
                    yield event.text, None
                case Finished():
                    yield "", event.reason


def _tell_wait(error: KimiError, wait_s: float) -> None:
    complain(f"{error.notice(language())} ({error.code}; {wait_s:.0f} s)")
