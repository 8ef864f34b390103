"""Restarts a way in that says it is open and on which nothing is heard any more.

The SDKs look after their connections themselves. This is for what they miss: a socket that is open
on our side alone, a poll that never returns, a monitor that died.
"""

import asyncio
from collections.abc import Collection

import structlog

from bots.observability import metrics as m
from bots.observability.metrics import Metrics
from bots.platform_adapter import EventConnection, Platform
from core.domain.clock import Clock

log = structlog.get_logger(__name__)

CHECK_INTERVAL_S = 5.0  #: how often it looks
RESTART_TIMEOUT_S = 30.0


class Watchdog:
    """Looks at the ways in of one replica."""

    def __init__(self, platforms: Collection[Platform], metrics: Metrics, clock: Clock) -> None:
        self._platforms, self._metrics, self._clock = platforms, metrics, clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="watchdog")

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(CHECK_INTERVAL_S)
            for platform in self._platforms:
                if isinstance(platform, EventConnection):
                    await self._check(platform.name, platform)

    async def _check(self, name: str, connection: EventConnection) -> None:
        silent_s = connection.silence_s()
        if silent_s is None or silent_s <= connection.max_silence_s:
            return
        log.error("watchdog.connection_silent", platform=name, silent_s=round(silent_s, 1))
        self._metrics.increment(m.WATCHDOG_RESTARTS, name)
        try:
            async with asyncio.timeout(RESTART_TIMEOUT_S):
                await connection.restart()
        except Exception:  # the boundary of a task: it is looked at again
            log.exception("watchdog.restart_failed", platform=name)
        else:
            log.warning("watchdog.connection_restarted", platform=name)
