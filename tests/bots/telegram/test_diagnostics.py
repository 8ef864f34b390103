"""What the check tells about Telegram."""

from bots.simulator.telegram import TelegramSimulator
from bots.telegram.credentials import TelegramConfig, build_bot
from bots.telegram.diagnostics import run_checks


def config(telegram: TelegramSimulator, **more: str) -> TelegramConfig:
    """Configure the stand-in's first bot."""
    return TelegramConfig(**{"token": "1:test", "api_url": telegram.api_url, **more})  # type: ignore[arg-type]


async def test_a_sound_bot_is_named_with_its_privacy_mode(telegram: TelegramSimulator) -> None:
    """The bot's name, and what privacy mode means for its groups, with the way to change it."""
    name, privacy = await run_checks(config(telegram))
    assert (name.level, privacy.level) == ("ok", "ok")
    assert "@moonthread_bot" in name.summary
    assert "privacy mode is on" in privacy.summary
    assert "/setprivacy" in privacy.advice
    telegram.add_bot("2:test", "open_bot", "Open", can_read_all_group_messages=True)
    assert "privacy mode is off" in (await run_checks(config(telegram, token="2:test")))[1].summary


async def test_a_refused_token_is_a_fault_that_hides_it(telegram: TelegramSimulator) -> None:
    """Unknown and malformed tokens are faults with advice, and are not repeated."""
    for token in ("77:wrong", "77 wrong"):
        [finding] = await run_checks(config(telegram, token=token))
        assert finding.level == "fault"
        assert "@BotFather" in finding.advice
        assert token not in repr(finding)


async def test_an_unreachable_telegram_is_a_fault() -> None:
    """Where nobody answers the address is named."""
    [finding] = await run_checks(TelegramConfig(token="1:test", api_url="http://127.0.0.1:9"))
    assert finding.level == "fault"
    assert "http://127.0.0.1:9" in finding.summary


async def test_a_webhook_that_polling_would_take_away(telegram: TelegramSimulator) -> None:
    """A webhook of somebody else's is pointed out, for polling and for a webhook of our own."""
    bot = build_bot(config(telegram))
    async with bot:
        await bot.set_webhook("http://127.0.0.1:9/other")
    polled = await run_checks(config(telegram))
    assert [finding.level for finding in polled] == ["ok", "ok", "warning"]
    assert "webhook is set" in polled[2].summary
    hooked = await run_checks(config(telegram, public_url="http://127.0.0.1:9"))
    assert "another address" in hooked[2].summary


async def test_a_desk_needs_topics_and_the_right_to_open_them(telegram: TelegramSimulator) -> None:
    """Each step that is missing is named, one after the other."""
    bo = telegram.add_person("Bo")
    plain, forum = telegram.add_group("Plain", [bo]), telegram.add_group("Desk", [bo], forum=True)

    async def told(chat: int) -> tuple[str, str]:
        found = (await run_checks(config(telegram), desk_channel=str(chat)))[-1]
        return found.level, found.summary + found.advice

    for chat, words in ((-1, "add the bot"), (plain, "no topics"), (forum, "Manage topics")):
        level, said = await told(chat)
        assert (level, words in said) == ("fault", True)
    telegram.promote_bot(forum)
    assert await told(forum) == ("ok", 'Telegram: the desk is "Desk"')
