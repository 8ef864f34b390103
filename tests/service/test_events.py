"""Every event counts once, and none of any shape holds up those behind it."""

from typing import Any

import pytest

from bots.simulator.kimi import answer_with, per_question
from bots.simulator.slack import events
from bots.simulator.telegram.wire import message_json


def again(world: Any, room: Any, message_id: str) -> None:
    """Let the platform deliver a message once more, as after a lost acknowledgement."""
    if world.name == "telegram":
        chat = world.sim._room(int(room.channel), None)
        body = message_json(chat, chat.messages[int(message_id)])
        world.sim.bot.updates.push("message", room.channel, body)
    else:
        channel = world.sim.workspace.channels[room.channel]
        world.sim.workspace.emit(channel, events.said(channel, channel.messages[message_id]))


def strange(world: Any, room: Any) -> None:
    """Let the platform deliver something of no known shape."""
    if world.name == "telegram":
        for body in ({"message_id": {"a": 1}}, {"date": "yesterday", "chat": []}, {}):
            world.sim.bot.updates.push("message", room.channel, body)
    else:
        channel = world.sim.workspace.channels[room.channel]
        for event in (
            {"type": "message", "user": "U0000001", "channel": [], "text": {"a": 1}, "ts": "1.1"},
            {"type": "message", "user": "U0000001", "channel": room.channel, "text": "x", "ts": None},
        ):
            world.sim.workspace.emit(channel, event)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
@pytest.mark.parametrize("place", ["direct", "group"])
async def test_an_event_that_comes_again_is_answered_once(world: Any, place: str) -> None:
    """Delivered during the answer and after it, a question still has one answer."""
    world.kimi.script = answer_with("Only once. " * 8, chunks_per_s=30)
    await world.start()
    room = getattr(world, place)()
    asked = await room.ask("Once?")
    again(world, room, asked)
    await world.until(lambda: room.answers, "the answer begins")
    again(world, room, asked)
    await world.done(1)
    again(world, room, asked)
    other = world.direct("Bob")
    await other.ask("And you?")
    await other.shows("Only once.")
    await world.done(2)
    assert len(room.answers) == 1
    assert len(world.requests) == 2
    world.assert_calm()


async def test_an_event_whose_acknowledgement_is_lost_is_answered_once(world: Any) -> None:
    """The connection breaks around the event: it comes again, and counts once."""
    await world.start()
    room = world.direct()
    if world.name == "telegram":
        world.fault("getUpdates", "lost_reply", times=2)
        world.sim.bot.updates.push("message", "x", {})  # ends the poll that is open now
        await room.ask("Hello?")
    else:
        await room.ask("Hello?")
        await world.sim.drop_sockets()
    await room.shows("Hello there.", exactly=True)
    assert await world.done(1) == ["complete"]
    assert len(room.answers) == 1


async def test_an_event_of_no_known_shape_is_recorded_and_skipped(world: Any) -> None:
    """What cannot be read is stored once, never tried again, and the next question is answered."""
    await world.start()
    room = world.direct()
    strange(world, room)
    await room.ask("Are you well?")
    await room.shows("Hello there.", exactly=True)
    assert await world.done(1) == ["complete"]
    rows = await world.rows(
        "SELECT status FROM inbox WHERE conversation_id IS NULL AND delivery_id NOT LIKE 'client:%'"
    )
    assert {row.status for row in rows} <= {"skipped"}
    assert rows


async def test_a_stored_event_that_cannot_be_read_is_skipped(world: Any) -> None:
    """An open event of another version's shape does not hold up its conversation."""
    await world.start()
    room = world.direct()
    await room.ask("First?")
    await world.done(1)
    async with world.service.database.begin() as tx:
        await tx.exec_driver_sql(
            "UPDATE inbox SET event = '{\"kind\": \"Sung\"}', status = 'open'"
            " WHERE conversation_id IS NOT NULL"
        )
        await tx.exec_driver_sql("DELETE FROM messages")
        await tx.exec_driver_sql("DELETE FROM usage")
        await tx.exec_driver_sql("DELETE FROM platform_messages")
        await tx.exec_driver_sql("DELETE FROM turns")
    await world.stop()
    await world.start()
    await room.ask("Second?")
    await world.until(lambda: len(room.answers) == 2, "the second answer")
    assert await world.done(1) == ["complete"]
    marks = [
        row.status
        for row in await world.rows("SELECT status FROM inbox WHERE conversation_id IS NOT NULL ORDER BY id")
    ]
    assert marks == ["skipped", "done"]


async def test_what_cannot_be_read_yet_gets_a_friendly_line(world: Any) -> None:
    """Stickers and voice messages are answered without asking Kimi."""
    await world.start()
    room = world.direct()
    person = room.people[0]
    if world.name == "telegram":
        await world.sim.send_sticker(int(room.channel), person)
        await room.shows("I cannot read stickers yet.")
        await world.sim.send_voice(int(room.channel), person)
    else:
        await room.ask("")
        await room.shows("Just write your question.")
        sound = {"filename": "a.m4a", "mimetype": "audio/mp4"}
        await world.sim.share_file(room.channel, person, content=b"x", **sound)
    await room.shows("I cannot listen to voice messages yet.")
    assert await world.done(2) == ["notice"] * 2
    assert world.requests == []
    world.assert_calm()


async def test_a_bare_mention_is_asked_what_it_wants(world: Any) -> None:
    """A mention without a word gets a friendly question back."""
    await world.start()
    room = world.group()
    mention = "@moonthread_bot" if world.name == "telegram" else f"<@{world.sim.bot_user}>"
    channel = int(room.channel) if world.name == "telegram" else room.channel
    room.root = str(await world.sim.say(channel, room.people[0], mention))
    await room.shows("What would you like to know?")
    assert await world.done(1) == ["notice"]
    assert world.requests == []


async def test_a_hundred_thousand_characters_are_taken(world: Any) -> None:
    """A very long text, however the client cuts it, reaches Kimi whole and is answered once."""
    world.kimi.script = per_question({"": "Read."}, chunks_per_s=1000)
    # On Telegram clients cut it into 25 messages; Slack takes so much that people cut it themselves.
    await world.start(while_answering="queue" if world.name == "telegram" else "merge")
    room = world.direct()
    text = "".join(f"{number:07d}," for number in range(12_500))
    if world.name == "telegram":
        await world.sim.paste(int(room.channel), room.people[0], text)
    else:
        for at in range(0, len(text), 40_000):
            await room.ask(text[at : at + 40_000])
        await world.sim.settled()
    await world.until(lambda: room.answers, "an answer")
    await world.queued(0)
    read = " ".join(content for role, content in world.question_of(-1) if role == "user")
    assert all(f"{number:07d}," in read for number in range(12_500))
    assert set(await world.outcomes()) == {"complete"}
    if world.name == "telegram":
        assert room.texts == ["Read."]


@pytest.mark.parametrize("platform", ["telegram"])
async def test_two_long_questions_are_two(world: Any) -> None:
    """Only what follows at once is the rest of a text: a later message is a question of its own."""
    world.kimi.script = answer_with("Read. " * 20, chunks_per_s=20)
    await world.start()
    room = world.direct()
    chat, person = int(room.channel), room.people[0]
    await world.sim.say(chat, person, "first " * 500, age_s=60)
    await world.until(lambda: room.answers, "the answer begins")
    await world.sim.say(chat, person, "second " * 400, age_s=30)
    await world.sim.say(chat, person, "third?")
    assert await world.done(3) == ["complete"] * 3


@pytest.mark.parametrize("platform", ["slack"])
async def test_a_question_longer_than_the_model_reads_is_told(world: Any) -> None:
    """What does not fit Kimi's context gets one clear notice, and the conversation goes on."""
    await world.start(while_answering="merge", reply_tokens=131_072)
    room = world.direct("Wei")
    for _ in range(18):  # merged into one
        await room.ask("月" * 40_000)
    await room.shows("这条消息太长")
    await world.queued(0)
    assert "question_too_long" in await world.outcomes()
    await room.order("new")
    await room.shows("从头开始")
    await world.queued(0)
    turns = len(await world.outcomes())
    await room.ask("短一点？")
    assert (await world.done(turns + 1))[-1] == "complete"
