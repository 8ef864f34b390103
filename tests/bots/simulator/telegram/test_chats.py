"""Messages back and forth through python-telegram-bot."""

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
    with pytest.raises(BadRequest, match="^Message is not modified: specified new message content and"):
        await bot.edit_message_text(" same\n", chat, message.message_id)
