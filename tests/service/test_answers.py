"""Questions become answers that grow in one message and remember what was said."""

from typing import Any

import pytest

from bots.simulator.kimi import answer_with, per_question

LONG = " ".join(f"word{number}" for number in range(1, 121)) + "."


@pytest.mark.parametrize("place", ["direct", "group"])
async def test_one_message_grows_into_the_whole_answer(world: Any, place: str) -> None:
    """A question is answered in one message that is shown several times and ends whole."""
    world.kimi.script = answer_with(LONG, chunks_per_s=20)
    await world.start()
    room = getattr(world, place)()
    await room.ask("Count for me, please.")
    shown = await room.shows(LONG, exactly=True)
    assert await world.done(1) == ["complete"]
    frames = room.frames(shown)
    assert len(frames) >= 3
    assert [frame.kind for frame in frames] == ["posted"] + ["edited"] * (len(frames) - 1)
    assert all(LONG.startswith(frame.message.text.rstrip(" ….")) for frame in frames)
    assert len(room.answers) == 1
    assert world.requests[0].at <= frames[0].at
    world.assert_calm()


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
@pytest.mark.parametrize("place", ["direct", "group"])
async def test_the_next_question_has_the_history(world: Any, place: str) -> None:
    """Kimi is told the first question and its own answer when the second question comes."""
    world.kimi.script = per_question({"capital": "Paris it is.", "river": "The Seine flows there."})
    await world.start()
    room = getattr(world, place)("Ann")
    await room.ask("What is the capital of France?")
    await room.shows("Paris it is.", exactly=True)
    await world.done(1)
    await room.ask("And which river is there?")
    await room.shows("The Seine flows there.", exactly=True)
    await world.done(2)
    label = "" if place == "direct" else "Ann: "
    assert world.question_of(1) == [
        ("user", f"{label}What is the capital of France?"),
        ("assistant", "Paris it is."),
        ("user", f"{label}And which river is there?"),
    ]
    world.assert_calm()


async def test_an_answer_longer_than_a_message_goes_on_in_the_next(world: Any) -> None:
    """Nothing of a long answer is lost, and a code block that is cut is closed and opened again."""
    lines = [f"print({number}, 'a line of code that is worth its place')" for number in range(250)]
    text = "Here it is:\n\n```python\n" + "\n".join(lines) + "\n```\n\nThat was all."
    world.kimi.script = answer_with(text, chunks_per_s=400)
    await world.start()
    room = world.direct()
    await room.ask("Write a long program.")
    await room.shows("That was all.")
    assert await world.done(1) == ["complete"]
    shown = "\n".join(room.texts)
    at = [shown.index(f"print({number},") for number in range(250)]
    assert at == sorted(at)
    assert all(shown.count(line) == 1 for line in lines)
    assert len(room.answers) >= 2
    for answer in room.answers:
        fenced = [one for one in answer.entities if one["type"] == "pre"]
        assert len(fenced) == 1 if world.name == "telegram" else answer.text.count("```") == 2
    world.assert_calm()


async def test_thinking_is_shown_as_a_status_and_never_as_text(world: Any) -> None:
    """Before the first words there is a status and no message; what Kimi thinks is not shown."""
    world.kimi.script = answer_with(
        "Forty-two is the answer.", reasoning="SECRET " * 30, first_after_s=2, chunks_per_s=20
    )
    await world.start()
    room = world.direct()
    await room.ask("What is the answer?")
    await room.shows("Forty-two is the answer.", exactly=True)
    await world.done(1)
    frames = [frame for frame in world.screen.frames if frame.kind == "status" or frame.message.by_bot]
    assert frames[0].kind == "status"
    assert frames[0].status
    assert not [frame for frame in world.screen.frames if "SECRET" in frame.message.text]
    last = [frame for frame in world.screen.frames if frame.kind == "status"][-1]
    assert last.status == ""
    world.assert_calm()


async def test_model_text_pings_nobody(world: Any) -> None:
    """What would notify people is shown as words."""
    world.kimi.script = answer_with("Tell <!channel> and <!here> and <@U0000001> and <!subteam^S1> at once.")
    await world.start()
    room = world.group()
    await room.ask("Say it to everybody.")
    await room.shows("at once.")
    await world.done(1)
    assert getattr(world.sim, "pings", []) == []
    world.assert_calm()
