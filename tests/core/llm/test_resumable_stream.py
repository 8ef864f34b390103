"""A reply survives a broken wire: nothing repeated, nothing lost."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bots.simulator.kimi import (
    Faults,
    KimiSimulator,
    Script,
    ScriptedCall,
    ScriptedReply,
    in_turn,
)
from core.domain.clock import ScaledClock
from core.kimi import (
    AsyncKimi,
    ChatRequest,
    KimiError,
    KimiStreamInterrupted,
    Message,
    ReplyEvent,
    ToolCall,
)
from core.llm.resumable_stream import StreamedAnswer, stream_with_resume
from core.tools import SourceLink, Tool, ToolError, ToolResult
from core.tools.tool_runner import ToolLimits, ToolRunner

TEXT = "".join(f"Sentence number {index} of the answer. " for index in range(40)).strip()
REQUEST = ChatRequest(
    messages=(Message(role="user", content="Tell me."),), model="kimi-k2.6", max_completion_tokens=1000
)


class Direct:
    """A Kimi without a line to wait in."""

    def __init__(self, kimi: AsyncKimi) -> None:
        self._kimi = kimi

    def stream(self, request: ChatRequest, **_: Any) -> AsyncGenerator[ReplyEvent, None]:
        """Ask at once."""
        return self._kimi.stream(request)


@asynccontextmanager
async def asked(script: Script) -> AsyncIterator[tuple[KimiSimulator, Direct, ScaledClock]]:
    """A client and the stand-in it talks to, on one fast clock."""
    clock = ScaledClock(20)
    async with (
        KimiSimulator(clock=clock, script=script) as simulator,
        AsyncKimi(api_key="sk-test", base_url=simulator.base_url, clock=clock) as kimi,
    ):
        yield simulator, Direct(kimi), clock


async def test_a_cut_stream_is_continued_from_exactly_there() -> None:
    """After a cut in the middle Kimi goes on from what was shown, and the text is whole once."""
    cut = ScriptedReply(TEXT, chunks_per_s=400, faults=Faults(cut_after_chars=500))
    shown: list[str] = []
    async with asked(in_turn(cut, ScriptedReply(TEXT, chunks_per_s=400))) as (simulator, kimi, clock):
        written = StreamedAnswer()
        await stream_with_resume(
            kimi, REQUEST, written, shown.append, clock, max_resumes=2, max_continuations=0
        )
    assert written.text == TEXT
    assert "".join(shown) == TEXT
    assert len(simulator.requests) == 2
    assert simulator.requests[1].prefix


async def test_a_stream_that_always_breaks_is_given_up_with_its_text_kept() -> None:
    """After the allowed resumptions the error comes out and what was written stays."""
    cut = [ScriptedReply(TEXT, chunks_per_s=400, faults=Faults(cut_after_chars=at)) for at in (300, 100, 100)]
    async with asked(in_turn(*cut)) as (_, kimi, clock):
        written = StreamedAnswer()
        with pytest.raises(KimiStreamInterrupted):
            await stream_with_resume(
                kimi, REQUEST, written, lambda _: None, clock, max_resumes=2, max_continuations=0
            )
    assert len(written.text) >= 300
    assert TEXT.startswith(written.text)


async def test_an_answer_at_its_length_limit_goes_on_by_itself() -> None:
    """A reply that ended by its length is continued, at most as often as allowed."""
    first = ScriptedReply(TEXT[:400], chunks_per_s=400, finish_reason="length")
    async with asked(in_turn(first, ScriptedReply(TEXT, chunks_per_s=400))) as (_, kimi, clock):
        written = StreamedAnswer()
        await stream_with_resume(
            kimi, REQUEST, written, lambda _: None, clock, max_resumes=0, max_continuations=1
        )
    assert written.text == TEXT
    assert written.finish_reason == "stop"


async def test_an_earlier_run_s_text_is_shown_once_kimi_goes_on_from_it() -> None:
    """A takeover begins with the stored words and adds only what is missing."""
    shown: list[str] = []
    async with asked(in_turn(ScriptedReply(TEXT, chunks_per_s=400))) as (simulator, kimi, clock):
        written = StreamedAnswer(text=TEXT[:250])
        await stream_with_resume(
            kimi, REQUEST, written, shown.append, clock, max_resumes=0, max_continuations=0
        )
    assert "".join(shown) == TEXT
    assert shown[0] == TEXT[:250]
    assert simulator.requests[0].prefix == TEXT[:250]


async def test_white_space_before_the_first_word_is_dropped() -> None:
    """Some models begin with a space; nobody sees it."""
    shown: list[str] = []
    spaced = ScriptedReply(TEXT, chunks_per_s=400, faults=Faults(leading_space=True))
    async with asked(in_turn(spaced)) as (_, kimi, clock):
        written = StreamedAnswer()
        await stream_with_resume(
            kimi, REQUEST, written, shown.append, clock, max_resumes=0, max_continuations=0
        )
    assert "".join(shown) == TEXT == written.text


async def test_a_failure_before_any_word_is_not_resumed() -> None:
    """What Kimi refuses from the start comes out as its own error."""
    wrong = ChatRequest(messages=REQUEST.messages, model="moonshot-v1-8k", max_completion_tokens=10)
    async with asked(in_turn(ScriptedReply(TEXT))) as (_, kimi, clock):
        with pytest.raises(KimiError) as caught:
            await stream_with_resume(
                kimi, wrong, StreamedAnswer(), lambda _: None, clock, max_resumes=2, max_continuations=2
            )
    assert caught.value.code


def weather(*, fails: bool = False, hangs: bool = False) -> Tool:
    """A tool that tells of one town, fails, or never answers."""

    async def run(arguments: str) -> ToolResult:
        if hangs:
            await asyncio.sleep(3600)
        if fails:
            raise ToolError("the station is closed")
        return ToolResult(
            text=f"Sunny for {arguments}.", sources=(SourceLink(url="https://w.example/", title="W"),)
        )

    parameters = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}
    function = {"name": "weather", "description": "Tell the weather.", "parameters": parameters}
    return Tool(name="weather", definition={"type": "function", "function": function}, run=run)


def calling(town: str, *, text: str = "", **how: Any) -> ScriptedReply:
    """A reply that calls the weather tool."""
    call = ScriptedCall(name="weather", arguments=f'{{"town": "{town}"}}')
    return ScriptedReply(text, reasoning="I look.", tool_calls=(call,), chunks_per_s=400, **how)


async def with_tools(
    *replies: ScriptedReply, tool: Tool, limits: ToolLimits | None = None
) -> tuple[StreamedAnswer, ToolRunner, list[ToolCall], KimiSimulator]:
    """Write an answer whose model may call ``tool``."""
    told: list[ToolCall] = []
    async with asked(in_turn(*replies)) as (simulator, kimi, clock):
        tools = ToolRunner([tool], clock, on_call=told.append, limits=limits)
        written = StreamedAnswer()
        await stream_with_resume(
            kimi, REQUEST, written, lambda _: None, clock, max_resumes=2, max_continuations=0, tools=tools
        )
    return written, tools, told, simulator


async def test_two_rounds_of_tools_lead_to_one_answer() -> None:
    """Each round's results go back with the thinking that led there, and the sources are kept."""
    final = ScriptedReply(TEXT, chunks_per_s=400)
    written, tools, told, simulator = await with_tools(
        calling("Rome"), calling("Oslo"), final, tool=weather()
    )
    assert written.text == TEXT
    assert [call.arguments for call in told] == ['{"town": "Rome"}', '{"town": "Oslo"}']
    roles = [message["role"] for message in simulator.requests[2].messages]
    assert roles == ["user", "assistant", "tool", "assistant", "tool"]
    assert all(
        one["reasoning_content"] for one in simulator.requests[2].messages if one["role"] == "assistant"
    )
    assert [source.url for source in tools.sources] == ["https://w.example/"]


async def test_a_failing_tool_is_told_to_the_model_and_the_answer_comes() -> None:
    """A tool's fault ends no turn."""
    final = ScriptedReply(TEXT, chunks_per_s=400)
    written, _, _, simulator = await with_tools(calling("Rome"), final, tool=weather(fails=True))
    assert written.text == TEXT
    assert "station is closed" in simulator.requests[1].messages[-1]["content"]


async def test_a_tool_that_never_answers_is_given_up() -> None:
    """A call is bounded in time."""
    limits = ToolLimits(timeout_s=2.0)
    final = ScriptedReply(TEXT, chunks_per_s=400)
    written, _, _, simulator = await with_tools(
        calling("Rome"), final, tool=weather(hangs=True), limits=limits
    )
    assert written.text == TEXT
    assert "no answer within" in simulator.requests[1].messages[-1]["content"]


async def test_rounds_are_bounded() -> None:
    """A model that asks for ever is offered no more tools and has to answer."""
    limits = ToolLimits(max_rounds=2)
    final = ScriptedReply(TEXT, chunks_per_s=400)
    written, _, _, simulator = await with_tools(
        calling("Rome"), calling("Oslo"), final, tool=weather(), limits=limits
    )
    assert written.text == TEXT
    assert ["tools" in request.body for request in simulator.requests] == [True, True, False]


async def test_a_stream_cut_in_the_middle_of_a_tool_turn_goes_on() -> None:
    """After the tools have run, a cut is continued with their results still in the request."""
    cut = ScriptedReply(TEXT, chunks_per_s=400, faults=Faults(cut_after_chars=300))
    whole = ScriptedReply(TEXT, chunks_per_s=400)
    written, _, told, simulator = await with_tools(calling("Rome"), cut, whole, tool=weather())
    assert written.text == TEXT
    assert len(told) == 1
    roles = [message["role"] for message in simulator.requests[2].messages]
    assert roles == ["user", "assistant", "tool", "assistant"]


async def test_what_was_said_before_a_tool_stays_apart_from_the_answer() -> None:
    """Words before the tools are kept and a blank line parts them from what follows."""
    written, _, _, _ = await with_tools(
        calling("Rome", text="Let me look."), ScriptedReply("It is sunny.", chunks_per_s=400), tool=weather()
    )
    assert written.text == "Let me look.\n\nIt is sunny."
