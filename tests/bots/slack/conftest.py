"""The service's Slack adapter against the stand-in, through the real SDKs, on virtual time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

import pytest

from bots.simulator.slack import Limits, SlackSimulator
from bots.slack.app import SlackConfig
from core.domain.errors import StoreUnavailable
from core.domain.events import Event
from tests.virtual_time import LoopClock, VirtualLoop


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run these tests on virtual time, real sockets or not."""
    return {"virtual": VirtualLoop}


@dataclass(slots=True)
class Inbox:
    """An :class:`core.ports.platform.EventSink` in memory, which can fail and can be slow."""

    taken: list[Event] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    failures: int = 0  #: so many further calls find no store
    gate: asyncio.Event | None = None  #: calls wait for it
    calls: int = 0
    called: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, event: Event) -> bool:
        """Keep an event unless it is known."""
        self.calls += 1
        self.called.set()
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
async def slack(loop_clock: LoopClock) -> AsyncIterator[SlackSimulator]:
    """Serve a stand-in that is quick to deliver again."""
    limits = Limits(ack_within_s=2.0, retries_after_s=(0.0, 0.5, 1.0))
    async with SlackSimulator(clock=loop_clock, limits=limits) as simulator:
        yield simulator


@pytest.fixture
def config(slack: SlackSimulator) -> SlackConfig:
    """Return the credentials for Socket Mode."""
    return SlackConfig(bot_token=slack.bot_token, app_token=slack.app_token, api_url=slack.api_url)
