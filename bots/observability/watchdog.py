"""Restarts a platform connection that is open but has been silent for too long.

The SDKs replace their own connections. The watchdog covers what they miss: a socket that is open on
our side only, a poll that never returns, a keep-alive task that died.
"""

import asyncio
from collections.abc import Collection
from typing import Final

import structlog

from bots.observability import metrics as m
from bots.observability.metrics_registry import Metrics
from bots.platform_adapter import EventConnection, Platform
from core.domain.clock import Clock

log = structlog.get_logger(__name__)

CHECK_INTERVAL_S: Final = 5.0
RESTART_TIMEOUT_S: Final = 30.0


class Watchdog:
    """Checks the connections of one replica every :data:`CHECK_INTERVAL_S` seconds."""

    def __init__(self, platforms: Collection[Platform], metrics: Metrics, clock: Clock) -> None:
        self._platforms, self._metrics, self._clock = platforms, metrics, clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to check."""
        self._task = asyncio.create_task(self._run(), name="watchdog")

    async def close(self) -> None:
        """Stop checking."""
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
        """Restart the connection if it has been silent for longer than it may be."""
        silence_s = connection.silence_s()
        if silence_s is None or silence_s <= connection.max_silence_s:
            return
        log.error("watchdog.connection_silent", platform=name, silence_s=round(silence_s, 1))
        self._metrics.increment(m.WATCHDOG_RESTARTS, name)
        try:
            async with asyncio.timeout(RESTART_TIMEOUT_S):
                await connection.restart()
        except Exception:  # a task's boundary: the next check tries again
            log.exception("watchdog.restart_failed", platform=name)
        else:
            log.warning("watchdog.connection_restarted", platform=name)
