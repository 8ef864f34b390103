"""Slack's channels and threads: when the bot speaks, and what it has read before."""

from typing import Any

import pytest

pytestmark = pytest.mark.parametrize("platform", ["slack"])


def told(world: Any, index: int = -1) -> list[str]:
    """What Kimi was told by people, with the names, in request number ``index``."""
    return [content for role, content in world.question_of(index) if role == "user"]


async def test_one_person_goes_on_without_a_mention(world: Any) -> None:
    """In a thread where one person speaks, every message is for the bot."""
    await world.start()
    room = world.group("Ann")
    await room.ask("First?")
    await world.done(1)
    await room.ask("Second, with no mention.")
    await world.done(2)
    assert told(world) == ["Ann: First?", "Ann: Second, with no mention."]
    world.assert_calm()


async def test_with_two_people_only_a_mention_is_answered(world: Any) -> None:
    """Once a second person speaks, the bot waits to be mentioned, and then knows what was said."""
    await world.start()
    room = world.group("Ann", "Bob")
    await room.ask("What is tea?")
    await world.done(1)
    await room.ask("I prefer coffee.", person=1)
    await world.sim.settled()
    await room.ask("So do I.", person=0)
    await world.sim.settled()
    await room.ask(f"<@{world.sim.bot_user}> and what do you say?", person=1)
    await world.done(2)
    assert told(world) == [
        "Ann: What is tea?",
        "Bob: I prefer coffee.",
        "Ann: So do I.",
        "Bob: and what do you say?",
    ]
    assert len(room.answers) == 2
    world.assert_calm()


async def test_a_first_mention_in_a_thread_reads_what_stands_there(world: Any) -> None:
    """Called into a running thread, the bot knows its messages and who said them; it reads once."""
    await world.start()
    room = world.group("Ann", "Bob")
    ann, bob = room.people
    root = await world.sim.say(room.channel, ann, "We leave at nine.")
    await world.sim.say(room.channel, bob, "Make it ten.", root)
    room.root = root
    await room.ask(f"<@{world.sim.bot_user}> when do we leave?", person=0)
    await world.done(1)
    assert told(world) == ["Ann: We leave at nine.", "Bob: Make it ten.", "Ann: when do we leave?"]
    await room.ask(f"<@{world.sim.bot_user}> are you sure?", person=1)
    await world.done(2)
    assert told(world)[:2] == ["Ann: We leave at nine.", "Bob: Make it ten."]
    assert len([call for call in world.sim.calls if call.method == "conversations.replies"]) == 1
    world.assert_calm()


async def test_talk_that_is_not_for_the_bot_is_left_alone(world: Any) -> None:
    """Plain talk, edits of it, deletions, joins and other people's threads are not answered."""
    await world.start()
    room = world.group("Ann", "Bob")
    ann, bob = room.people
    said = await world.sim.say(room.channel, ann, "Lunch?")
    await world.sim.say(room.channel, bob, "Yes.", said)
    await world.sim.edit(room.channel, said, "Lunch at one?")
    await world.sim.delete(room.channel, said)
    await world.sim.join(room.channel, world.sim.add_person("Cat"))
    await world.sim.settled()
    assert world.requests == []
    assert all(delivered.acked for delivered in world.sim.deliveries)
    assert world.sim.lost == []
    await room.ask("And now?")
    await world.done(1)
    assert len(room.answers) == 1


async def test_a_slash_command_finds_the_askers_last_thread(world: Any) -> None:
    """/kimi stop in the channel ends the answer in the thread of whoever calls it."""
    from bots.simulator.kimi import answer_with

    world.kimi.script = answer_with("one two three four five six seven eight nine ten " * 20, chunks_per_s=10)
    await world.start()
    room = world.group("Ann")
    await room.ask("Count.")
    await world.until(lambda: room.answers, "the answer begins")
    await world.sim.slash("/kimi", "stop", room.channel, room.people[0])
    assert await world.done(1) == ["stopped"]
    assert "(stopped)" in room.texts[0]


async def test_answers_grow_natively_in_threads_and_by_edits_elsewhere(world: Any) -> None:
    """A thread in a channel gets a stream that is closed at the end; a DM gets one edited message."""
    await world.start()
    room, direct = world.group("Ann"), world.direct("Bob")
    await room.ask("Hi?")
    await direct.ask("Hi?")
    await world.done(2)
    methods = {call.method for call in world.sim.calls if not call.error}
    assert {"chat.startStream", "chat.stopStream", "chat.postMessage"} <= methods
    assert not [shown for shown in world.screen.messages.values() if shown.streaming]
    world.assert_calm()


async def test_without_streams_threads_are_edited(world: Any) -> None:
    """Where Slack offers no streams, the same answer grows by edits."""
    world.sim.streaming_available = False
    await world.start()
    room = world.group("Ann")
    await room.ask("Hi?")
    await room.shows("Hello there.", exactly=True)
    await room.ask("Again?")
    await world.done(2)
    assert room.texts == ["Hello there."] * 2


async def test_a_channel_that_gets_a_new_id_keeps_its_conversations(world: Any) -> None:
    """After channel_id_changed the thread goes on with its history."""
    await world.start()
    room = world.group("Ann")
    await room.ask("First?")
    await world.done(1)
    room.channel = await world.sim.change_channel_id(room.channel)
    await world.sim.settled()
    await room.ask("Second?")
    await world.done(2)
    assert told(world) == ["Ann: First?", "Ann: Second?"]
