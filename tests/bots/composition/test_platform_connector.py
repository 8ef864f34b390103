"""Connecting platforms, some of which cannot be reached at the start; on virtual time."""

import asyncio
from typing import Any, cast

import pytest

from bots.composition.platform_connector import PlatformConnector
from bots.platform_adapter import Platform
from core.domain.clock import Clock
from core.domain.errors import PlatformUnavailable, SettingsError

pytestmark = pytest.mark.virtual_time


class FakePlatform:
    """A platform whose calls to connect end in ``failures``, one after the other, then succeed."""

    def __init__(self, name: str, *failures: Exception) -> None:
        self.name = name
        self.failures = list(failures)
        self.connected_at: float | None = None

    async def connect(self) -> None:
        """Fail while failures are left."""
        if self.failures:
            raise self.failures.pop(0)
        self.connected_at = asyncio.get_running_loop().time()


def down() -> PlatformUnavailable:
    """Return the error of a platform that cannot be reached."""
    return PlatformUnavailable("no route to host")


def connector(clock: Clock, *platforms: FakePlatform) -> PlatformConnector:
    """Return a connector of these platforms."""
    return PlatformConnector(cast("Any", platforms), clock)


async def test_one_platform_out_of_reach_lets_the_others_serve(loop_clock: Clock) -> None:
    """The start goes on; the state names the platform until it is reached, 5 s and then 10 s later."""
    slack, telegram = FakePlatform("slack", down(), down()), FakePlatform("telegram")
    connecting, started = connector(loop_clock, slack, telegram), asyncio.Queue[str]()

    async def start(platform: Platform) -> None:
        started.put_nowait(platform.name)

    await connecting.connect()
    assert (connecting.state_of("slack"), connecting.state_of("telegram")) == ("unreachable", "")
    assert telegram.connected_at == 0.0

    connecting.retry_in_background(start)
    assert await started.get() == "slack"
    assert slack.connected_at == 15.0
    assert connecting.state_of("slack") == ""
    await connecting.close()


async def test_no_platform_in_reach_ends_the_start(loop_clock: Clock) -> None:
    """A process that can serve nobody says so and ends; its supervisor starts it again."""
    with pytest.raises(PlatformUnavailable, match="no route to host"):
        await connector(loop_clock, FakePlatform("slack", down()), FakePlatform("telegram", down())).connect()


async def test_a_refused_token_ends_the_start(loop_clock: Clock) -> None:
    """A wrong token is a fault of the settings, also if another platform works."""
    refused = SettingsError(["SLACK_BOT_TOKEN was refused"])
    with pytest.raises(SettingsError, match="was refused"):
        await connector(loop_clock, FakePlatform("telegram"), FakePlatform("slack", refused)).connect()


async def test_a_token_that_is_refused_later_is_named_and_not_tried_again(loop_clock: Clock) -> None:
    """After an outage the platform refuses the token: the state says so, and the others go on."""
    slack = FakePlatform("slack", down(), SettingsError(["revoked"]), SettingsError(["never asked"]))
    connecting = connector(loop_clock, slack, FakePlatform("telegram"))

    async def start(platform: Platform) -> None:
        raise AssertionError(platform.name)

    await connecting.connect()
    connecting.retry_in_background(start)
    await loop_clock.sleep(600.0)

    assert connecting.state_of("slack") == "refused"
    assert len(slack.failures) == 1
    await connecting.close()


async def test_close_ends_the_attempts(loop_clock: Clock) -> None:
    """A process that stops connects nothing any more."""
    slack = FakePlatform("slack", down())
    connecting = connector(loop_clock, slack, FakePlatform("telegram"))

    async def start(platform: Platform) -> None:
        raise AssertionError(platform.name)

    await connecting.connect()
    connecting.retry_in_background(start)
    await connecting.close()
    await loop_clock.sleep(600.0)

    assert slack.connected_at is None
