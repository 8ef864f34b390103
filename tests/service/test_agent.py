"""Slack with the agent view: sessions that begin and end, and Slack's own Stop button."""

from typing import Any

import pytest

from bots.simulator.kimi import answer_with

LONG = " ".join(f"word{number}" for number in range(1, 121)) + "."

pytestmark = pytest.mark.parametrize("platform", ["slack"])


@pytest.fixture(autouse=True)
def agent_app(world: Any) -> None:
    """Make the app one with the agent view, which the service sees by the scope of the manifest."""
    world.sim.scopes = world.sim.scopes | {"assistant:write"}


def session(world: Any, room: Any) -> str:
    """Return the status of the room's session; "" where there is none."""
    found = world.sim.workspace.sessions.get((room.channel, room.root), {})
    return str(found.get("status", ""))


def called(world: Any, method: str) -> int:
    """Return how often a method was called with success."""
    return sum(call.method == method and not call.error for call in world.sim.calls)


async def test_a_direct_message_is_answered_in_its_thread(world: Any) -> None:
    """The message begins a thread whose session is processing until the stream has ended."""
    world.kimi.script = answer_with(LONG, chunks_per_s=20, first_after_s=2.0)
    await world.start()
    room = world.direct()
    await room.ask("Count for me, please.")
    await world.until(lambda: session(world, room) == "processing", "the session is processing")
    assert room.answers == []
    shown = await room.shows(LONG, exactly=True)
    assert await world.done(1) == ["complete"]
    assert (shown.thread, shown.streaming) == (room.root, False)
    assert session(world, room) == "active"
    assert (called(world, "agents.sessions.setStatus"), called(world, "chat.stopStream")) == (1, 1)
    assert called(world, "assistant.threads.setStatus") == 0
    world.assert_calm()


async def test_slacks_own_stop_ends_the_answer(world: Any) -> None:
    """The words so far stay, marked as stopped, and the session is active again."""
    world.kimi.script = answer_with(LONG, chunks_per_s=8)
    await world.start()
    room = world.direct()
    await room.ask("Count for me, please.")
    await room.shows("word1 word2")
    assert len(await world.sim.stop_button(room.channel, room.root, room.people[0])) == 1
    shown = await room.shows("(stopped)")
    assert await world.done(1) == ["stopped"]
    assert shown.text.startswith("word1 word2")
    assert not shown.streaming
    assert len(room.answers) == 1
    await world.until(lambda: session(world, room) == "active", "the session is active")
    assert world.sim.refused == []


async def test_stop_before_the_first_word(world: Any) -> None:
    """The button is there while Kimi still thinks; stopping then leaves one short note."""
    world.kimi.script = answer_with(LONG, first_after_s=30.0)
    await world.start()
    room = world.direct()
    await room.ask("Count for me, please.")
    await world.until(lambda: session(world, room) == "processing", "the session is processing")
    await world.sim.stop_button(room.channel, room.root, room.people[0])
    await room.shows("(stopped)")
    assert await world.done(1) == ["stopped"]
    await world.until(lambda: session(world, room) == "active", "the session is active")
    assert len(room.answers) == 1


async def test_without_streams_the_session_is_moved_by_us(world: Any) -> None:
    """A message that is edited has a session that is processing until its last frame."""
    world.kimi.script = answer_with(LONG, chunks_per_s=8)
    await world.start()
    world.sim.streaming_available = False
    room = world.direct()
    await room.ask("Count for me, please.")
    await room.shows("word1 word2")
    assert session(world, room) == "processing"
    await world.sim.stop_button(room.channel, room.root, room.people[0])
    await room.shows("(stopped)")
    await world.until(lambda: session(world, room) == "active", "the session is active")
    assert await world.done(1) == ["stopped"]
    assert called(world, "chat.update") > 0


async def test_an_answer_in_one_piece_ends_its_session(world: Any) -> None:
    """A post that is complete as it appears sets the session back too."""
    world.kimi.script = answer_with("Yes.")
    await world.start()
    world.sim.streaming_available = False
    room = world.direct()
    await room.ask("Is it so?")
    await room.shows("Yes.", exactly=True)
    assert await world.done(1) == ["complete"]
    await world.until(lambda: session(world, room) == "active", "the session is active")
    world.assert_calm()


@pytest.mark.parametrize("place", ["direct", "group"])
@pytest.mark.parametrize("error", ["unknown_method", "missing_scope", "internal_error"])
async def test_everything_works_where_sessions_are_refused(world: Any, place: str, error: str) -> None:
    """An app without the agent view, or a guest's channel: the line is shown, the answer stands."""
    world.kimi.script = answer_with(LONG, chunks_per_s=20, first_after_s=1.0)
    await world.start()
    world.sim.faults.refuse("agents.sessions.setStatus", error, times=20)
    room = getattr(world, place)()
    await room.ask("Count for me, please.")
    await room.shows(LONG, exactly=True)
    assert await world.done(1) == ["complete"]
    assert called(world, "assistant.threads.setStatus") == (0 if error == "internal_error" else 1)
    assert len(room.answers) == 1


@pytest.mark.parametrize("agent", ["on", "off"])
async def test_without_assistant_threads_there_is_still_a_sign(world: Any, agent: str) -> None:
    """After February 2027: a session that is processing, or a reaction that goes when the answer is there."""
    world.kimi.script = answer_with(LONG, chunks_per_s=20, first_after_s=2.0)
    world.sim.assistant_threads_available = False
    await world.start(slack_agent=agent)
    room = world.group()
    await room.ask("Count for me, please.")
    question = world.sim.workspace.channels[room.channel].messages[room.root]
    sign = {"on": lambda: session(world, room) == "processing", "off": lambda: "eyes" in question.reactions}
    await world.until(sign[agent], "the sign is shown")
    await room.shows(LONG, exactly=True)
    assert await world.done(1) == ["complete"]
    assert question.reactions == {}
    assert world.sim.refused == []


async def test_a_follow_up_in_the_thread_goes_on(world: Any) -> None:
    """The next message in the thread has the history; one beside it begins another conversation."""
    world.kimi.script = answer_with("Yes.")
    await world.start()
    room = world.direct()
    await room.ask("First question.")
    await room.shows("Yes.", exactly=True)
    await world.done(1)
    await room.ask("Second question.", thread=room.root)
    await world.done(2)
    assert [content for _, content in world.question_of(1)] == ["First question.", "Yes.", "Second question."]
    await world.sim.say(room.channel, room.people[0], "Another matter.")
    await world.done(3)
    assert [content for _, content in world.question_of(2)] == ["Another matter."]


async def test_a_restart_in_the_middle_leaves_no_session_running(world: Any) -> None:
    """The process that ends the answer ends the session that an earlier one began."""
    world.kimi.script = answer_with(LONG, chunks_per_s=10)
    await world.start(shutdown_grace_s=0.1)
    world.sim.streaming_available = False
    room = world.direct()
    await room.ask("Count for me, please.")
    await room.shows("word1 word2")
    await world.stop()
    assert session(world, room) == "processing"
    await world.start()
    await room.shows(LONG, exactly=True)
    assert await world.done(1) == ["complete"]
    await world.until(lambda: session(world, room) == "active", "the session is active")
    assert len(room.answers) == 1
