"""An answer survives a broken connection: nothing is repeated, nothing lost."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from core.domain.clock import Clock, FakeClock
from core.kimi import (
    ChatRequest,
    Finished,
    KimiContextTooLong,
    KimiError,
    KimiInvalidRequest,
    KimiModelUnknown,
    KimiOverloaded,
    KimiQuotaExhausted,
    KimiRateLimited,
    KimiStreamInterrupted,
    KimiUnavailable,
    Message,
    ReasoningDelta,
    ToolCall,
    Usage,
)
from core.llm.continuation import ContinuationMemory
from core.llm.resumable_stream import MAX_REPLY_S, stream_with_resume
from core.llm.streamed_answer import StreamedAnswer, StreamOptions
from core.ports.chat_model import CallContext
from core.testing.scripted_model import Delay, ScriptedModel, ScriptedReply
from core.tools import SourceLink, Tool, ToolError, ToolResult
from core.tools.tool_runner import ToolLimits, ToolRunner

pytestmark = pytest.mark.virtual_time

REQUEST = ChatRequest(
    messages=(Message(role="user", content="Tell me."),), model="kimi-k2.6", max_completion_tokens=1000
)
BROKEN = KimiStreamInterrupted("the stream ended without [DONE]")


@dataclass
class Streamed:
    """What came of one answer."""

    model: ScriptedModel
    answer: StreamedAnswer
    shown: list[str] = field(default_factory=list)

    @property
    def prefixes(self) -> list[str]:
        """The beginning that each request asked Kimi to continue; "" if it asked for none."""
        last = [request.messages[-1] for request in self.model.requests]
        return [str(message.content) if message.partial else "" for message in last]


Stream = Callable[..., Any]


@pytest.fixture
def stream(loop_clock: Clock) -> Stream:
    """Stream an answer from a model that plays ``replies``."""

    async def run(
        replies: Sequence[ScriptedReply],
        answer: StreamedAnswer | None = None,
        *,
        raises: type[Exception] | None = None,
        **options: Any,
    ) -> Streamed:
        model = ScriptedModel(*replies, clock=loop_clock)
        streamed = Streamed(model, answer or StreamedAnswer())
        work = stream_with_resume(
            model,
            REQUEST,
            streamed.answer,
            CallContext(),
            loop_clock,
            StreamOptions(on_text=streamed.shown.append, **options),
        )
        if raises is None:
            await work
        else:
            with pytest.raises(raises):
                await work
        return streamed

    return run


async def test_a_broken_stream_is_continued_from_exactly_there(stream: Stream) -> None:
    """Kimi is asked to continue the text that came; it is shown once, as a whole."""
    streamed = await stream([("One ", "two ", BROKEN), "three."], max_resumes=1)
    assert streamed.answer.text == "".join(streamed.shown) == "One two three."
    assert streamed.prefixes == ["", "One two "]


async def test_a_stream_that_keeps_breaking_raises_with_its_text_kept(stream: Stream) -> None:
    """After the allowed resumes the error is raised."""
    replies = [("One ", BROKEN), ("two ", BROKEN), ("three ", KimiUnavailable("HTTP 503"))]
    streamed = await stream(replies, raises=KimiUnavailable, max_resumes=2)
    assert streamed.answer.text == "One two three "


async def test_thinking_without_text_is_done_anew_after_a_break(stream: Stream) -> None:
    """There is no text to continue, so the request is sent as it was."""
    streamed = await stream([(ReasoningDelta("Hm."), BROKEN), (ReasoningDelta("Ah."), "Yes.")], max_resumes=1)
    assert (streamed.answer.text, streamed.answer.reasoning) == ("Yes.", "Ah.")
    assert streamed.prefixes == ["", ""]


async def test_an_answer_at_its_length_limit_is_continued(stream: Stream) -> None:
    """It continues as often as allowed; its usage is the sum over all requests."""
    first, second = Usage(prompt_tokens=10, completion_tokens=5), Usage(prompt_tokens=15, completion_tokens=2)
    replies = [
        ("One ", Finished("length", first, "a", "m")),
        ("two.", Finished("stop", second, "b", "m")),
    ]
    streamed = await stream(replies, max_continuations=1)
    assert streamed.answer.text == "One two."
    assert streamed.answer.finish_reason == "stop"
    assert streamed.answer.usage == Usage(prompt_tokens=25, completion_tokens=7)


async def test_an_answer_at_its_length_limit_ends_after_the_allowed_continuations(stream: Stream) -> None:
    """What came so far is the answer, marked as cut."""
    replies = [("One ", Finished("length", None, "", "m")), ("two ", Finished("length", None, "", "m"))]
    streamed = await stream(replies, max_continuations=1)
    assert (streamed.answer.text, streamed.answer.finish_reason) == ("One two ", "length")


async def test_a_continuation_that_no_longer_fits_ends_the_answer(stream: Stream) -> None:
    """The text so far is the answer; the person sees no error."""
    replies = [("One ", Finished("length", None, "", "m")), (KimiContextTooLong("HTTP 400"),)]
    streamed = await stream(replies, max_continuations=1)
    assert (streamed.answer.text, streamed.answer.finish_reason) == ("One ", "length")


async def test_an_earlier_attempt_s_text_is_shown_once_kimi_continues_it(stream: Stream) -> None:
    """A takeover begins with the stored text and adds only what is missing."""
    streamed = await stream(["two."], StreamedAnswer(text="One "))
    assert streamed.shown == ["One ", "two."]
    assert streamed.prefixes == ["One "]


async def test_a_provider_that_continues_nothing_writes_the_answer_anew(stream: Stream) -> None:
    """A refused continuation of an earlier attempt's text is asked again without it."""
    streamed = await stream([(KimiInvalidRequest("HTTP 400"),), "All of it."], StreamedAnswer(text="One "))
    assert streamed.answer.text == "".join(streamed.shown) == "All of it."
    assert streamed.prefixes == ["One ", ""]


async def test_white_space_before_the_first_word_is_dropped(stream: Stream) -> None:
    """Some models begin with a space (seen on the wire); nobody sees it."""
    streamed = await stream([(" ", " \n", " One ", "two.")])
    assert streamed.answer.text == "".join(streamed.shown) == "One two."


async def test_a_refusal_before_any_text_is_raised(stream: Stream) -> None:
    """A request that Kimi refuses is not resumed."""
    streamed = await stream([(KimiModelUnknown("HTTP 404"),)], raises=KimiModelUnknown, max_resumes=2)
    assert len(streamed.model.requests) == 1


async def test_the_first_token_is_timed_from_the_first_request(stream: Stream) -> None:
    """Thinking counts as waiting: the time ends with the first piece of text."""
    streamed = await stream([(Delay(2), ReasoningDelta("Hm."), Delay(3), "Yes.", Delay(4))])
    assert streamed.answer.time_to_first_token_s == 5


def weather(*, fails: bool = False, hangs: Clock | None = None) -> Tool:
    """A tool that reports the weather of one town, fails, or never answers."""

    async def run(arguments: str) -> ToolResult:
        if hangs is not None:
            await hangs.sleep(3600)
        if fails:
            raise ToolError("the station is closed")
        return ToolResult(
            text=f"Sunny for {arguments}.", sources=(SourceLink(url="https://w.example/", title="W"),)
        )

    parameters = {"type": "object", "properties": {"town": {"type": "string"}}, "required": ["town"]}
    function = {"name": "weather", "description": "Report the weather.", "parameters": parameters}
    return Tool(name="weather", definition={"type": "function", "function": function}, run=run)


def calling(town: str, *, text: str = "", call_id: str = "weather:0") -> ScriptedReply:
    """A reply that calls the weather tool."""
    call = ToolCall(id=call_id, name="weather", arguments=f'{{"town": "{town}"}}')
    return (ReasoningDelta("I look."), *([text] if text else []), call)


def runner(clock: Clock, tool: Tool, **limits: Any) -> ToolRunner:
    """A runner of one tool."""
    return ToolRunner([tool], clock, on_progress=lambda _: None, limits=ToolLimits(**limits))


async def test_two_rounds_of_tools_lead_to_one_answer(stream: Stream, loop_clock: Clock) -> None:
    """Each round's results go back with the thinking that led to it, and the sources are kept."""
    tools = runner(loop_clock, weather())
    streamed = await stream([calling("Rome"), calling("Oslo", call_id="weather:1"), "Sunny."], tools=tools)
    assert streamed.answer.text == "Sunny."
    messages = streamed.model.requests[2].messages
    assert [message.role for message in messages] == ["user", "assistant", "tool", "assistant", "tool"]
    assert [message.reasoning for message in messages if message.role == "assistant"] == ["I look."] * 2
    assert [message.content for message in messages if message.role == "tool"] == [
        'Sunny for {"town": "Rome"}.',
        'Sunny for {"town": "Oslo"}.',
    ]
    assert [source.url for source in tools.sources] == ["https://w.example/"]


async def test_a_failing_tool_is_reported_to_the_model(stream: Stream, loop_clock: Clock) -> None:
    """A tool's failure ends no answer."""
    streamed = await stream([calling("Rome"), "No idea."], tools=runner(loop_clock, weather(fails=True)))
    assert streamed.answer.text == "No idea."
    assert "station is closed" in str(streamed.model.requests[1].messages[-1].content)


async def test_a_tool_that_never_answers_is_given_up(stream: Stream, loop_clock: Clock) -> None:
    """A call has a time limit; the model hears that it passed."""
    tools = runner(loop_clock, weather(hangs=loop_clock), timeout_s=20.0)
    streamed = await stream([calling("Rome"), "No idea."], tools=tools)
    assert streamed.answer.text == "No idea."
    assert "no answer within 20 s" in str(streamed.model.requests[1].messages[-1].content)
    assert loop_clock.time() == 20


async def test_rounds_of_tools_are_limited(stream: Stream, loop_clock: Clock) -> None:
    """A model that keeps calling is offered no more tools, so it has to answer."""
    tools = runner(loop_clock, weather(), max_rounds=2)
    streamed = await stream([calling("Rome"), calling("Oslo", call_id="weather:1"), "Sunny."], tools=tools)
    assert [len(request.tools) for request in streamed.model.requests] == [1, 1, 0]


async def test_a_break_after_tools_continues_with_their_results(stream: Stream, loop_clock: Clock) -> None:
    """Only the text after the tools is continued; they do not run again."""
    replies = [calling("Rome"), ("It is ", BROKEN), "sunny."]
    streamed = await stream(replies, tools=runner(loop_clock, weather()), max_resumes=1)
    assert streamed.answer.text == "It is sunny."
    messages = streamed.model.requests[2].messages
    assert [message.role for message in messages] == ["user", "assistant", "tool", "assistant"]
    assert streamed.prefixes[2] == "It is "


async def test_text_before_a_tool_call_is_set_apart_from_the_answer(
    stream: Stream, loop_clock: Clock
) -> None:
    """A blank line separates them, on the screen too."""
    replies = [calling("Rome", text="Let me look."), "It is sunny."]
    streamed = await stream(replies, tools=runner(loop_clock, weather()))
    assert streamed.answer.text == "".join(streamed.shown) == "Let me look.\n\nIt is sunny."


async def test_a_request_that_has_grown_is_clamped(stream: Stream) -> None:
    """Each request passes through the function that makes room for its reply."""
    from dataclasses import replace

    def clamp(request: ChatRequest) -> ChatRequest:
        return replace(request, max_completion_tokens=1000 - 100 * len(request.messages))

    streamed = await stream([("One ", BROKEN), "two."], max_resumes=1, clamp_reply_tokens=clamp)
    assert [request.max_completion_tokens for request in streamed.model.requests] == [900, 800]


OVERLOADED = KimiOverloaded("in the stream: overloaded")
LIMITED = KimiRateLimited("in the stream: RPM", limit="rpm", retry_after_s=1.0)


@pytest.mark.parametrize("error", [OVERLOADED, LIMITED, KimiUnavailable("in the stream: 503")])
async def test_an_overload_in_the_middle_is_waited_out(stream: Stream, error: KimiError) -> None:
    """Overload, limits and outages behind the first word are gone on from, as a broken stream is (F11)."""
    streamed = await stream([("one two ", error), "three."], max_resumes=1)
    assert streamed.answer.text == "".join(streamed.shown) == "one two three."
    assert streamed.prefixes == ["", "one two "]


async def test_an_empty_balance_in_the_middle_is_final(stream: Stream) -> None:
    """What no wait mends ends the answer where it is."""
    error = KimiQuotaExhausted("in the stream")
    streamed = await stream([("one ", error)], raises=KimiQuotaExhausted, max_resumes=3)
    assert streamed.answer.text == "one "


async def test_a_reply_that_only_thinks_is_asked_for_once_more(stream: Stream) -> None:
    """Moonshot's own client does the same (MoonshotAI/kimi-code#520); a second one ends the answer (F16)."""
    thinks = (ReasoningDelta("Hm."),)
    assert (await stream([thinks, "Yes."])).answer.text == "Yes."
    twice = await stream([thinks, thinks])
    assert (twice.answer.text, len(twice.model.requests)) == ("", 2)


async def test_thinking_that_reaches_the_length_limit_is_not_asked_for_again(stream: Stream) -> None:
    """A repetition would end the same way (F33)."""
    streamed = await stream([(ReasoningDelta("Hm."), Finished("length", None, "", "m"))], max_continuations=2)
    assert len(streamed.model.requests) == 1


async def test_a_host_that_begins_anew_repeats_nothing(stream: Stream) -> None:
    """The words that stand already are left out of the continuation (F17)."""
    replies = [("The quick brown fox jumps ", BROKEN), ("The quick brown fox jumps ", "over the dog.")]
    streamed = await stream(replies, max_resumes=1)
    assert streamed.answer.text == "".join(streamed.shown) == "The quick brown fox jumps over the dog."


async def test_a_continuation_that_brings_nothing_leaves_a_broken_answer(stream: Stream) -> None:
    """A broken reply is not taken for complete because the host then said nothing (F19)."""
    memory = ContinuationMemory(FakeClock())
    replies = [("The quick brown fox ", BROKEN), (ReasoningDelta("I have said all."),)]
    streamed = await stream(replies, raises=KimiStreamInterrupted, max_resumes=3, continuations=memory)
    assert streamed.answer.text == "The quick brown fox "
    assert not memory.continues("scripted")


@pytest.mark.parametrize("text", ["That is all.", "就这些。", "```py\nx = 1\n```"])
@pytest.mark.parametrize("continuation", [(), (ReasoningDelta("I have said all."),), ("\n",)])
async def test_a_whole_answer_whose_end_was_lost_is_complete(
    stream: Stream, text: str, continuation: ScriptedReply
) -> None:
    """A continuation that brings nothing behind a text that looks finished ends it (we chose)."""
    memory = ContinuationMemory(FakeClock())
    streamed = await stream([(text, BROKEN), continuation], max_resumes=3, continuations=memory)
    assert streamed.answer.text.rstrip() == text
    assert streamed.answer.finish_reason == "stop"
    assert memory.continues("scripted")
    later = await stream([continuation], StreamedAnswer(text=text), continuations=memory)  # another attempt
    assert "".join(later.shown).rstrip() == later.answer.text.rstrip() == text
    assert later.answer.finish_reason == "stop"


async def test_a_host_that_refuses_to_continue_is_remembered(stream: Stream) -> None:
    """The refusal is told as a broken answer; the next broken reply is not sent there again."""
    memory = ContinuationMemory(FakeClock())
    replies = [("One ", BROKEN), (KimiInvalidRequest("HTTP 400: partial"),)]
    await stream(replies, raises=KimiStreamInterrupted, max_resumes=3, continuations=memory)
    second = await stream(
        [("Two ", BROKEN)], raises=KimiStreamInterrupted, max_resumes=3, continuations=memory
    )
    assert len(second.model.requests) == 1
    length = (*["Three "], Finished("length", None, "", "m"))
    third = await stream([length], max_continuations=3, continuations=memory)
    assert (third.answer.finish_reason, len(third.model.requests)) == ("length", 1)


async def test_a_reply_that_repeats_itself_is_not_continued(stream: Stream) -> None:
    """The same characters up to the limit would only go on (F39)."""
    streamed = await stream([("哈" * 3000, Finished("length", None, "", "m"))], max_continuations=2)
    assert len(streamed.model.requests) == 1


@pytest.mark.parametrize("reason", ["length", "content_filter", "other"])
async def test_calls_of_a_cut_reply_are_not_run(stream: Stream, loop_clock: Clock, reason: Any) -> None:
    """Only "stop" and "tool_calls" end a call whole (F5)."""
    call = ToolCall(id="weather:0", name="weather", arguments='{"town": "Ro')
    streamed = await stream([(call, Finished(reason, None, "", "m"))], tools=runner(loop_clock, weather()))
    assert len(streamed.model.requests) == 1


async def test_nothing_is_shown_before_there_is_something_to_see(stream: Stream) -> None:
    """Joiners, marks and comments alone are an empty answer (F12)."""
    assert (await stream([("\u200b", "**", " <!-- none -->")])).shown == []
    assert (await stream([("\u200b", "**", "Title**")])).shown == ["\u200b**Title**"]


async def test_a_reply_that_is_written_for_hours_ends_as_too_long(stream: Stream) -> None:
    """We chose: after an hour of writing the answer ends with what was shown, and is not continued."""
    pieces = [part for number in range(200) for part in (f"{number} ", Delay(60.0))]
    streamed = await stream([pieces], max_continuations=3, max_resumes=3)
    assert streamed.answer.finish_reason == "length"
    assert len(streamed.model.requests) == 1
    assert streamed.answer.text == "".join(f"{number} " for number in range(int(MAX_REPLY_S // 60)))


async def test_the_hour_begins_with_the_first_word(stream: Stream) -> None:
    """Waiting for a place in the queue is not writing."""
    streamed = await stream([[Delay(MAX_REPLY_S + 60.0), "Because."]])
    assert (streamed.answer.text, streamed.answer.finish_reason) == ("Because.", "stop")
