"""A stand-in for Telegram on a fast clock, and a real python-telegram-bot client for it."""

from collections.abc import AsyncIterator

import pytest
import telegram
from telegram.request import HTTPXRequest

from bots.simulator.telegram import TelegramSimulator
from core.clock import ScaledClock


@pytest.fixture
async def sim() -> AsyncIterator[TelegramSimulator]:
    """A stand-in whose seconds take 20 ms."""
    async with TelegramSimulator(clock=ScaledClock(50)) as simulator:
        yield simulator


@pytest.fixture
async def bot(sim: TelegramSimulator) -> AsyncIterator[telegram.Bot]:
    """The default bot, logged in."""
    client = telegram.Bot(
        "1:test",
        base_url=f"{sim.api_url}/bot",
        base_file_url=f"{sim.api_url}/file/bot",
        request=HTTPXRequest(connection_pool_size=20, read_timeout=5),
        get_updates_request=HTTPXRequest(connection_pool_size=5, read_timeout=5),
    )
    async with client:
        yield client
