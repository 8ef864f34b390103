"""A local Telegram whose clock runs forty times as fast, and our app and surface against it."""

from collections.abc import AsyncIterator, Callable

import pytest

from bots.simulator.telegram import TelegramSimulator
from bots.telegram.app import TelegramApp
from bots.telegram.credentials import TelegramConfig
from core.domain.clock import ScaledClock


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> ScaledClock:
    """Return the clock that the service and its stand-in share; its speed may be an indirect parameter."""
    return ScaledClock(getattr(request, "param", 40))


@pytest.fixture
async def telegram(clock: ScaledClock) -> AsyncIterator[TelegramSimulator]:
    """Run the stand-in."""
    async with TelegramSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def make_app(
    telegram: TelegramSimulator, clock: ScaledClock
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
