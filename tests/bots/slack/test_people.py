"""People's names are looked up once, and a failure is not asked for again at once."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest

from bots.simulator.slack import SlackSimulator
from bots.slack.credentials import SlackConfig, build_client
from bots.slack.people import PROFILE_TTL_S, ProfileCache
from core.concurrency.ttl_cache import FAILURE_TTL_S


@dataclass(slots=True)
class HandClock:
    """A clock that tests turn."""

    now: float = 0.0

    def time(self) -> float:
        """Return the present."""
        return self.now

    async def sleep(self, delay_s: float) -> None:
        """Let time pass at once."""
        self.now += delay_s


@pytest.fixture
def clock() -> HandClock:
    """Return a clock that stands."""
    return HandClock()


@pytest.fixture
async def people(slack: SlackSimulator, config: SlackConfig, clock: HandClock) -> AsyncIterator[ProfileCache]:
    """Return an empty directory of the stand-in's people."""
    async with aiohttp.ClientSession() as session:
        directory = ProfileCache(build_client(config, session), clock)
        yield directory
        await directory.close()


async def test_a_name_is_asked_for_once(slack: SlackSimulator, people: ProfileCache) -> None:
    """Ten questions for the same person, some at once, are one call."""
    ada = slack.add_person("Ada")
    for _ in range(5):
        found = await people.get_profiles([ada, ada], timeout_s=5)
        assert found[ada].name == "Ada"
        assert (await people.get_profile(ada)).name == "Ada"
    assert len(slack.calls) == 1


async def test_a_name_grows_old(slack: SlackSimulator, people: ProfileCache, clock: HandClock) -> None:
    """After some hours a person is asked for anew."""
    ada = slack.add_person("Ada")
    await people.get_profile(ada)
    clock.now += PROFILE_TTL_S + 1
    await people.get_profile(ada)
    assert len(slack.calls) == 2


async def test_an_unknown_person_keeps_the_id(
    slack: SlackSimulator, people: ProfileCache, clock: HandClock
) -> None:
    """A failed lookup gives the id, and is tried again only after a while."""
    assert (await people.get_profile("U404")).name == "U404"
    assert (await people.get_profile("U404")).name == "U404"
    assert len(slack.calls) == 1
    clock.now += FAILURE_TTL_S + 1
    await people.get_profile("U404")
    assert len(slack.calls) == 2


async def test_no_more_people_are_kept_than_fit(
    slack: SlackSimulator, config: SlackConfig, clock: HandClock
) -> None:
    """The profile that was not read for the longest time is evicted first."""
    async with aiohttp.ClientSession() as session:
        people = ProfileCache(build_client(config, session), clock, capacity=2)
        ada, bob, eve = (slack.add_person(name) for name in ("Ada", "Bob", "Eve"))
        for one in (ada, bob, ada, eve, ada):
            await people.get_profile(one)
        assert len(slack.calls) == 3
        await people.get_profile(bob)
        assert len(slack.calls) == 4


async def test_a_slow_lookup_goes_on_by_itself(slack: SlackSimulator, people: ProfileCache) -> None:
    """What did not come in time is there for the next question."""
    ada = slack.add_person("Ada")
    slack.faults.next("users.info", "stall", 0.2)
    assert await people.get_profiles([ada], timeout_s=0.01) == {}
    assert (await people.get_profile(ada)).name == "Ada"
    assert len(slack.calls) == 1
