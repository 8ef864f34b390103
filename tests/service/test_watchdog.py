"""The watchdog: a way in that is open and dead is opened anew, and people notice nothing."""

import asyncio
from typing import Any

import pytest
import structlog

from bots.observability import metrics as m
from bots.slack import socket_mode

HEAL_S = 200.0


async def restarts(world: Any, count: int) -> None:
    """Wait until the watchdog has restarted so often."""

    def counted() -> bool:
        return bool(
            world.service.components.base.metrics.value(m.WATCHDOG_RESTARTS.name, platform=world.name)
            == count
        )

    await world.until(counted, f"the watchdog restarted {count} times", HEAL_S)


@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_poll_that_never_returns(world: Any) -> None:
    """It is given up; the next poll brings what was said meanwhile, once."""
    with structlog.testing.capture_logs() as lines:
        await world.start()
        (app,) = world.service.platforms.values()
        app.max_silence_s = 40.0  # an idle poll is held for 30 s
        room = world.direct("Ann")
        await room.ask("First?")
        await room.shows("Hello there.")
        world.sim.faults.next("getUpdates", "stall", seconds=1e5)
        await room.ask("Ends the poll under way.")
        await world.done(2)
        await room.ask("Said into the silence.")
        await restarts(world, 1)
        assert await world.done(3) == ["complete"] * 3
    told = [line for line in lines if line["event"].startswith("watchdog.")]
    assert [(line["event"], line["platform"]) for line in told] == [
        ("watchdog.connection_silent", "telegram"),
        ("watchdog.connection_restarted", "telegram"),
    ]
    assert told[0]["silence_s"] >= 40.0
    await world.clock.sleep(60.0)
    await restarts(world, 1)  # idle polls are no silence


@pytest.mark.parametrize("platform", ["slack"])
async def test_a_socket_that_is_open_and_dead(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the SDK's own monitor has died too, the socket is replaced; nothing said is lost."""
    monkeypatch.setattr(socket_mode, "PING_INTERVAL_S", 0.5)
    with structlog.testing.capture_logs() as lines:
        await world.start()
        (app,) = world.service.platforms.values()
        app.max_silence_s = 3.0
        room = world.direct("Ann")
        await room.ask("First?")
        await room.shows("Hello there.")
        await asyncio.sleep(4.0)
        await restarts(world, 0)  # pings are answered: an idle socket is not silent
        app._socket_mode._connection._client.current_session_monitor.cancel()
        world.sim.freeze_sockets()
        speaking = asyncio.create_task(room.ask("Said into the silence."))
        await restarts(world, 1)
        await speaking
        assert await world.done(2) == ["complete"] * 2
        async with asyncio.timeout(HEAL_S):
            while not await app.is_connected():  # noqa: ASYNC110  (the socket tells nobody)
                await asyncio.sleep(0.1)
        world.sim.freeze_sockets(frozen=False)
    told = [line for line in lines if line["event"].startswith("watchdog.")]
    silences = ["watchdog.connection_silent", "watchdog.connection_restarted"]
    assert [line["event"] for line in told][:2] == silences  # a busy machine may see another one
