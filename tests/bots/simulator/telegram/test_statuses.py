"""What is shown while the bot works."""

import asyncio
from typing import Any

import telegram

from bots.simulator.telegram import TelegramSimulator


async def test_typing_fades_after_five_seconds_or_with_a_message(
    sim: TelegramSimulator, bot: telegram.Bot, still_clock: Any
) -> None:
    """A status that is renewed stays, one that is not goes, and a message takes it away."""
    chat = sim.private_chat(sim.add_person("Ann"))

    def statuses() -> list[tuple[float, str]]:
        return [(frame.at, frame.status) for frame in sim.screen.frames if frame.kind == "status"]

    with sim.screen.watching() as frames:
        await bot.send_chat_action(chat, "typing")
        await still_clock.move(4)
        await bot.send_chat_action(chat, "typing")
        await still_clock.move(4)
        await still_clock.move(1)
        async with asyncio.timeout(5):
            while (await frames.get()).status:
                pass
    assert statuses() == [(0, "typing"), (4, "typing"), (9, "")]
    await bot.send_chat_action(chat, "typing")
    await bot.send_message(chat, "here")
    assert statuses()[3:] == [(9, "typing"), (9, "")]
