"""The stand-in's rich messages: limits, and how they read."""

import pytest
import telegram
from telegram.error import BadRequest, EndPointNotFound

from bots.simulator.telegram import TelegramSimulator
from bots.simulator.telegram.errors import ApiError
from bots.simulator.telegram.rich import checked_rich, text_of


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (None, "exactly one"),
        ({}, "exactly one"),
        ({"markdown": "a", "html": "a"}, "exactly one"),
        ({"markdown": " \n"}, "empty"),
        ({"markdown": "<unknown>\n"}, "empty"),
        ({"markdown": "a" * 32_769}, "TOO_LONG"),
        ({"markdown": "a\n\n" * 501}, "TOO_MANY_BLOCKS"),
        ({"markdown": "- a\n" * 251}, "TOO_MANY_BLOCKS"),
        ({"markdown": "> " * 17 + "a"}, "TOO_DEEP"),
        ({"markdown": "|" + "a|" * 21 + "\n|" + "-|" * 21}, "TOO_WIDE"),
        ({"markdown": "![a](https://a.b/c.png)"}, "MEDIA"),
    ],
)
def test_what_is_over_a_limit_is_refused(raw: object, refusal: str) -> None:
    """Each limit has its own refusal."""
    with pytest.raises(ApiError, match=refusal):
        checked_rich(raw)


def test_what_is_on_a_limit_is_taken() -> None:
    """500 blocks, 16 levels and 20 columns pass."""
    assert len(checked_rich({"markdown": "a\n\n" * 500})) == 500
    assert len(checked_rich({"markdown": "> " * 15 + "a"})) == 1
    assert len(checked_rich({"markdown": "|" + "a|" * 20 + "\n|" + "-|" * 20})) == 1


def test_it_reads_as_telegram_reads_it() -> None:
    """A lone line end is a space, an unknown tag vanishes, and a task has its box."""
    blocks = checked_rich({"markdown": "one\ntwo <think> three\n\n- [x] done"})
    assert text_of(blocks) == "one two  three\n• ☑ done"


async def test_a_rich_message_is_sent_and_edited(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """Blocks come back to the bot, the screen shows their text, and the same again is not modified."""
    chat = sim.private_chat(sim.add_person("Ann"))
    rich = {"markdown": "# One"}
    sent = await bot.do_api_request(
        "sendRichMessage", {"chat_id": chat, "rich_message": rich}, return_type=telegram.Message
    )
    assert sent.text is None
    assert [block["type"] for block in sent.api_kwargs["rich_message"]["blocks"]] == ["heading"]
    assert [shown.text for shown in sim.screen.in_channel(str(chat))] == ["One"]
    with pytest.raises(BadRequest, match="not modified"):
        await bot.edit_message_text(
            None,
            chat,
            sent.message_id,
            api_kwargs={"rich_message": rich},  # type: ignore[arg-type]
        )
    await bot.edit_message_text("plain", chat, sent.message_id)
    assert [(shown.text, shown.blocks) for shown in sim.screen.in_channel(str(chat))] == [("plain", ())]


async def test_an_older_server_knows_none(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """The method is not found, and the parameter is ignored, so that the text is missed."""
    chat = sim.private_chat(sim.add_person("Ann"))
    sim.rich_available = False
    rich = {"markdown": "# One"}
    with pytest.raises(EndPointNotFound):
        await bot.do_api_request("sendRichMessage", {"chat_id": chat, "rich_message": rich})
    sent = await bot.send_message(chat, "words")
    with pytest.raises(BadRequest, match="text is empty"):
        await bot.edit_message_text(
            None,
            chat,
            sent.message_id,
            api_kwargs={"rich_message": rich},  # type: ignore[arg-type]
        )
