"""Commands and buttons: the same words on every platform, handled at once."""

from typing import Any

import pytest

from bots.simulator.kimi import answer_with, in_turn, per_question

SLOW = "Slowly: " + "one two three four five six seven eight nine ten " * 10 + "over."


@pytest.fixture(params=["direct", "group"])
async def room(world: Any, request: pytest.FixtureRequest) -> Any:
    """A conversation of each kind."""
    return getattr(world, request.param)()


async def begun(world: Any, room: Any, question: str = "Begin, please.") -> Any:
    """Ask something that is answered slowly, and wait for the second frame of the answer."""
    world.kimi.script = answer_with(SLOW, chunks_per_s=10)
    await room.ask(question)
    await world.until(lambda: room.answers and room.answers[0].edits, "the answer grows")
    return room.answers[0]


async def test_new_forgets_what_was_said(world: Any, room: Any) -> None:
    """After /new Kimi is told nothing of before; the messages stay on the screen."""
    await world.start()
    await room.ask("My secret is plum.")
    await world.done(1)
    await room.order("new")
    await room.shows("start afresh")
    await world.done(2)
    await room.ask("What is my secret?")
    await world.done(3)
    assert "plum" not in str(world.requests[1].messages)
    assert room.texts[0] == "Hello there."
    world.assert_calm()


async def test_stop_ends_a_running_answer_and_keeps_its_text(world: Any, room: Any) -> None:
    """The words so far stay, marked as stopped; Kimi's connection is closed; nothing else is said."""
    await world.start()
    await begun(world, room)
    await room.order("stop")
    assert await world.done(1) == ["stopped"]
    assert world.requests[0].disconnected
    (text,) = room.texts
    words, _, mark = text.rpartition("\n\n")
    assert mark.strip("*_") == "(stopped)"
    assert SLOW.startswith(words)
    assert words.startswith("Slowly: one")
    (kept,) = await world.rows("SELECT text FROM messages WHERE role = 'assistant'")
    assert SLOW.startswith(kept.text)
    world.assert_calm()


async def test_stop_with_nothing_running_says_so(world: Any, room: Any) -> None:
    """A /stop after the answer is complete gets one short line."""
    await world.start()
    await room.ask("Hi")
    await world.done(1)
    await room.order("stop")
    await room.shows("There is no answer running right now.")
    await world.done(2)
    world.assert_calm()


async def test_retry_answers_again_in_the_same_message(world: Any, room: Any) -> None:
    """/retry replaces the text where it stands, and only the second answer is remembered."""
    world.kimi.script = in_turn("The first try.", "A better try.", "Afterwards.")
    await world.start()
    await room.ask("Try this.")
    first = await room.shows("The first try.")
    await world.done(1)
    await room.order("retry")
    second = await room.shows("A better try.")
    await world.done(2)
    assert second.message_id == first.message_id
    assert room.texts == ["A better try."]
    assert [content.split(": ")[-1] for _, content in world.question_of(1)] == ["Try this."]
    await room.ask("And then?")
    await world.done(3)
    assert [content.split(": ")[-1] for _, content in world.question_of(2)] == [
        "Try this.",
        "A better try.",
        "And then?",
    ]
    states = await world.rows("SELECT text, superseded FROM messages WHERE role = 'assistant' ORDER BY id")
    assert [tuple(row) for row in states][:2] == [
        ("The first try.", True),
        ("A better try.", False),
    ]
    world.assert_calm()


async def test_retry_in_the_middle_begins_anew(world: Any) -> None:
    """/retry during an answer ends it and answers again in the same message."""
    await world.start()
    room = world.direct()
    shown = await begun(world, room)
    world.kimi.script = answer_with("Short instead.")
    await room.order("retry")
    again = await room.shows("Short instead.", exactly=True)
    await world.done(2)
    assert again.message_id == shown.message_id
    assert len(room.answers) == 1
    world.assert_calm()


async def test_retry_with_no_question_says_so(world: Any) -> None:
    """A /retry before anything was asked gets one short line and asks Kimi nothing."""
    await world.start()
    room = world.direct()
    await room.order("retry")
    await room.shows("There is no question here to answer again yet.")
    assert world.requests == []


@pytest.mark.parametrize(
    ("language", "help_line", "hello"),
    [("en", "forget this thread so far", "Hello!"), ("zh-hans", "忘掉这个话题", "你好")],
)
@pytest.mark.parametrize("platform", ["telegram"])
async def test_help_and_start_speak_the_clients_language(
    world: Any, language: str, help_line: str, hello: str
) -> None:
    """/help and /start answer in the language that the person's client is set to."""
    await world.start()
    room = world.direct("Wei", language)
    await room.order("start")
    await room.shows(hello)
    await room.order("help")
    await room.shows(help_line)
    await world.done(2)
    world.assert_calm()


async def test_notices_follow_the_language_of_what_was_said(world: Any) -> None:
    """Somebody who writes Chinese reads commands' answers in Chinese, on every platform."""
    await world.start()
    room = world.direct("Wei")
    await room.ask("你能做什么？")
    await world.done(1)
    await room.order("help")
    await room.shows("忘掉这个话题")
    await room.order("new")
    await room.shows("从头开始")
    await room.order("start")
    await room.shows("你好")
    await world.done(4)
    world.assert_calm()


async def test_a_command_does_not_wait_behind_a_running_answer(world: Any) -> None:
    """/help in the middle of an answer is shown before that answer is complete."""
    await world.start()
    room = world.direct()
    await begun(world, room)
    await room.order("help")
    await room.shows("forget this thread")
    assert "over." not in room.texts[0]
    await world.done(2)
    assert "over." in room.texts[0]
    world.assert_calm()


async def test_new_in_the_middle_ends_the_answer_and_what_waited(world: Any) -> None:
    """/new during an answer ends it, drops what waits, and the next question has no history."""
    await world.start()
    room = world.direct()
    await begun(world, room)
    await room.ask("This one waits in vain.")
    await world.queued(2)
    await room.order("new")
    await room.shows("start afresh")
    await world.done(2)
    world.kimi.script = per_question({"Anew": "Anew it is."})
    await room.ask("Anew?")
    await room.shows("Anew it is.")
    assert [content for _, content in world.question_of(1)] == ["Anew?"]
    assert len(world.requests) == 2
    world.assert_calm()


async def press(world: Any, room: Any, label: str, person: int = 0) -> None:
    """Press the button whose label holds ``label`` under the bot's last message."""
    shown = room.answers[-1]
    value = next(value for text, value in shown.buttons if label in text)
    if world.name == "telegram":
        await world.sim.press(int(shown.channel), int(shown.message_id), value, room.people[person])
        return
    blocks = world.sim.workspace.channels[shown.channel].messages[shown.message_id].blocks
    for block in blocks:
        for element in block.get("elements", []):
            if label in str(element.get("text")) or label in str(element.get("accessibility_label")):
                action = element["action_id"]
                assert await world.sim.press(
                    shown.channel, shown.message_id, action, element.get("value"), room.people[person]
                )
                return
    raise AssertionError(f"no button {label!r} in {blocks}")


@pytest.mark.parametrize("platform", ["telegram"])
async def test_the_stop_button_ends_the_answer(world: Any, room: Any) -> None:
    """A press on Stop keeps the words so far, says that they were stopped, and asks nothing more."""
    await world.start()
    await begun(world, room)
    await press(world, room, "Stop")
    assert await world.done(1) == ["stopped"]
    assert "(stopped)" in room.texts[0]
    assert len(room.answers) == 1
    world.assert_calm()


async def test_the_retry_button_answers_again(world: Any, room: Any) -> None:
    """A press on Retry under a complete answer writes it anew in the same message."""
    world.kimi.script = in_turn("The first try.", "A better try.")
    await world.start()
    await room.ask("Try this.")
    await room.shows("The first try.")
    await world.done(1)
    await press(world, room, "Retry")
    await room.shows("A better try.")
    await world.done(2)
    assert room.texts == ["A better try."]
    world.assert_calm()
