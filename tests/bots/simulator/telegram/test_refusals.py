"""What the stand-in refuses, with the texts that python-telegram-bot hands on."""

from typing import Any

import httpx
import pytest
import telegram
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken

from bots.simulator.telegram import TelegramSimulator


@pytest.fixture
def chat(sim: TelegramSimulator) -> int:
    """A private chat."""
    return sim.private_chat(sim.add_person("Ann"))


async def test_4096_utf16_units_fit_and_one_more_does_not(bot: telegram.Bot, chat: int) -> None:
    """The limit counts UTF-16 units, and send and edit refuse with their own texts."""
    message = await bot.send_message(chat, "🌙" * 2048)
    with pytest.raises(BadRequest, match=r"^Message is too long$"):
        await bot.send_message(chat, "🌙" * 2048 + "x")
    with pytest.raises(BadRequest, match=r"^Message_too_long$"):
        await bot.edit_message_text("x" * 4097, chat, message.message_id)


@pytest.mark.parametrize("text", [" \n\t", "x" * 32769])
async def test_no_text_and_far_too_much(bot: telegram.Bot, chat: int, text: str) -> None:
    """Whitespace is no text, and more than 32 kB is refused before it is read."""
    with pytest.raises(BadRequest, match=r"^(Message text is empty|Text is too long)$"):
        await bot.send_message(chat, text)


async def test_only_own_messages_that_exist_are_edited(
    sim: TelegramSimulator, bot: telegram.Bot, chat: int
) -> None:
    """A deleted message is not found and a person's cannot be edited."""
    said = await sim.say(chat, chat, "mine")
    gone = (await bot.send_message(chat, "gone soon")).message_id
    await sim.delete(chat, gone)
    with pytest.raises(BadRequest, match=r"^Message to edit not found$"):
        await bot.edit_message_text("x", chat, gone)
    with pytest.raises(BadRequest, match=r"^Message can't be edited$"):
        await bot.edit_message_text("x", chat, said)


async def test_a_reply_to_nothing_needs_leave(bot: telegram.Bot, chat: int) -> None:
    """Replying to a message that is gone is refused unless it may be sent without."""
    with pytest.raises(BadRequest, match=r"^Message to be replied not found$"):
        await bot.send_message(chat, "x", reply_parameters=telegram.ReplyParameters(999))
    leave = telegram.ReplyParameters(999, allow_sending_without_reply=True)
    assert (await bot.send_message(chat, "x", reply_parameters=leave)).reply_to_message is None


@pytest.mark.parametrize("topic", [1, 77])
async def test_unknown_topics_and_the_general_one_are_not_found(
    sim: TelegramSimulator, bot: telegram.Bot, topic: int
) -> None:
    """Neither an id that is no topic nor General's 1 can be written to."""
    forum = sim.add_group("Forum", [sim.add_person("Ann")], forum=True)
    assert sim.add_topic(forum, "News") not in (1, topic)
    with pytest.raises(BadRequest, match=r"^Message thread not found$"):
        await bot.send_message(forum, "x", message_thread_id=topic)
    with pytest.raises(BadRequest, match=r"^Message thread not found$"):
        await bot.send_chat_action(forum, "typing", message_thread_id=topic)


async def test_a_closed_topic_is_closed(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """Sends to a closed topic are refused."""
    forum = sim.add_group("Forum", [sim.add_person("Ann")], forum=True)
    topic = sim.add_topic(forum, "News")
    sim.close_topic(forum, topic)
    with pytest.raises(BadRequest, match=r"(?i)^topic_closed$"):
        await bot.send_message(forum, "x", message_thread_id=topic)


async def test_who_shut_the_bot_out_is_told(sim: TelegramSimulator, bot: telegram.Bot, chat: int) -> None:
    """Blocked, kicked, deactivated, never started and never invited are five different 403s."""
    ben, eve = sim.add_person("Ben"), sim.add_person("Eve")
    group, other = sim.add_group("Team", [ben]), sim.add_group("Others", [ben], bots=[])
    sim.block_bot(chat)
    sim.kick_bot(group)
    sim.private_chat(ben)
    sim.deactivate(ben)
    for where, text in [
        (chat, "bot was blocked by the user"),
        (group, "bot was kicked from the supergroup chat"),
        (ben, "user is deactivated"),
        (eve, "bot can't initiate conversation with a user"),
        (other, "bot is not a member of the supergroup chat"),
    ]:
        with pytest.raises(Forbidden, match=f"^Forbidden: {text}$"):
            await bot.send_message(where, "x")
    sim.unblock_bot(chat)
    sim.invite_bot(group)
    assert await bot.send_message(chat, "x")
    assert await bot.send_message(group, "x")
    changes = [update.my_chat_member for update in await bot.get_updates()]
    assert [change.new_chat_member.status for change in changes if change] == [
        "kicked",
        "kicked",
        "member",
        "member",
    ]


async def test_a_muted_bot_lacks_rights(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """A bot that may not send is refused with a 400."""
    group = sim.add_group("Team", [sim.add_person("Ann")])
    sim.mute_bot(group)
    with pytest.raises(BadRequest, match=r"^Not enough rights to send text messages to the chat$"):
        await bot.send_message(group, "x")


async def test_an_upgraded_group_names_its_successor(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """Both chats get a service message, and calls to the old one carry the new id."""
    group = sim.add_group("Team", [sim.add_person("Ann")], basic=True)
    new = sim.migrate(group)
    messages = [update.message for update in await bot.get_updates()]
    assert [(m.chat_id, m.migrate_to_chat_id, m.migrate_from_chat_id) for m in messages if m] == [
        (group, new, None),
        (new, None, group),
    ]
    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(group, "x")
    assert moved.value.new_chat_id == new


async def test_unknown_chats_methods_and_tokens(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """Each unknown thing has its own status."""
    with pytest.raises(BadRequest, match=r"^Chat not found$"):
        await bot.send_message(-4711, "x")
    async with httpx.AsyncClient(base_url=sim.api_url) as client:
        unknown = await client.post("/bot1:test/sendHologram")
        stranger = await client.post("/bot2:test/getMe")
    assert (unknown.status_code, unknown.json()) == (
        404,
        {"ok": False, "error_code": 404, "description": "Not Found"},
    )
    assert (stranger.status_code, stranger.json()["description"]) == (401, "Unauthorized")
    stranger_bot = telegram.Bot("3:test", base_url=f"{sim.api_url}/bot")
    with pytest.raises(InvalidToken):
        await stranger_bot.initialize()
    await stranger_bot.shutdown()


@pytest.mark.parametrize("data", ["x" * 65, "月" * 22], ids=["ascii", "chinese"])
async def test_callback_data_fits_64_bytes(bot: telegram.Bot, chat: int, data: str) -> None:
    """More than 64 bytes behind a button are refused."""
    button = telegram.InlineKeyboardButton("Stop", callback_data=data)
    with pytest.raises(BadRequest, match=r"(?i)^button_data_invalid$"):
        await bot.send_message(chat, "x", reply_markup=telegram.InlineKeyboardMarkup.from_button(button))


async def test_drafts_go_to_people_only(sim: TelegramSimulator, bot: telegram.Bot, chat: int) -> None:
    """A draft shows in a private chat, goes when a message comes, and is refused in a group."""
    await bot.send_message_draft(chat, 7, "Let me")
    await bot.send_message(chat, "Let me see")
    assert [(frame.kind, frame.status) for frame in sim.screen.frames] == [
        ("status", "Let me"),
        ("status", ""),
        ("posted", ""),
    ]
    with pytest.raises(BadRequest, match=r"(?i)^textdraft_peer_invalid$"):
        await bot.send_message_draft(sim.add_group("Team", [chat]), 7, "Let me")


@pytest.mark.parametrize(
    ("method", "params", "description"),
    [
        ("sendMessage", {"text": "x"}, "Bad Request: chat_id is empty"),
        ("sendMessage", {"chat_id": "x", "text": "x"}, "Bad Request: chat not found"),
        ("sendMessage", {"chat_id": 1001}, "Bad Request: message text is empty"),
        (
            "sendMessage",
            {"chat_id": 1001, "text": "x", "parse_mode": "rst"},
            "Bad Request: unsupported parse_mode",
        ),
        (
            "editMessageText",
            {"chat_id": 1001, "text": "x"},
            "Bad Request: message identifier is not specified",
        ),
        ("deleteMessage", {"chat_id": 1001, "message_id": 9}, "Bad Request: message to delete not found"),
        (
            "sendChatAction",
            {"chat_id": 1001, "action": "think"},
            "Bad Request: wrong parameter action in request",
        ),
        ("getChatMember", {"chat_id": 1001, "user_id": 5}, "Bad Request: invalid user_id specified"),
        (
            "answerCallbackQuery",
            {"callback_query_id": "8"},
            "Bad Request: query is too old and response timeout expired or query ID is invalid",
        ),
    ],
)
async def test_refusals_of_raw_calls(
    sim: TelegramSimulator, chat: int, method: str, params: dict[str, Any], description: str
) -> None:
    """Calls that no SDK would make are refused with the server's words."""
    assert chat == 1001
    async with httpx.AsyncClient(base_url=sim.api_url) as client:
        reply = await client.post(f"/bot1:test/{method}", json=params)
    assert (reply.status_code, reply.json()["description"]) == (400, description)
    assert [(call.method, call.status, call.description) for call in sim.calls] == [
        (method, 400, description)
    ]
