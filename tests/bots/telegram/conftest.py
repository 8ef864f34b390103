"""A local Telegram on virtual time, and our app and surface against it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from bots.simulator.telegram import TelegramSimulator
from bots.telegram.app import TelegramApp
from bots.telegram.credentials import TelegramConfig
from tests.virtual_time import LoopClock, VirtualLoop


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run these tests on virtual time, real sockets or not."""
    return {"virtual": VirtualLoop}


@pytest.fixture
def clock(loop_clock: LoopClock) -> LoopClock:
    """Return the clock that the service and its stand-in share: the test's own event loop, which jumps."""
    return loop_clock


@pytest.fixture
async def telegram(clock: LoopClock) -> AsyncIterator[TelegramSimulator]:
    """Run the stand-in."""
    async with TelegramSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def make_app(
    telegram: TelegramSimulator, clock: LoopClock
) -> AsyncIterator[Callable[..., TelegramApp]]:
    """Make apps against the stand-in, with further fields of TelegramConfig, and close them."""
    apps: list[TelegramApp] = []

    def make(**config: object) -> TelegramApp:
        given = {"token": "1:test", "api_url": telegram.api_url, **config}
        app = TelegramApp(TelegramConfig(**given), clock=clock)  # type: ignore[arg-type]
        apps.append(app)
        return app

    yield make
    for app in apps:
        await app.close()
