"""Polling: confirmation, filters, waiting and rivals."""

import asyncio

import pytest
import telegram
from telegram.error import Conflict

from bots.simulator.telegram import TelegramSimulator
from bots.simulator.telegram.updates import KEPT_S, Updates
from core.domain.clock import Clock


@pytest.fixture
def chat(sim: TelegramSimulator) -> int:
    """A private chat."""
    return sim.private_chat(sim.add_person("Ann"))


async def test_updates_come_again_until_a_higher_offset_confirms_them(
    sim: TelegramSimulator, bot: telegram.Bot, chat: int
) -> None:
    """Nothing is lost before it is confirmed and nothing comes after."""
    for text in ("one", "two", "three"):
        await sim.say(chat, chat, text)
    first = await bot.get_updates()
    again = await bot.get_updates(offset=first[0].update_id)
    assert [update.update_id for update in first] == [update.update_id for update in again]
    rest = await bot.get_updates(offset=first[1].update_id + 1)
    assert [update.message.text for update in rest if update.message] == ["three"]
    await sim.say(chat, chat, "four")
    (last,) = await bot.get_updates(offset=-1)
    assert last.message is not None
    assert last.message.text == "four"


async def test_a_long_poll_ends_when_something_comes(
    sim: TelegramSimulator, bot: telegram.Bot, chat: int
) -> None:
    """A poll that waits returns at once when a person speaks, and empty when time is up."""
    poll = asyncio.create_task(bot.get_updates(timeout=50))
    await asyncio.sleep(0.05)
    assert not poll.done()
    await sim.say(chat, chat, "hello")
    assert len(await asyncio.wait_for(poll, 5)) == 1
    before = sim.clock.time()
    assert await bot.get_updates(offset=200_000_000, timeout=10) == ()
    assert sim.clock.time() - before >= 10


async def test_the_older_of_two_pollers_is_told_to_go(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """A second getUpdates ends the first with 409."""
    older = asyncio.create_task(bot.get_updates(timeout=50))
    await asyncio.sleep(0.05)
    newer = asyncio.create_task(bot.get_updates(timeout=3))
    with pytest.raises(Conflict, match="terminated by other getUpdates request; make sure that only one"):
        await older
    assert await newer == ()


async def test_allowed_updates_are_remembered(sim: TelegramSimulator, bot: telegram.Bot, chat: int) -> None:
    """Kinds not asked for are dropped, an omitted list keeps the last one, an empty one resets it."""
    await bot.get_updates(allowed_updates=["message"])
    said = await sim.say(chat, chat, "one")
    await sim.edit(chat, said, "two")
    assert [update.edited_message for update in await bot.get_updates()] == [None]
    await bot.get_updates(allowed_updates=[])
    await sim.edit(chat, said, "three")
    (update,) = await bot.get_updates(offset=-1)
    assert update.edited_message is not None
    assert update.edited_message.text == "three"


async def test_updates_are_kept_for_a_day(clock: Clock) -> None:
    """An update older than 24 hours is gone."""
    updates = Updates(clock)
    updates.push("message", "1", {})
    assert len(updates.fresh()) == 1
    await clock.sleep(KEPT_S * 1.01)
    assert updates.fresh() == []
