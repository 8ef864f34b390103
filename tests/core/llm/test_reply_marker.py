"""Markers in replies: recognized in every form that models give them, and never passed on."""

import pytest

from core.domain.clock import Clock
from core.kimi import (
    ChatRequest,
    Finished,
    KimiStreamInterrupted,
    Message,
    ReasoningDelta,
    ReplyEvent,
    TextDelta,
    ToolCall,
)
from core.llm.reply_marker import (
    CODE_CHARS,
    MarkedModel,
    MarkerFilter,
    NoAnswerGiven,
    ReplyMarker,
    marker_text,
    new_code,
)
from core.ports.chat_model import CallContext
from core.testing.scripted_model import ScriptedModel, ScriptedReply

pytestmark = pytest.mark.virtual_time

CODE = "kqzvtrwbxd"
MARKER = marker_text(ReplyMarker.NO_ANSWER, CODE)


def filtered(text: str, chars: int) -> tuple[str, bool]:
    """Return what is shown of a text that comes in pieces, and whether it has the marker."""
    one = MarkerFilter(ReplyMarker.NO_ANSWER, CODE)
    shown = ""
    for start in range(0, len(text), chars):
        if one.found:
            break
        shown += one.feed(text[start : start + chars])
    return (shown if one.found else shown + one.flush()), one.found


@pytest.mark.parametrize("chars", [1, 2, 3, 7, 1_000])
@pytest.mark.parametrize(
    "reply",
    [
        MARKER,
        f"  \n\n {MARKER}\n",
        f'"{MARKER}"',
        f"“{MARKER}”。",
        f"`{MARKER}`",
        f"**{MARKER}**",
        f"> {MARKER}",
        f"- {MARKER}",
        f"```\n{MARKER}\n```",
        f"```text\n{MARKER}\n```",
        MARKER.upper(),
        MARKER.strip("[]"),
        f"[[ no-answer : {CODE} ]]",
        f"[[no_answer：{CODE}]]",
        f"No answer {CODE}",
        f"{MARKER} I am sorry, the passages do not say.",
        MARKER[:-4],
    ],
)
def test_a_reply_that_is_the_marker_shows_nothing(reply: str, chars: int) -> None:
    """We chose to read it within blanks, quotes, marks and fences, in any case, whole or cut at the end."""
    assert filtered(reply, chars) == ("", True)


@pytest.mark.parametrize("chars", [1, 2, 3, 7, 1_000])
@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        (f"I am sorry.\n\n{MARKER}", "I am sorry."),
        (f"我不知道。{MARKER}其他", "我不知道。"),
        (f"See [1].\n```\n{MARKER}\n```\nMore.", "See [1]."),
    ],
)
def test_text_before_the_marker_stays(reply: str, shown: str, chars: int) -> None:
    """What a person has read is not taken back; nothing follows the marker."""
    assert filtered(reply, chars) == (shown, True)


@pytest.mark.parametrize("chars", [1, 2, 3, 7, 1_000])
@pytest.mark.parametrize(
    "reply",
    [
        "There is no answer",
        "no-answer: who knows?",
        "[[no-answer:bcdfghjklm]] is the marker of another attempt.",
        "[[no-answer]]",
        "```python\nprint('no')\n```\n> quoted “words” [1][2]",
        "- one\n- two\n\n",
        "答案：没有。\n",
        "kqzvtrwbxd",
    ],
)
def test_other_text_is_passed_on_as_it_is(reply: str, chars: int) -> None:
    """A marker with another code is text: nobody can dictate one without the code of the attempt."""
    assert filtered(reply, chars) == (reply, False)


def test_white_space_without_end_costs_little() -> None:
    """A model that loops may write it for minutes: what is held back stays bounded."""
    one = MarkerFilter(ReplyMarker.NO_ANSWER, CODE)
    shown = sum(len(one.feed("\n\n> ")) for _ in range(5_000))
    assert shown >= 20_000 - 160


def test_codes_differ() -> None:
    """Each attempt has a code of its own, of letters that no mask replaces."""
    codes = {new_code() for _ in range(50)}
    assert len(codes) == 50
    assert all(len(code) == CODE_CHARS and code.isalpha() for code in codes)


async def played(clock: Clock, reply: ScriptedReply) -> tuple[list[ReplyEvent], bool]:
    """Return the events of a marked reply, and whether it ended with the marker."""
    model = MarkedModel(ScriptedModel(reply, clock=clock), ReplyMarker.NO_ANSWER, CODE)
    request = ChatRequest(
        messages=(Message(role="user", content="Hm?"),), model="kimi-k2.6", max_completion_tokens=99
    )
    events: list[ReplyEvent] = []

    async def play() -> None:
        async for event in model.stream(request, CallContext()):
            events.append(event)  # noqa: PERF401  the events before an error count

    try:
        await play()
    except NoAnswerGiven:
        return events, True
    return events, False


async def test_its_usage_is_reported_and_its_tools_are_not_called(loop_clock: Clock) -> None:
    """A reply with the marker ends with its usage; what it calls or says beside it counts for nothing."""
    call = ToolCall("f:0", "f", "{}")
    events, ended = await played(loop_clock, ("[[no-ans", f"wer:{CODE}]]", "More.", call))
    assert ended
    assert [type(event) for event in events] == [Finished]


async def test_it_is_not_shown_in_the_thinking_either(loop_clock: Clock) -> None:
    """Thinking that mentions the marker ends nothing, and reads on without it."""
    thinking = ReasoningDelta(f"Not in there, so {MARKER}? No, [1] says it.")
    events, ended = await played(loop_clock, (thinking, "It is [1]."))
    said = "".join(event.text for event in events if isinstance(event, ReasoningDelta))
    assert not ended
    assert CODE not in said
    assert said.endswith("[1] says it.")
    assert (
        TextDelta("It is [1].") in events
        or "".join(event.text for event in events if isinstance(event, TextDelta)) == "It is [1]."
    )


async def test_a_break_after_the_marker_does_not_matter(loop_clock: Clock) -> None:
    """A stream that breaks behind the marker is over; one that breaks within it is resumed by the caller."""
    _, ended = await played(loop_clock, (MARKER, KimiStreamInterrupted("cut")))
    assert ended
    with pytest.raises(KimiStreamInterrupted):
        await played(loop_clock, ("[[no-answer:kq", KimiStreamInterrupted("cut")))
