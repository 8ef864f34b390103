"""A whole python-telegram-bot application on the stand-in."""

import asyncio
from typing import Any

import telegram
from telegram.ext import ApplicationBuilder, MessageHandler, filters
from telegram.request import HTTPXRequest

from bots.simulator.telegram import TelegramSimulator


async def test_an_ordinary_bot_polls_and_answers(sim: TelegramSimulator) -> None:
    """The library's own updater, handlers and shutdown need nothing that the stand-in lacks."""
    ann = sim.add_person("Ann")

    async def echo(update: telegram.Update, _context: Any) -> None:
        assert update.effective_message is not None
        await update.effective_message.reply_text(update.effective_message.text or "")

    pollers = HTTPXRequest(connection_pool_size=2, read_timeout=5)
    builder = ApplicationBuilder().token("1:test").base_url(f"{sim.api_url}/bot")
    app = builder.get_updates_request(pollers).build()
    app.add_handler(MessageHandler(filters.TEXT, echo))
    with sim.screen.watching() as frames:
        async with app:
            await app.start()
            assert app.updater is not None
            await app.updater.start_polling()
            await sim.say(ann, ann, "hello")
            async with asyncio.timeout(5):
                while not (await frames.get()).message.by_bot:
                    pass
            await app.updater.stop()
            await app.stop()
    assert [shown.text for shown in sim.screen.in_channel(str(ann))] == ["hello", "hello"]
    # on stop the library leaves one long poll behind, which its last getUpdates then ends with 409
    assert {call.status for call in sim.calls if call.method != "getUpdates"} == {200}
    assert sim.calls[-1].params["offset"] > 1
