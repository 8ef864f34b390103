"""Messages back and forth through python-telegram-bot."""

from typing import Any

import pytest
import telegram
from telegram.error import BadRequest

from bots.simulator.telegram import TelegramSimulator


async def test_a_private_question_is_answered_and_grows(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """What a person says arrives, and what the bot sends and edits stands on the screen."""
    ann = sim.add_person("Ann", language="zh-hans")
    chat = sim.private_chat(ann)
    said = await sim.say(chat, ann, "hello")

    (update,) = await bot.get_updates()

    assert update.message is not None
    assert update.message.from_user is not None
    assert (update.message.text, update.message.message_id) == ("hello", said)
    assert (update.message.chat.type, update.message.from_user.language_code) == ("private", "zh-hans")
    answer = await bot.send_message(chat, "Hi", reply_parameters=telegram.ReplyParameters(said))
    await bot.edit_message_text("Hi Ann", chat, answer.message_id)
    shown = sim.screen.messages[str(chat), str(answer.message_id)]
    assert (shown.text, shown.by_bot, shown.edits, shown.reply_to) == ("Hi Ann", True, 1, str(said))


async def test_a_group_message_reaches_the_bot_only_when_it_is_meant(
    sim: TelegramSimulator, bot: telegram.Bot
) -> None:
    """With privacy mode on, mentions, commands and replies arrive and all else does not."""
    ann = sim.add_person("Ann")
    group = sim.add_group("Team", [ann])
    await sim.say(group, ann, "nobody hears this, not even @moonthread_bot2")
    own = (await bot.send_message(group, "I am here")).message_id
    await sim.say(group, ann, "hey @Moonthread_Bot")
    await sim.say(group, ann, "/help@other_bot")
    await sim.say(group, ann, "/help")
    await sim.say(group, ann, "go on", reply_to=own)

    updates = await bot.get_updates()

    assert [update.message.text for update in updates if update.message] == [
        "hey @Moonthread_Bot",
        "/help",
        "go on",
    ]


async def test_an_identical_edit_is_refused(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """An edit that changes nothing after trimming is refused with Telegram's text."""
    chat = sim.private_chat(sim.add_person("Ann"))
    message = await bot.send_message(chat, "same")
    with pytest.raises(BadRequest, match=r"^Message is not modified: specified new message content and"):
        await bot.edit_message_text(" same\n", chat, message.message_id)


async def test_plain_messages_of_a_topic_look_like_replies(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """In a topic a message carries the topic's service message as its reply; in General nothing."""
    ann = sim.add_person("Ann")
    forum = sim.add_group("Forum", [ann], forum=True)
    topic = sim.add_topic(forum, "News")
    await sim.say(forum, ann, "hi @moonthread_bot", topic=topic)
    await sim.say(forum, ann, "hi @moonthread_bot")

    made, inside, general = [update.message for update in await bot.get_updates()]

    assert made is not None
    assert inside is not None
    assert general is not None
    assert made.forum_topic_created is not None
    assert (inside.message_thread_id, inside.is_topic_message) == (topic, True)
    assert inside.reply_to_message is not None
    assert inside.reply_to_message.message_id == topic
    assert inside.chat.is_forum
    assert (general.message_thread_id, general.is_topic_message, general.reply_to_message) == (
        None,
        None,
        None,
    )
    answer = await bot.send_message(
        forum, "hello", reply_parameters=telegram.ReplyParameters(inside.message_id)
    )
    assert (answer.message_thread_id, answer.is_topic_message) == (topic, True)
    assert sim.screen.messages[str(forum), str(answer.message_id)].thread == str(topic)


async def test_a_reply_chain_of_a_plain_supergroup_has_a_thread_id(
    sim: TelegramSimulator, bot: telegram.Bot
) -> None:
    """Replies carry the id of the chain's first message, are no topic, and show one level only."""
    ann = sim.add_person("Ann")
    group = sim.add_group("Team", [ann])
    root = await sim.say(group, ann, "@moonthread_bot hello")
    answer = await bot.send_message(group, "hi", reply_parameters=telegram.ReplyParameters(root))
    await sim.say(group, ann, "go on", reply_to=answer.message_id)

    message = (await bot.get_updates())[-1].message

    assert message is not None
    assert (message.message_thread_id, message.is_topic_message) == (root, None)
    assert message.reply_to_message is not None
    assert message.reply_to_message.message_id == answer.message_id
    assert message.reply_to_message.reply_to_message is None


async def test_the_bot_makes_a_topic_once_it_may(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """CreateForumTopic needs the right, and what it made can be written to."""
    forum = sim.add_group("Forum", [sim.add_person("Ann")], forum=True)
    with pytest.raises(BadRequest, match=r"^Not enough rights to create a topic$"):
        await bot.create_forum_topic(forum, "News")
    sim.promote_bot(forum)
    topic = await bot.create_forum_topic(forum, "News")
    assert await bot.send_message(forum, "x", message_thread_id=topic.message_thread_id)
    assert (await bot.get_chat_member(forum, 1)).status == "administrator"


async def test_media_and_albums_arrive(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """Stickers, voices, captions and albums come as python-telegram-bot knows them."""
    ann = sim.add_person("Ann")
    chat = sim.private_chat(ann)
    await sim.send_sticker(chat, ann)
    await sim.send_voice(chat, ann)
    await sim.send_document(chat, ann, "see", content=b"words")
    await sim.album(chat, ann, ["two pictures", ""])

    sticker, voice, document, *album = [update.message for update in await bot.get_updates()]

    assert sticker is not None
    assert sticker.sticker is not None
    assert voice is not None
    assert voice.voice is not None
    assert document is not None
    assert document.document is not None
    assert document.caption == "see"
    file = await bot.get_file(document.document.file_id)
    assert bytes(await file.download_as_bytearray()) == b"words"
    assert [message.caption for message in album if message] == ["two pictures", None]
    assert len({message.media_group_id for message in album if message}) == 1
    assert all(message.photo for message in album if message)


async def test_a_pressed_button_is_answered_once_and_in_time(
    sim: TelegramSimulator, bot: telegram.Bot, still_clock: Any
) -> None:
    """A press reaches the bot with its message; a second or a late answer is refused."""
    ann = sim.add_person("Ann")
    chat = sim.private_chat(ann)
    markup = telegram.InlineKeyboardMarkup.from_button(
        telegram.InlineKeyboardButton("Stop", callback_data="stop")
    )
    message = await bot.send_message(chat, "growing", reply_markup=markup)
    query = await sim.press(chat, message.message_id, "stop", ann)
    late = await sim.press(chat, message.message_id, "stop", ann)

    (first, _) = await bot.get_updates()

    assert first.callback_query is not None
    assert (first.callback_query.id, first.callback_query.data) == (query, "stop")
    await bot.answer_callback_query(query, "Stopped")
    assert sim.answer_to(query) == "Stopped"
    with pytest.raises(BadRequest, match=r"^Query is too old"):
        await bot.answer_callback_query(query)
    await still_clock.move(15.1)
    with pytest.raises(BadRequest, match=r"^Query is too old"):
        await bot.answer_callback_query(late)
    await bot.edit_message_text("growing", chat, message.message_id)
    assert sim.screen.messages[str(chat), str(message.message_id)].buttons == ()
    with pytest.raises(ValueError, match="no button"):
        await sim.press(chat, message.message_id, "stop", ann)


async def test_those_who_speak_as_a_chat(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """An anonymous admin and a channel come from Telegram's own accounts with a sender chat."""
    ann = sim.add_person("Ann")
    group, channel = sim.add_group("Team", [ann]), sim.add_channel("News")
    await sim.say(group, ann, "/help", as_chat=group)
    await sim.say(group, ann, "/help", as_chat=channel)

    messages = [update.message for update in await bot.get_updates()]

    assert [(m.from_user.id, m.sender_chat.id) for m in messages if m and m.from_user and m.sender_chat] == [
        (telegram.constants.ChatID.ANONYMOUS_ADMIN, group),
        (telegram.constants.ChatID.FAKE_CHANNEL, channel),
    ]


async def test_an_edited_message_may_have_changed_in_nothing(
    sim: TelegramSimulator, bot: telegram.Bot
) -> None:
    """Telegram's noise: an edited_message whose text is what it was."""
    chat = sim.private_chat(sim.add_person("Ann"))
    said = await sim.say(chat, chat, "hello")
    await sim.disturb(chat, said)
    noise = (await bot.get_updates())[-1].edited_message
    assert noise is not None
    assert (noise.text, noise.message_id) == ("hello", said)


async def test_a_long_paste_is_cut_by_the_client(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """100,000 characters come as messages of at most 4096 that together are the text."""
    chat = sim.private_chat(sim.add_person("Ann"))
    text = "".join(chr(97 + at % 26) for at in range(100_000))
    await sim.paste(chat, chat, text)
    texts = [update.message.text or "" for update in await bot.get_updates() if update.message]
    assert (len(texts), max(map(len, texts)), "".join(texts)) == (25, 4096, text)
    with pytest.raises(ValueError, match="paste"):
        await sim.say(chat, chat, text)


async def test_two_bots_do_not_share_a_private_chat(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """What is said to one bot is not heard by the other, and neither hears the other's words."""
    second = sim.add_bot("2:test", "second_bot", "Second", can_read_all_group_messages=True)
    ann = sim.add_person("Ann")
    await sim.say(ann, ann, "to the second", bot=second)
    group = sim.add_group("Team", [ann])
    await bot.send_message(group, "hello bots")
    await sim.say(group, ann, "hello people")
    async with telegram.Bot("2:test", base_url=f"{sim.api_url}/bot") as other:
        heard = [update.message.text for update in await other.get_updates() if update.message]
    assert heard == ["to the second", "hello people"]
    assert await bot.get_updates() == ()


async def test_commands_are_kept_by_scope_and_language(bot: telegram.Bot) -> None:
    """Each scope and language has its own list; bad names and too many are refused."""
    scope = telegram.BotCommandScopeAllPrivateChats()
    await bot.set_my_commands([("new", "Begin anew")], scope=scope)
    await bot.set_my_commands([("new", "重新开始")], scope=scope, language_code="zh")
    assert [command.description for command in await bot.get_my_commands(scope=scope)] == ["Begin anew"]
    chinese = await bot.get_my_commands(scope=scope, language_code="zh")
    assert [command.description for command in chinese] == ["重新开始"]
    assert await bot.get_my_commands() == ()
    with pytest.raises(BadRequest, match=r"(?i)^bot_commands_too_much$"):
        await bot.set_my_commands([(f"c{number}", "x") for number in range(101)])
    await bot.delete_my_commands(scope=scope)
    assert await bot.get_my_commands(scope=scope) == ()


async def test_the_rest_of_the_verbs_answer(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """Chats, administrators, reactions and deletion work through the SDK."""
    ann = sim.add_person("Ann")
    group = sim.add_group("Team", [ann])
    said = await sim.say(group, ann, "@moonthread_bot hello")
    assert (await bot.get_chat(group)).title == "Team"
    (owner,) = await bot.get_chat_administrators(group)
    assert (owner.user.id, owner.status) == (ann, "creator")
    assert await bot.set_message_reaction(group, said, "👀")
    own = await bot.send_message(group, "gone soon")
    assert await bot.delete_message(group, own.message_id)
    assert (str(group), str(own.message_id)) not in sim.screen.messages
    with pytest.raises(BadRequest, match=r"^Message can't be deleted for everyone$"):
        await bot.delete_message(group, said)
