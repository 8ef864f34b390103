"""What people send on Telegram, whole: through python-telegram-bot and the service to Kimi's request."""

from typing import Any

import pytest

from bots.simulator.kimi import answer_with
from bots.simulator.telegram import contents
from tests.service.test_files import picture

pytestmark = pytest.mark.parametrize("platform", ["telegram"])


def told(world: Any, index: int = -1) -> str:
    """Return the last user message of Kimi's request number ``index`` as one text."""
    content = world.question_of(index)[-1][1]
    return content if isinstance(content, str) else "\n".join(part.get("text", "[media]") for part in content)


async def test_replying_to_a_photo_asks_about_it(world: Any) -> None:
    """In a group the bot has not seen the photo: a mention under it, with or without words, brings it."""
    await world.start()
    room = world.group("Ann", "Bob")
    chat, (ann, bob) = int(room.channel), room.people
    photo = await world.sim.send_photo(chat, ann, "at the sea", content=picture("red"))
    for number, words in enumerate(("what is on it?", ""), 1):
        await world.sim.say(chat, bob, f"@moonthread_bot {words}".strip(), reply_to=photo)
        await world.done(number)
        quote = "Bob: Ann wrote:\n> at the sea\n>\n> [attached: photo.jpg]"
        assert told(world) == f"{quote}\n\n{words}".rstrip() + "\n[media]"
    world.assert_calm()


async def test_a_comment_with_forwards_is_one_question(world: Any) -> None:
    """One delivery: the comment, and the channel's posts that it is about, each with its origin."""
    room = world.direct()
    chat, (ann,) = int(room.channel), room.people
    origin = contents.by_channel(world.sim.chat(world.sim.add_channel("News Daily")))
    await world.sim.say(chat, ann, "is this true?")
    await world.sim.say(chat, ann, "Prices rise 5% tomorrow.", origin=origin)
    await world.sim.say(chat, ann, other=contents.poll("Believe it?", ["yes", "no"]), origin=origin)
    await world.start()
    assert await world.done(1) == ["complete"]
    assert [content for _, content in world.question_of(-1)] == [
        "is this true?",
        "Forwarded from News Daily:\n\nPrices rise 5% tomorrow.",
        "Forwarded from News Daily:\n\nPoll (0 votes): Believe it?\n- yes (0)\n- no (0)",
    ]
    assert len(world.requests) == 1


async def test_other_content_and_quotes_reach_kimi(world: Any) -> None:
    """A place is asked about in words; a chosen part of an older answer is named."""
    await world.start()
    room = world.direct()
    chat, (ann,) = int(room.channel), room.people
    await world.sim.say(chat, ann, other=contents.venue("Oriental Pearl", "Century Avenue", 31.24, 121.5))
    await world.done(1)
    assert told(world) == "Place: Oriental Pearl\nCentury Avenue\nLocation: 31.240000, 121.500000"
    answer = room.answers[-1]
    word = answer.text.split()[0]
    await world.sim.say(chat, ann, "why?", reply_to=int(answer.message_id), quote=word)
    await world.done(2)
    assert told(world).endswith(f"> This part is meant:\n> {word}\n\nwhy?")
    await world.sim.say(chat, ann, "and?", reply_to=int(room.answers[-1].message_id))
    await world.done(3)
    assert told(world) == "and?"


async def test_words_beside_a_recording_are_answered_and_it_is_named(world: Any) -> None:
    """Kimi is told of the recording, and the person that it was not heard; alone it gets a notice."""
    await world.start()
    room = world.direct()
    chat, (ann,) = int(room.channel), room.people
    await world.sim.send_voice(chat, ann, "what is tea?")
    await world.done(1)
    assert told(world) == "what is tea?\n\n[a recording that could not be heard]"
    assert "I cannot listen to recordings yet" in room.texts[-1]
    await world.sim.send_voice(chat, ann)
    await world.done(2)
    assert room.texts[-1] == "I cannot listen to voice messages yet. Please tell me in words."
    assert len(world.requests) == 1


async def test_one_unreadable_part_costs_no_message(world: Any) -> None:
    """A server before Bot API 9.6 sends polls that python-telegram-bot cannot read."""
    await world.start()
    room = world.direct()
    chat, (ann,) = int(room.channel), room.people
    poll = await world.sim.say(chat, ann, other=contents.poll("Tea?", ["yes"], old_server=True))
    await world.done(1)
    assert room.texts[-1] == "I cannot read this kind of message yet. Please tell me in words."
    await world.sim.say(chat, ann, "which wins?", reply_to=poll)
    await world.done(2)
    assert told(world).endswith("which wins?")


async def test_a_mention_that_an_edit_adds_is_answered_once(world: Any) -> None:
    """People forget the mention and add it."""
    await world.start()
    room = world.group("Ann")
    chat, (ann,) = int(room.channel), room.people
    said = await world.sim.say(chat, ann, "what is 2+2?")
    await world.sim.edit(chat, said, "@moonthread_bot what is 2+2?")
    await world.done(1)
    await world.sim.disturb(chat, said)
    await world.sim.say(chat, ann, "and 3+3?", reply_to=int(room.answers[-1].message_id))
    await world.done(2)
    asked = [content for role, content in world.question_of(-1) if role == "user"]
    assert asked == ["Ann: what is 2+2?", "Ann: and 3+3?"]


async def test_a_private_topic_that_is_gone_does_not_swallow_the_answer(world: Any) -> None:
    """It is the same person's chat: the answer comes without the topic."""
    await world.start()
    room = world.direct()
    chat, (ann,) = int(room.channel), room.people
    topic = world.sim.add_private_topic(ann, "Trip")
    world.kimi.script = answer_with("Off to the sea.", first_after_s=4)
    await world.sim.say(chat, ann, "where to?", topic=topic)
    await world.until(lambda: world.requests, "Kimi is asked")
    world.sim.delete_topic(chat, topic)
    assert await world.done(1) == ["complete"]
    assert "Off to the sea." in room.texts[-1]


async def test_direct_messages_of_a_channel_are_answered_in_their_topic(world: Any) -> None:
    """Every send names the topic, which Telegram requires there."""
    await world.start()
    ann = world.sim.add_person("Ann")
    chat = world.sim.add_direct_messages("News Daily", [ann])
    await world.sim.say(chat, ann, "how much is it?", topic=ann)
    assert await world.done(1) == ["complete"]
    sent = [call for call in world.sim.calls if call.method == "sendMessage"]
    assert {call.params["direct_messages_topic_id"] for call in sent} == {ann}
    assert told(world) == "how much is it?"


async def test_a_replied_file_that_cannot_be_had_is_named(world: Any) -> None:
    """Kimi does not answer blindly: it learns, as the person does, why the file cannot be read."""
    await world.start()
    room = world.group("Ann", "Bob")
    chat, (ann, bob) = int(room.channel), room.people
    file = await world.sim.send_document(
        chat, ann, filename="a.exe", content=b"MZ", mime_type="application/x-msdownload"
    )
    await world.sim.say(chat, bob, "@moonthread_bot summarise", reply_to=file)
    await room.shows("I cannot read files like a.exe")
    assert await world.done(1) == ["complete"]
    assert "I cannot read files like a.exe" in str(world.requests[0].messages[-2]["content"])


async def test_a_muted_bot_asks_kimi_once(world: Any) -> None:
    """After the first refusal questions cost nothing, until the group lets the bot speak again."""
    await world.start()
    room = world.group("Ann")
    chat, (ann,) = int(room.channel), room.people
    world.sim.mute_bot(chat)
    for number in range(1, 4):
        await world.sim.say(chat, ann, f"@moonthread_bot question {number}")
        await world.done(number)
    assert len(world.requests) == 1
    world.sim.unmute_bot(chat)
    await world.sim.say(chat, ann, "@moonthread_bot and now?")
    assert await world.done(4) == ["undelivered"] * 3 + ["complete"]
    assert len(world.requests) == 2


async def test_kimi_is_told_which_group_it_is_in(world: Any) -> None:
    """By title, which the message carries, and by description, looked up once an hour behind a question."""
    await world.start()
    room = world.group("Ann")
    world.sim.chat(int(room.channel)).description = "订单与退货"
    for number in (1, 2):
        await world.sim.say(int(room.channel), room.people[0], "@moonthread_bot hi")
        await world.done(number)
        system = str(world.requests[-1].messages[0]["content"])
        assert 'in "Team"' in system
    assert '"订单与退货"' in system
    assert sum(call.method == "getChat" for call in world.sim.calls) == 1


async def test_who_asks_a_muted_bot_is_told_in_private(world: Any) -> None:
    """Once, in their private chat with the bot; who never wrote to it cannot be told, says the platform."""
    await world.start()
    room = world.group("Ann", "Bob")
    chat, (ann, _) = int(room.channel), room.people
    private = world.sim.private_chat(ann)
    world.sim.mute_bot(chat)
    for number in (1, 2):
        await world.sim.say(chat, ann, f"@moonthread_bot question {number}")
        await world.done(number)
    await world.sim.say(chat, room.people[1], "@moonthread_bot and mine?")
    assert await world.done(3) == ["undelivered"] * 3
    (notice,) = world.screen.in_channel(str(private), by_bot=True)
    assert "cannot be shown there" in notice.text
    assert "question 1" in notice.text


async def test_an_answer_to_a_closed_topic_is_not_what_was_said(world: Any) -> None:
    """Nobody has read it: when the topic is open again, Kimi is told of the question only."""
    world.kimi.script = answer_with("A secret answer.", first_after_s=4)
    await world.start()
    room = world.group("Ann", forum=True)
    chat, (ann,) = int(room.channel), room.people
    topic = world.sim.add_topic(chat, "Tea")
    await world.sim.say(chat, ann, "@moonthread_bot what is tea?", topic=topic)
    await world.until(lambda: world.requests, "Kimi is asked")
    world.sim.close_topic(chat, topic)
    assert await world.done(1) == ["undelivered"]
    world.sim.reopen_topic(chat, topic)
    await world.sim.say(chat, ann, "@moonthread_bot and coffee?", topic=topic)
    assert await world.done(2) == ["undelivered", "complete"]
    assert world.question_of(-1) == [("user", "Ann: what is tea?"), ("user", "Ann: and coffee?")]


async def test_a_group_that_adds_the_bot_is_greeted(world: Any) -> None:
    """One message says how to call it, and that privacy mode lets it hear only what is for it."""
    await world.start()
    room = world.group("Ann", bots=[])
    world.sim.invite_bot(int(room.channel))
    greeting = await room.shows("Mention @moonthread_bot")
    assert "I only see commands" in greeting.text
    await world.done(1)
    assert len(room.answers) == 1


async def test_a_denied_group_does_not_get_in_by_becoming_a_supergroup(world: Any) -> None:
    """The lists of the deployment follow the group to its new id, also after a restart."""
    ann = world.sim.add_person("Ann")
    denied = world.sim.add_group("Denied", [ann], basic=True)
    await world.start(deny=(f"telegram:{denied}",))
    moved = world.sim.migrate(denied)
    await world.sim.say(moved, ann, "@moonthread_bot let me in")
    await world.stop()
    await world.start()
    await world.sim.say(moved, ann, "@moonthread_bot let me in, please")
    other = world.direct("Bob")
    await other.ask("Hello?")
    await world.done(1)
    assert len(world.requests) == 1
    assert "let me in" not in str(world.requests[0].body)


async def test_hours_of_backlog_are_answered_in_private_only(world: Any) -> None:
    """A group has talked on; who wrote in private gets their answer, with a word about its age."""
    room, alone = world.group("Ann"), world.direct("Bob")
    chat, (ann,) = int(room.channel), room.people
    for number in range(3):
        await world.sim.say(chat, ann, f"@moonthread_bot question {number}", age_s=9 * 3600 + number * 60)
    await world.sim.say(int(alone.channel), alone.people[0], "hello?", age_s=20 * 3600)
    await world.start()
    assert await world.done(1) == ["complete"]
    assert "(This answers your message of 20 hours ago" in alone.texts[0]
    assert room.texts == []


async def test_an_answer_of_invisible_characters_gets_the_notice(world: Any) -> None:
    """Telegram refuses a message of nothing to see: the person reads that there were no words."""
    await world.start()
    room = world.direct()
    for number, text in enumerate(("\u200b\u200b", "```\n\u2800\n```", "\U000e0041"), 1):
        world.kimi.script = answer_with(text)
        await room.ask(f"question {number}")
        assert (await world.done(number))[-1] == "empty"
        assert "Kimi gave no words this time" in room.texts[-1]
    world.assert_calm()
