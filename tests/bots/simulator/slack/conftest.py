"""The stand-in with a clock that tests turn by hand, two people and a real SDK client."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bots.simulator.slack import SlackSimulator


@dataclass(slots=True)
class HandClock:
    """A clock that stands until a test turns it."""

    now: float = 1000.0
    sleepers: list[tuple[float, asyncio.Event]] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    def time(self) -> float:
        """Return the present."""
        return self.now

    async def sleep(self, delay_s: float) -> None:
        """Wait until the clock was turned far enough."""
        event = asyncio.Event()
        self.sleepers.append((self.now + delay_s, event))
        self.more.set()
        await event.wait()

    async def asked(self, delay_s: float) -> None:
        """Wait until somebody sleeps for ``delay_s`` from now."""
        while self.now + delay_s not in [due for due, _ in self.sleepers]:
            self.more.clear()
            await asyncio.wait_for(self.more.wait(), timeout=100)

    async def advance(self, seconds: float) -> None:
        """Turn the clock and let what was waiting go on."""
        self.now += seconds
        due = [one for one in self.sleepers if one[0] <= self.now]
        self.sleepers = [one for one in self.sleepers if one[0] > self.now]
        for _, event in due:
            event.set()
        for _ in range(10):
            await asyncio.sleep(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A channel with two people, one of whom has just mentioned the bot."""

    channel: str
    ada: str
    bob: str
    root: str  #: ts of the mention


@pytest.fixture
def clock() -> HandClock:
    """Return a clock that stands."""
    return HandClock()


@pytest.fixture
async def slack(clock: HandClock) -> AsyncIterator[SlackSimulator]:
    """Serve a stand-in on the hand clock."""
    async with SlackSimulator(clock=clock) as simulator:
        yield simulator


@pytest.fixture
async def office(slack: SlackSimulator) -> Office:
    """Fill the workspace."""
    ada, bob = slack.add_person("Ada"), slack.add_person("Bob")
    channel = slack.add_channel("general", [ada, bob])
    root = await slack.say(channel, ada, f"<@{slack.bot_user}> what is a stack?")
    return Office(channel=channel, ada=ada, bob=bob, root=root)


@pytest.fixture
def web(slack: SlackSimulator) -> AsyncWebClient:
    """Return the real SDK's client of the bot."""
    return AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)


@pytest.fixture
def refusal() -> Callable[[Awaitable[Any]], Awaitable[str]]:
    """Return a function that awaits a call which must be refused and returns Slack's error code."""

    async def code_of(call: Awaitable[Any]) -> str:
        with pytest.raises(SlackApiError) as caught:
            await call
        return str(caught.value.response["error"])

    return code_of
