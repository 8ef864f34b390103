"""The service's Slack adapter against the stand-in, through the real SDKs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest

from bots.simulator.slack import SlackSimulator
from bots.slack.app import SlackApp, SlackConfig
from core.clock import SystemClock
from core.errors import StoreUnavailable
from core.model import Event


@dataclass(slots=True)
class Inbox:
    """An :class:`core.ports.Ingest` in memory, which can fail and can be slow."""

    taken: list[Event] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    failures: int = 0  #: so many further calls find no store
    gate: asyncio.Event | None = None  #: calls wait for it
    calls: int = 0

    async def __call__(self, event: Event) -> bool:
        """Keep an event unless it is known."""
        self.calls += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable("no database")
        if event.delivery_id in self.seen:
            return False
        self.seen.add(event.delivery_id)
        self.taken.append(event)
        return True


@pytest.fixture
def inbox() -> Inbox:
    """Return an empty inbox."""
    return Inbox()


@pytest.fixture
async def slack() -> AsyncIterator[SlackSimulator]:
    """Serve a stand-in at the machine's pace."""
    async with SlackSimulator() as simulator:
        yield simulator


@pytest.fixture
def config(slack: SlackSimulator) -> SlackConfig:
    """Return the credentials for Socket Mode."""
    return SlackConfig(bot_token=slack.bot_token, app_token=slack.app_token, api_url=slack.api_url)


@pytest.fixture
async def app(slack: SlackSimulator, config: SlackConfig, inbox: Inbox) -> AsyncIterator[SlackApp]:
    """Return the platform, connected and taking events over Socket Mode."""
    platform = SlackApp(config, clock=SystemClock())
    await platform.connect()
    await platform.start(inbox)
    await slack.connected()
    yield platform
    await platform.close()


@pytest.fixture
def until() -> "Callable[[Callable[[], bool]], object]":
    """Return a function that waits until a condition holds."""

    async def wait(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.005)

    return wait
