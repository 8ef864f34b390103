"""Faults that a test orders."""

import asyncio
from datetime import timedelta

import httpx
import pytest
import telegram
from telegram.error import NetworkError, RetryAfter, TimedOut

from bots.simulator.telegram import TelegramSimulator


@pytest.fixture
def chat(sim: TelegramSimulator) -> int:
    """A private chat."""
    return sim.private_chat(sim.add_person("Ann"))


async def test_a_502_is_a_web_page_without_effect(
    sim: TelegramSimulator, bot: telegram.Bot, chat: int
) -> None:
    """The proxy's HTML arrives as a network error, nothing is shown, and the next call passes."""
    sim.faults.next("sendMessage", "502")
    with pytest.raises(NetworkError, match="Bad Gateway"):
        await bot.send_message(chat, "one")
    assert sim.screen.messages == {}
    await bot.send_message(chat, "two")
    assert [shown.text for shown in sim.screen.in_channel(str(chat))] == ["two"]


async def test_a_reset_has_no_effect_and_a_lost_reply_has_one(
    sim: TelegramSimulator, bot: telegram.Bot, chat: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Both look the same to the caller; only the lost reply left a message behind."""
    sim.faults.next("sendMessage", "reset")
    sim.faults.next("sendMessage", "lost_reply")
    with pytest.raises(NetworkError):
        await bot.send_message(chat, "one")
    assert sim.screen.messages == {}
    with pytest.raises(NetworkError):
        await bot.send_message(chat, "two")
    assert [shown.text for shown in sim.screen.in_channel(str(chat))] == ["two"]
    assert [record for record in caplog.records if record.name.startswith("uvicorn")] == []


async def test_a_stalled_call_takes_effect_after_its_caller_gave_up(
    sim: TelegramSimulator, bot: telegram.Bot, chat: int
) -> None:
    """A call that times out at the caller may still be shown later."""
    sim.faults.next("sendMessage", "stall", seconds=15)
    with pytest.raises(TimedOut):
        await bot.send_message(chat, "late", read_timeout=0.1)
    assert sim.screen.messages == {}
    await sim.clock.sleep(15)
    assert [shown.text for shown in sim.screen.in_channel(str(chat))] == ["late"]


async def test_a_fault_waits_for_the_call_it_is_meant_for(
    sim: TelegramSimulator, bot: telegram.Bot, chat: int
) -> None:
    """Only the call whose method and params match goes wrong, and only as often as asked."""
    sim.faults.next("sendMessage", "429", seconds=7, when=lambda params: "moon" in params["text"])
    await bot.send_message(chat, "sun")
    with pytest.raises(RetryAfter) as refused:
        await bot.send_message(chat, "moon")
    assert refused.value.retry_after == timedelta(seconds=7)
    await bot.send_message(chat, "moon")


async def test_latency_passes_on_the_clock(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """Every call takes at least the latency."""
    sim.latency_s = 5
    before = sim.clock.time()
    await bot.get_me()
    assert sim.clock.time() - before >= 5


async def test_the_stand_in_stops_while_calls_hang(sim: TelegramSimulator) -> None:
    """Open polls and stalled calls do not hold up the end."""
    sim.faults.next("getMe", "stall", seconds=1e6)
    async with httpx.AsyncClient(base_url=sim.api_url) as client:
        calls = [
            asyncio.create_task(client.get("/bot1:test/getMe")),
            asyncio.create_task(client.get("/bot1:test/getUpdates?timeout=50")),
        ]
        await asyncio.sleep(0.1)
        await asyncio.wait_for(sim.__aexit__(None, None, None), 3)
        replies = await asyncio.gather(*calls)
    assert [reply.status_code for reply in replies] == [200, 200]
