"""What people send besides words and files, through python-telegram-bot."""

import pytest
import telegram
from telegram.error import BadRequest

from bots.simulator.telegram import TelegramSimulator, contents
from bots.simulator.telegram.contents import Content


async def received(bot: telegram.Bot) -> list[telegram.Message]:
    """Return the messages that wait for the bot."""
    return [update.message for update in await bot.get_updates() if update.message]


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("location", contents.location(31.2304, 121.4737)),
        ("venue", contents.venue("Oriental Pearl", "1 Century Avenue", 31.24, 121.5)),
        ("contact", contents.contact("Ben", "+49 30 1234", "Berg")),
        ("poll", contents.poll("Lunch?", ["Noodles", "Rice"], votes=[2])),
        ("checklist", contents.checklist("Trip", {"tickets": True, "hotel": False})),
        ("dice", contents.dice("🎲", 4)),
        ("game", contents.game("Chess", "Two play")),
        ("invoice", contents.invoice("Book", "Paper", "EUR", 1250)),
    ],
)
async def test_other_content_arrives(
    sim: TelegramSimulator, bot: telegram.Bot, kind: str, content: Content
) -> None:
    """Telegram says: such a message carries one object and neither text nor caption."""
    ann = sim.add_person("Ann")
    await sim.say(sim.private_chat(ann), ann, other=content)
    (message,) = await received(bot)
    assert getattr(message, kind)
    assert (message.text, message.caption) == (None, None)


async def test_a_live_photo_has_a_still_picture(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """Telegram says: ``photo`` comes beside ``live_photo``; both can be downloaded."""
    ann = sim.add_person("Ann")
    await sim.say(sim.private_chat(ann), ann, "the sea", media_kind="live_photo", content=b"moving")
    (message,) = await received(bot)
    assert message.live_photo
    assert message.photo
    assert message.caption == "the sea"
    assert (await bot.get_file(message.photo[-1].file_id)).file_size == 6


async def test_forwards_name_their_origin(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """All four kinds of origin arrive, also with the message that a person replies to."""
    ann, ben = sim.add_person("Ann"), sim.add_person("Ben")
    chat = sim.private_chat(ann)
    channel, group = sim.chat(sim.add_channel("News Daily")), sim.chat(sim.add_group("Team", [ben]))
    for origin in (
        contents.by_user(sim.person(ben)),
        contents.by_hidden_user("Carl"),
        contents.by_chat(group, signature="boss"),
        contents.by_channel(channel),
    ):
        last = await sim.say(chat, ann, "words", origin=origin)
    await sim.say(chat, ann, "really?", reply_to=last)
    *forwards, reply = await received(bot)
    assert [str(message.forward_origin.type) for message in forwards if message.forward_origin] == [
        "user",
        "hidden_user",
        "chat",
        "channel",
    ]
    assert reply.reply_to_message is not None
    assert reply.reply_to_message.forward_origin is not None


async def test_quotes_and_replies_across_chats(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """A quote must stand in the message; a reply across chats carries its origin and content."""
    ann = sim.add_person("Ann")
    chat = sim.private_chat(ann)
    said = await sim.say(chat, ann, "Brocken, Zugspitze, Feldberg")
    await sim.say(chat, ann, "why?", reply_to=said, quote="Zugspitze")
    origin = contents.by_channel(sim.chat(sim.add_channel("News")))
    await sim.say(chat, ann, "where?", across={"origin": origin, **contents.location(1.5, 2.5)})
    _, quoting, across = await received(bot)
    assert quoting.quote is not None
    assert (quoting.quote.text, quoting.quote.position, quoting.quote.is_manual) == ("Zugspitze", 9, True)
    assert across.external_reply is not None
    assert across.external_reply.location is not None
    with pytest.raises(ValueError, match="does not say"):
        await sim.say(chat, ann, "why?", reply_to=said, quote="Everest")


@pytest.mark.parametrize("text", ["\u200b\u200b", "\u2800", "\u00a0", "\ufffc", "\u202e\u200f", "\U000e0041"])
async def test_a_text_with_nothing_to_see_is_refused(
    sim: TelegramSimulator, bot: telegram.Bot, text: str
) -> None:
    """Telegram says: a text of invisible characters is empty (TDLib ``is_empty_string``)."""
    chat = sim.private_chat(sim.add_person("Ann"))
    shown = await bot.send_message(chat, "words")
    with pytest.raises(BadRequest, match=r"(?i)text (must be non-empty|is empty)"):
        await bot.send_message(chat, text)
    with pytest.raises(BadRequest, match=r"(?i)text (must be non-empty|is empty)"):
        await bot.edit_message_text(text, chat, shown.message_id)


async def test_a_topic_closes_and_opens_before_everybody(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """Both leave a service message in the topic, and an open one takes messages again."""
    forum = sim.add_group("Forum", [sim.add_person("Ann")], forum=True)
    topic = sim.add_topic(forum, "News")
    sim.close_topic(forum, topic)
    with pytest.raises(BadRequest, match=r"(?i)topic_closed"):
        await bot.send_message(forum, "x", message_thread_id=topic)
    sim.reopen_topic(forum, topic)
    assert await bot.send_message(forum, "x", message_thread_id=topic)
    _, closed, reopened = await received(bot)
    assert closed.forum_topic_closed
    assert reopened.forum_topic_reopened


async def test_a_muted_bot_is_told(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """Muting makes the bot a restricted member, and unmuting a member again."""
    group = sim.add_group("Team", [sim.add_person("Ann")])
    sim.mute_bot(group)
    sim.unmute_bot(group)
    changes = [update.my_chat_member for update in await bot.get_updates()]
    assert [change.new_chat_member.status for change in changes if change] == ["restricted", "member"]
    assert await bot.send_message(group, "x")


async def test_a_private_topic_can_go(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """A deleted topic of a private chat is not found; the chat itself takes messages."""
    ann = sim.add_person("Ann")
    chat = sim.private_chat(ann)
    topic = sim.add_private_topic(ann, "Trip")
    assert await bot.send_message(chat, "x", message_thread_id=topic)
    sim.delete_topic(chat, topic)
    with pytest.raises(BadRequest, match=r"(?i)message thread not found"):
        await bot.send_message(chat, "x", message_thread_id=topic)
    assert await bot.send_message(chat, "x")


async def test_a_channels_direct_messages_need_their_topic(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """Telegram says: ``direct_messages_topic_id`` is required to send there."""
    ann = sim.add_person("Ann")
    chat = sim.add_direct_messages("News Daily", [ann])
    await sim.say(chat, ann, "how much is it?", topic=ann)
    (message,) = await received(bot)
    assert message.chat.is_direct_messages
    assert message.direct_messages_topic is not None
    assert message.direct_messages_topic.topic_id == ann
    with pytest.raises(BadRequest, match=r"(?i)direct_messages_topic_id"):
        await bot.send_message(chat, "five")
    assert await bot.send_message(chat, "five", direct_messages_topic_id=ann)


async def test_a_renamed_bot_answers_to_its_new_name(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """Mentions of the new name arrive, those of the old one do not, and ``getMe`` tells the new one."""
    ann = sim.add_person("Ann")
    group = sim.add_group("Team", [ann])
    sim.rename_bot("other_name_bot")
    await sim.say(group, ann, "@moonthread_bot hi")
    await sim.say(group, ann, "@other_name_bot hi")
    assert [message.text for message in await received(bot)] == ["@other_name_bot hi"]
    assert (await bot.get_me()).username == "other_name_bot"
