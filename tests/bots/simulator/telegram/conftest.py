"""A stand-in for Telegram on virtual time, and a real python-telegram-bot client for it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import telegram
from telegram.request import HTTPXRequest

from bots.simulator.telegram import TelegramSimulator
from core.domain.clock import Clock
from tests.virtual_time import LoopClock, VirtualLoop


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run these tests on virtual time, real sockets or not."""
    return {"virtual": VirtualLoop}


class StillClock:
    """A clock that a test moves by hand; nobody who sleeps on it wakes before."""

    def __init__(self) -> None:
        self._now = 0.0
        self._moved = asyncio.Condition()

    def time(self) -> float:
        """Return what the test has set."""
        return self._now

    async def sleep(self, delay_s: float) -> None:
        """Wait until the test has moved the clock far enough."""
        until = self._now + delay_s
        async with self._moved:
            await self._moved.wait_for(lambda: self._now >= until)

    async def move(self, seconds: float) -> None:
        """Let time pass."""
        async with self._moved:
            self._now += seconds
            self._moved.notify_all()


@pytest.fixture(autouse=True)
def ptb_timedelta(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let python-telegram-bot give durations as timedelta, which it asks for with a warning."""
    monkeypatch.setenv("PTB_TIMEDELTA", "1")


@pytest.fixture
def clock(request: pytest.FixtureRequest, loop_clock: LoopClock) -> Clock:
    """The test's own event loop, which jumps; or a still one where the test asks for it."""
    return StillClock() if "still_clock" in request.fixturenames else loop_clock


@pytest.fixture
def still_clock(clock: Clock) -> StillClock:
    """The clock, standing still until moved."""
    assert isinstance(clock, StillClock)
    return clock


@pytest.fixture
async def sim(clock: Clock) -> AsyncIterator[TelegramSimulator]:
    """A stand-in on that clock."""
    async with TelegramSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def bot(sim: TelegramSimulator) -> AsyncIterator[telegram.Bot]:
    """The default bot, logged in."""
    plain = {"verify": False}  # no certificates are read for plain http
    client = telegram.Bot(
        "1:test",
        base_url=f"{sim.api_url}/bot",
        base_file_url=f"{sim.api_url}/file/bot",
        request=HTTPXRequest(connection_pool_size=20, read_timeout=100, httpx_kwargs=plain),
        get_updates_request=HTTPXRequest(connection_pool_size=5, read_timeout=100, httpx_kwargs=plain),
    )
    async with client:
        yield client
