"""Topics and uploads of a bot: what works, and what is refused with which text."""

import pytest
import telegram
from telegram.error import BadRequest, NetworkError

from bots.simulator.telegram import TelegramSimulator
from bots.simulator.telegram.file_calls import UPLOAD_LIMIT_BYTES

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16


@pytest.fixture
async def forum(sim: TelegramSimulator) -> int:
    """A forum whose bot is an administrator."""
    forum = sim.add_group("Desk", [sim.add_person("Ann")], forum=True)
    sim.promote_bot(forum)
    return forum


async def test_a_topic_is_opened_closed_and_opened_again(
    sim: TelegramSimulator, bot: telegram.Bot, forum: int
) -> None:
    """Closed it takes no message; closing and reopening it twice is told as no change."""
    topic = (await bot.create_forum_topic(forum, "Ann")).message_thread_id
    await bot.close_forum_topic(forum, topic)
    with pytest.raises(BadRequest, match=r"(?i)^topic_closed$"):
        await bot.send_message(forum, "x", message_thread_id=topic)
    with pytest.raises(BadRequest, match=r"(?i)^topic_not_modified$"):
        await bot.close_forum_topic(forum, topic)
    await sim.clock.sleep(15)  # the group's budget
    await bot.reopen_forum_topic(forum, topic)
    assert await bot.send_message(forum, "x", message_thread_id=topic)
    with pytest.raises(BadRequest, match=r"(?i)^topic_not_modified$"):
        await bot.reopen_forum_topic(forum, topic)
    with pytest.raises(BadRequest, match=r"(?i)^topic_id_invalid$"):
        await bot.close_forum_topic(forum, 77)


async def test_topics_need_a_forum_rights_and_a_title(
    sim: TelegramSimulator, bot: telegram.Bot, forum: int
) -> None:
    """A group without topics, a bot that may not manage them and a bad title are refused."""
    ann = sim.add_person("Ann")
    plain, other = sim.add_group("Plain", [ann]), sim.add_group("Forum", [ann], forum=True)
    sim.promote_bot(plain)
    with pytest.raises(BadRequest, match=r"^The chat is not a forum$"):
        await bot.create_forum_topic(plain, "x")
    with pytest.raises(BadRequest, match=r"^Not enough rights to create a topic$"):
        await bot.create_forum_topic(other, "x")
    with pytest.raises(BadRequest, match=r"^Topic name must be non-empty$"):
        await bot.create_forum_topic(forum, "  ")
    with pytest.raises(BadRequest, match=r"(?i)^topic_title_too_long$"):
        await bot.create_forum_topic(forum, "😀" * 65)


@pytest.mark.usefixtures("still_clock")
async def test_a_topic_costs_as_much_as_a_message(bot: telegram.Bot, forum: int) -> None:
    """Opening topics spends the group's budget."""
    for number in range(5):
        await bot.create_forum_topic(forum, str(number))
    with pytest.raises(telegram.error.RetryAfter):
        await bot.send_message(forum, "x")


async def test_a_picture_can_be_fetched_as_it_was_sent(bot: telegram.Bot, forum: int) -> None:
    """Photos and documents keep their bytes; a caption keeps its entities."""
    bold = telegram.MessageEntity("bold", 0, 3)
    photo = await bot.send_photo(forum, PNG, "Ann: look", caption_entities=[bold], filename="a.png")
    assert (photo.caption, photo.caption_entities) == ("Ann: look", (bold,))
    assert bytes(await (await photo.photo[-1].get_file()).download_as_bytearray()) == PNG
    document = await bot.send_document(forum, b"a,b", filename="a.csv")
    assert document.document is not None
    assert document.document.file_name == "a.csv"
    assert bytes(await (await document.document.get_file()).download_as_bytearray()) == b"a,b"


async def test_what_telegram_takes_no_file_of(bot: telegram.Bot, forum: int) -> None:
    """Nothing, no picture, and too long a caption."""
    with pytest.raises(BadRequest, match=r"^File must be non-empty$"):
        await bot.send_document(forum, b"")
    with pytest.raises(BadRequest, match=r"(?i)^image_process_failed$"):
        await bot.send_photo(forum, b"no picture")
    with pytest.raises(BadRequest, match=r"^Message caption is too long$"):
        await bot.send_document(forum, b"x", "x" * 1025)


@pytest.mark.slow
async def test_telegram_takes_no_file_beyond_its_limit(bot: telegram.Bot, forum: int) -> None:
    """Telegram says: a bot may upload 50 MB."""
    with pytest.raises(NetworkError, match=r"Request Entity Too Large"):
        await bot.send_document(forum, b"\0" * (UPLOAD_LIMIT_BYTES + 1))


async def test_who_comes_is_told_to_every_bot(sim: TelegramSimulator, bot: telegram.Bot, forum: int) -> None:
    """A service message by default; ``chat_member`` only where it is asked for, and to administrators."""
    plain = sim.add_group("Plain", [sim.add_person("Ann")])
    bob, eve = sim.add_person("Bob"), sim.add_person("Eve")
    (standing,) = await bot.get_updates()  # the bot's own promotion
    await bot.get_updates(offset=standing.update_id + 1, allowed_updates=["message"])
    await sim.join(forum, bob, eve)
    (update,) = await bot.get_updates(
        offset=standing.update_id + 1, timeout=5, allowed_updates=["message", "chat_member"]
    )
    assert update.message is not None
    assert [user.id for user in update.message.new_chat_members or ()] == [bob, eve]
    await sim.join(plain, bob)
    await sim.join(forum, sim.add_person("Kim"))
    later = await bot.get_updates(offset=update.update_id + 1)
    assert [bool(one.chat_member) for one in later] == [False, False, True]


@pytest.mark.usefixtures("still_clock")
async def test_an_album_is_two_to_ten_media_that_go_together(bot: telegram.Bot, forum: int) -> None:
    """It counts as its messages; one that is not taken shows nothing."""
    photo, film = telegram.InputMediaPhoto(PNG), telegram.InputMediaVideo(b"\0\0\0\x18ftypisom")
    document, broken = telegram.InputMediaDocument(b"x"), telegram.InputMediaPhoto(b"no picture")
    for media in ([photo], [photo] * 11, [photo, document], [document, telegram.InputMediaAudio(b"ID3")]):
        with pytest.raises(BadRequest, match=r"(?i)album"):
            await bot.send_media_group(forum, media)
    with pytest.raises(BadRequest, match=r"(?i)^image_process_failed$"):
        await bot.send_media_group(forum, [photo, broken])
    with pytest.raises(BadRequest, match=r"^Message caption is too long$"):
        await bot.send_media_group(forum, [telegram.InputMediaPhoto(PNG, "x" * 1025), photo])

    shown = await bot.send_media_group(forum, [telegram.InputMediaPhoto(PNG, "look"), film] * 3)
    assert [one.caption for one in shown] == ["look", None] * 3
    assert len({one.media_group_id for one in shown}) == 1
    with pytest.raises(telegram.error.RetryAfter):
        await bot.send_message(forum, "x")


async def test_a_caption_is_changed_and_taken_away(bot: telegram.Bot, forum: int) -> None:
    """A message without a file has none."""
    photo, text = await bot.send_photo(forum, PNG, "look"), await bot.send_message(forum, "x")
    changed = await bot.edit_message_caption(forum, photo.message_id, caption="see")
    assert isinstance(changed, telegram.Message)
    assert changed.caption == "see"
    with pytest.raises(BadRequest, match=r"not modified"):
        await bot.edit_message_caption(forum, photo.message_id, caption="see")
    with pytest.raises(BadRequest, match=r"(?i)no caption"):
        await bot.edit_message_caption(forum, text.message_id, caption="see")
