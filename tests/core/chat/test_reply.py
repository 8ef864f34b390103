"""A reply survives a broken wire: nothing repeated, nothing lost."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bots.simulator.kimi import Faults, KimiSimulator, Script, ScriptedReply, in_turn
from core.chat.reply import Written, write
from core.clock import ScaledClock
from core.kimi import AsyncKimi, ChatRequest, KimiError, KimiStreamInterrupted, Message

TEXT = "".join(f"Sentence number {index} of the answer. " for index in range(40)).strip()
REQUEST = ChatRequest(
    messages=(Message(role="user", content="Tell me."),), model="kimi-k2.6", max_completion_tokens=1000
)


@asynccontextmanager
async def asked(script: Script) -> AsyncIterator[tuple[KimiSimulator, AsyncKimi, ScaledClock]]:
    """A client and the stand-in it talks to, on one fast clock."""
    clock = ScaledClock(20)
    async with (
        KimiSimulator(clock=clock, script=script) as simulator,
        AsyncKimi(api_key="sk-test", base_url=simulator.base_url, clock=clock) as kimi,
    ):
        yield simulator, kimi, clock


async def test_a_cut_stream_is_continued_from_exactly_there() -> None:
    """After a cut in the middle Kimi goes on from what was shown, and the text is whole once."""
    cut = ScriptedReply(TEXT, chunks_per_s=400, faults=Faults(cut_after_chars=500))
    shown: list[str] = []
    async with asked(in_turn(cut, ScriptedReply(TEXT, chunks_per_s=400))) as (simulator, kimi, clock):
        written = Written()
        await write(kimi, REQUEST, written, shown.append, clock, resume_attempts=2, continuations=0)
    assert written.text == TEXT
    assert "".join(shown) == TEXT
    assert len(simulator.requests) == 2
    assert simulator.requests[1].prefix


async def test_a_stream_that_always_breaks_is_given_up_with_its_text_kept() -> None:
    """After the allowed resumptions the error comes out and what was written stays."""
    cut = [ScriptedReply(TEXT, chunks_per_s=400, faults=Faults(cut_after_chars=at)) for at in (300, 100, 100)]
    async with asked(in_turn(*cut)) as (_, kimi, clock):
        written = Written()
        with pytest.raises(KimiStreamInterrupted):
            await write(kimi, REQUEST, written, lambda _: None, clock, resume_attempts=2, continuations=0)
    assert len(written.text) >= 300
    assert TEXT.startswith(written.text)


async def test_an_answer_at_its_length_limit_goes_on_by_itself() -> None:
    """A reply that ended by its length is continued, at most as often as allowed."""
    first = ScriptedReply(TEXT[:400], chunks_per_s=400, finish_reason="length")
    async with asked(in_turn(first, ScriptedReply(TEXT, chunks_per_s=400))) as (_, kimi, clock):
        written = Written()
        await write(kimi, REQUEST, written, lambda _: None, clock, resume_attempts=0, continuations=1)
    assert written.text == TEXT
    assert written.finish_reason == "stop"


async def test_an_earlier_run_s_text_is_shown_once_kimi_goes_on_from_it() -> None:
    """A takeover begins with the stored words and adds only what is missing."""
    shown: list[str] = []
    async with asked(in_turn(ScriptedReply(TEXT, chunks_per_s=400))) as (simulator, kimi, clock):
        written = Written(text=TEXT[:250])
        await write(kimi, REQUEST, written, shown.append, clock, resume_attempts=0, continuations=0)
    assert "".join(shown) == TEXT
    assert shown[0] == TEXT[:250]
    assert simulator.requests[0].prefix == TEXT[:250]


async def test_white_space_before_the_first_word_is_dropped() -> None:
    """Some models begin with a space; nobody sees it."""
    shown: list[str] = []
    spaced = ScriptedReply(TEXT, chunks_per_s=400, faults=Faults(leading_space=True))
    async with asked(in_turn(spaced)) as (_, kimi, clock):
        written = Written()
        await write(kimi, REQUEST, written, shown.append, clock, resume_attempts=0, continuations=0)
    assert "".join(shown) == TEXT == written.text


async def test_a_failure_before_any_word_is_not_resumed() -> None:
    """What Kimi refuses from the start comes out as its own error."""
    wrong = ChatRequest(messages=REQUEST.messages, model="moonshot-v1-8k", max_completion_tokens=10)
    async with asked(in_turn(ScriptedReply(TEXT))) as (_, kimi, clock):
        with pytest.raises(KimiError) as caught:
            await write(kimi, wrong, Written(), lambda _: None, clock, resume_attempts=2, continuations=2)
    assert caught.value.code
