"""Telegram's groups and topics: when the bot speaks, where, and what it knows."""

from typing import Any

import pytest

from bots.simulator.kimi import answer_with

pytestmark = pytest.mark.parametrize("platform", ["telegram"])
TEXT = "It begins here. " + " ".join(f"word{number}" for number in range(60)) + " and THE END."


def told(world: Any, index: int = -1) -> list[str]:
    """What Kimi was told by people in request number ``index``."""
    return [content for role, content in world.question_of(index) if role == "user"]


async def test_a_chain_of_replies_is_one_conversation(world: Any) -> None:
    """A mention begins it, a reply goes on with it, another mention begins another one."""
    await world.start()
    room = world.group("Ann", "Bob")
    chat, (ann, bob) = int(room.channel), room.people
    asked = await room.ask("What is tea?")
    await world.done(1)
    assert room.answers[0].reply_to == asked
    await room.ask("And coffee?", person=1)
    await world.done(2)
    assert told(world) == ["Ann: What is tea?", "Bob: And coffee?"]
    await world.sim.say(chat, bob, "@moonthread_bot what is wine?")
    await world.done(3)
    assert told(world) == ["Bob: what is wine?"]
    await world.sim.say(chat, ann, "so wine, is it?", reply_to=int(room.answers[-1].message_id))
    await world.done(4)
    assert told(world) == ["Bob: what is wine?", "Ann: so wine, is it?"]
    world.assert_calm()


async def test_a_mention_in_reply_to_somebody_brings_their_words(world: Any) -> None:
    """The message that the mention replies to is given as context, with its author's name."""
    await world.start()
    room = world.group("Ann", "Bob")
    chat, (ann, bob) = int(room.channel), room.people
    said = await world.sim.say(chat, bob, "The moon is made of cheese.")
    await world.sim.say(chat, ann, "@moonthread_bot is that true?", reply_to=said)
    await world.done(1)
    (question,) = told(world)
    assert "Bob wrote:\n> The moon is made of cheese." in question
    assert question.endswith("is that true?")


async def test_each_topic_is_a_conversation_and_every_call_names_it(world: Any) -> None:
    """In a forum the answer, its edits and the typing go to the topic; General goes without an id."""
    world.kimi.script = answer_with(TEXT, chunks_per_s=60, first_after_s=1)
    await world.start()
    room = world.group("Ann", forum=True)
    chat, (ann,) = int(room.channel), room.people
    topic = world.sim.add_topic(chat, "Tea")
    for where in (topic, None):
        await world.sim.say(chat, ann, "@moonthread_bot tell me", topic=where)
        await world.sim.say(chat, ann, "@moonthread_bot tell me more", topic=where)
    assert await world.done(4) == ["complete"] * 4
    sent = [call for call in world.sim.calls if call.method in ("sendMessage", "sendChatAction")]
    assert {call.params.get("message_thread_id") for call in sent} == {topic, None}
    assert sorted(shown.thread for shown in room.answers) == ["", "", str(topic), str(topic)]
    assert all(call.status == 200 for call in sent)
    assert sorted(len(told(world, index)) for index in range(4)) == [1, 1, 2, 2]


async def test_a_group_that_becomes_a_supergroup_keeps_its_conversations(world: Any) -> None:
    """The answer under way is shown in the new chat, and a reply to it has the history."""
    world.kimi.script = answer_with(TEXT, chunks_per_s=30)
    await world.start()
    room = world.group("Ann", basic=True)
    await room.ask("Before?")
    await world.until(lambda: room.answers, "the answer begins")
    room.channel = str(world.sim.migrate(int(room.channel)))
    await room.shows(TEXT, exactly=True)
    assert await world.done(1) == ["complete"]
    assert room.texts == [TEXT]
    await room.ask("And after?")
    await world.done(2)
    assert told(world) == ["Ann: Before?", "Ann: And after?"]


async def test_edits_that_change_no_word_do_nothing(world: Any) -> None:
    """Telegram's edited_message without a change breaks and doubles nothing."""
    world.kimi.script = answer_with(TEXT, chunks_per_s=40)
    await world.start()
    room = world.direct()
    asked = await room.ask("Once?")
    await world.until(lambda: room.answers, "the answer begins")
    await world.sim.disturb(int(room.channel), int(asked))
    await room.shows(TEXT, exactly=True)
    await world.sim.disturb(int(room.channel), int(asked))
    await room.ask("Twice?")
    assert await world.done(2) == ["complete"] * 2
    assert room.texts == [TEXT, TEXT]


async def test_an_edited_question_is_answered_anew_in_place(world: Any) -> None:
    """A question whose words its author changes gets its answer anew, in the same message."""
    await world.start()
    room = world.direct()
    asked = await room.ask("What is two?")
    first = await room.shows("Hello there.")
    await world.done(1)
    world.kimi.script = answer_with("Three it is.")
    await world.sim.edit(int(room.channel), int(asked), "What is three?")
    second = await room.shows("Three it is.")
    await world.done(2)
    assert second.message_id == first.message_id
    assert told(world) == ["What is three?"]


async def test_an_anonymous_admin_and_a_channel_are_people_too(world: Any) -> None:
    """Who speaks in the name of the group or of a channel is answered, under that name."""
    await world.start()
    room = world.group("Ann")
    chat, (ann,) = int(room.channel), room.people
    await world.sim.say(chat, ann, "@moonthread_bot who am I?", as_chat=chat)
    await world.done(1)
    assert told(world) == ["Team: who am I?"]
    news = world.sim.add_channel("News")
    await world.sim.say(chat, ann, "@moonthread_bot and I?", as_chat=news)
    await world.done(2)
    assert told(world) == ["News: and I?"]


async def test_a_bot_that_sees_everything_answers_only_what_is_for_it(world: Any) -> None:
    """With privacy mode off, talk that is not for the bot is heard and not answered."""
    await world.start()
    room = world.group("Ann", "Bob")
    chat, (ann, bob) = int(room.channel), room.people
    world.sim.promote_bot(chat)
    await world.sim.say(chat, ann, "Lunch?")
    await world.sim.say(chat, bob, "moonthread_bot is a funny name")
    await world.sim.say(chat, ann, "/weather@other_bot")
    await world.sim.say(chat, bob, "@moonthread_bot hello")
    await world.done(1)
    assert told(world) == ["Bob: hello"]
    assert len(room.answers) == 1


async def test_a_command_for_another_bot_is_not_ours(world: Any) -> None:
    """/new@other_bot forgets nothing here."""
    await world.start()
    room = world.group("Ann")
    world.sim.promote_bot(int(room.channel))
    await room.ask("First?")
    await world.done(1)
    await world.sim.say(int(room.channel), room.people[0], "/new@other_bot")
    await room.ask("Second?")
    await world.done(2)
    assert told(world) == ["Ann: First?", "Ann: Second?"]


async def test_the_commands_are_registered_in_both_languages(world: Any) -> None:
    """Private chats and groups offer the commands, in English and Chinese."""
    await world.start()
    await world.until(lambda: len(world.sim.bot.commands) == 6, "six lists of commands")
    assert {language for _, language in world.sim.bot.commands} == {"", "zh"}
