"""Kimi's hosts as they really answer: what a person reads of each scenario of the stand-in.

The scenarios, their exact bytes and sources stand in ``bots/simulator/kimi/scenarios.json``; what the
client makes of the bytes is tested in ``tests/core/kimi/test_host_bytes.py``.
"""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from bots.simulator.kimi import load_scenarios

SCENARIOS = load_scenarios()


async def play(world: Any, name: str, question: str = "Hello?", **settings: Any) -> Any:
    """Ask a question of a Kimi that plays a scenario; return the room once the answer has ended."""
    world.kimi.script, world.kimi.host = SCENARIOS[name].script(), SCENARIOS[name].host
    await world.start(**settings)
    room = world.direct()
    await room.ask(question)
    return room


@pytest.mark.parametrize(
    ("name", "text", "calls"),
    [
        ("nul-in-words", "Beforeafter and the rest.", 1),
        ("no-done", "A whole answer.", 1),
        ("one-line-end", "One two.", 1),
        ("json-as-text", "A whole answer.", 1),
        ("keep-alive-data", "One two three.", 1),
        ("overload-in-stream", "one two three four five", 2),
        ("thinks-only", "Here is the answer.", 2),
        ("restart-after-cut", "The quick brown fox jumps over the lazy dog.", 2),
        ("overlap-after-length", "第一步完成。第二步是煮水。", 2),
        ("unknown-finish", "Half an answer, now whole.", 2),
    ],
)
@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_whole_answer_is_shown_once(world: Any, name: str, text: str, calls: int) -> None:
    """The person reads the whole answer and nothing else; Kimi is asked as often as it takes."""
    room = await play(world, name)
    await room.shows(text, exactly=True)
    assert await world.done(1) == ["complete"]
    assert len(world.requests) == calls
    assert len(room.answers) == 1
    world.assert_calm()


@pytest.mark.parametrize(
    ("name", "text", "outcome"),
    [
        ("filtered-half", "Kimi's content filter cut the answer off here.", "failed:content_filtered"),
        ("filtered-empty", "Kimi can't answer this one.", "failed:content_filtered"),
        ("invisible", "Kimi gave no words this time.", "empty"),
        ("thinking-took-all", "Kimi used all its room for thinking", "empty"),
        ("nothing-after-cut", "Kimi's answer broke off.", "failed:stream_interrupted"),
        ("no-partial", "Kimi's answer broke off.", "failed:stream_interrupted"),
        ("repeats-itself", "The answer began to repeat itself", "length"),
        ("bare-error-line", "has run out of credit", "failed:quota_exhausted"),
    ],
)
@pytest.mark.parametrize("platform", ["slack"])
async def test_every_other_end_is_told(world: Any, name: str, text: str, outcome: str) -> None:
    """An answer that is not whole says so, once."""
    room = await play(world, name)
    await room.shows(text)
    assert await world.done(1) == [outcome]
    assert len(world.requests) <= 2
    world.assert_calm()


@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_reply_that_cannot_be_read_is_asked_for_three_times(world: Any) -> None:
    """Each attempt may be billed: after two more the person and the operator's log are told (F23)."""
    room = await play(world, "page-as-stream", kimi_retry_deadline_s=300)
    await room.shows("Kimi's server sends something that I can't read.")
    assert await world.done(1) == ["failed:unreadable_reply"]
    assert len(world.requests) == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("tool-markers", "I'll look it up."),
        ("tool-markers-no-beginning", "I'll look it up."),
        ("end-token", "A whole answer."),
        ("think-tags", "Hello, friend!"),
        ("refuses-prompt-cache-key", "A plain answer."),
        ("refuses-stream-options", "A plain answer."),
    ],
)
@pytest.mark.parametrize("platform", ["telegram"])
async def test_nobody_sees_a_hosts_habits(world: Any, name: str, text: str) -> None:
    """Markers, thinking in the words and refused fields leave no trace on the screen."""
    room = await play(world, name)
    await room.shows(text, exactly=True)
    assert await world.done(1) == ["complete"]
    world.assert_calm()


@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_restart_does_not_ask_again_with_a_refused_field(world: Any) -> None:
    """We chose: what a host refuses is stored, so that a new process pays for no refusal."""
    room = await play(world, "refuses-prompt-cache-key")
    await world.done(1)
    await world.stop()
    asked = len(world.requests)
    await world.start()
    await room.ask("And now?")
    assert await world.done(2) == ["complete", "complete"]
    assert ["prompt_cache_key" in request.body for request in world.requests[asked:]] == [False]


@pytest.mark.parametrize("platform", ["slack"])
async def test_a_refused_question_does_not_spoil_its_thread(world: Any) -> None:
    """The harmless question behind it is answered at once (F3)."""
    room = await play(world, "high-risk-history", "Something [risky]?")
    await room.shows("Kimi can't answer this one.")
    await room.ask("And tea?")
    await room.shows("A harmless answer.", exactly=True)
    assert await world.done(2) == ["failed:content_filtered", "complete"]
    world.assert_calm()


@pytest.mark.parametrize("name", ["refused-picture", "refused-picture-bare"])
@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_refused_picture_does_not_spoil_its_thread(world: Any, name: str) -> None:
    """The person is told of the picture; later questions go without it (F2)."""
    world.kimi.script, world.kimi.host = SCENARIOS[name].script(), SCENARIOS[name].host
    await world.start()
    room = world.direct()
    picture = BytesIO()
    Image.new("RGB", (8, 8), "red").save(picture, "PNG")
    await room.send(("tea.png", picture.getvalue(), "image/png"), text="What is this?")
    await room.shows("Kimi's server refused the picture or video in your message.")
    await room.ask("And tea?")
    await room.shows("A plain answer.", exactly=True)
    assert await world.done(2) == ["failed:invalid_request", "complete"]
    refused = len(world.requests)
    await room.ask("And coffee?")
    assert await world.done(3) == ["failed:invalid_request", "complete", "complete"]
    assert len(world.requests) == refused + 1  # the picture is known to be refused
    world.assert_calm()


@pytest.mark.parametrize("platform", ["slack"])
async def test_thinking_is_not_offered_if_the_host_refuses_to_switch_it(world: Any) -> None:
    """A gateway like LiteLLM knows no such field: after its refusal `/think` says so and offers nothing."""
    world.kimi.script, world.kimi.host = (
        SCENARIOS["refuses-thinking"].script(),
        SCENARIOS["refuses-thinking"].host,
    )
    await world.start()
    room = world.direct()
    await room.order("think on")
    await world.done(1)
    await room.ask("Hello?")
    await room.shows("A plain answer.", exactly=True)
    await room.order("think")
    shown = await room.shows("Its thinking cannot be steered.")
    assert not shown.buttons
    await room.ask("And now?")
    assert [outcome for outcome in await world.done(4) if outcome != "notice"] == ["complete", "complete"]
    assert ["thinking" in request.body for request in world.requests] == [True, False, False]
    world.assert_calm()
