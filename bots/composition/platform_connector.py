"""Connects the platforms of a process; one that cannot be reached does not keep the others from serving."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import structlog

from bots.platform_adapter import Platform
from core.domain.clock import Clock
from core.domain.errors import PlatformUnavailable, SettingsError

log = structlog.get_logger(__name__)

RETRY_INITIAL_S: Final = 5.0  #: after the start; doubled with each further failure
RETRY_MAX_S: Final = 60.0


class PlatformConnector:
    """Connects each platform, in the background if it cannot be reached at the start."""

    def __init__(self, platforms: Iterable[Platform], clock: Clock) -> None:
        self._platforms = tuple(platforms)
        self._clock = clock
        self._unconnected: dict[str, str] = {}
        self._tasks: list[asyncio.Task[None]] = []

    def state_of(self, platform: str) -> str:
        """Return "" for a connected platform, else one word: "unreachable" or "refused"."""
        return self._unconnected.get(platform, "")

    async def connect(self) -> None:
        """Connect every platform once.

        Raises:
            SettingsError: a platform refused its credentials.
            PlatformUnavailable: no platform can be reached.
        """
        failure: PlatformUnavailable | None = None
        for platform in self._platforms:
            try:
                await platform.connect()
            except PlatformUnavailable as exc:
                failure = exc
                self._unconnected[platform.name] = "unreachable"
                log.warning(
                    "platform.unreachable", platform=platform.name, error=str(exc), retry_in_s=RETRY_INITIAL_S
                )
        if failure is not None and len(self._unconnected) == len(self._platforms):
            raise failure

    def retry_in_background(self, on_connected: Callable[[Platform], Awaitable[None]]) -> None:
        """Try the unreachable platforms again until each is connected, then call ``on_connected`` with it."""
        self._tasks = [
            asyncio.create_task(self._retry(platform, on_connected), name=f"connect-{platform.name}")
            for platform in self._platforms
            if self.state_of(platform.name)
        ]

    async def close(self) -> None:
        """Stop trying."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _retry(self, platform: Platform, on_connected: Callable[[Platform], Awaitable[None]]) -> None:
        delay_s = RETRY_INITIAL_S
        while True:
            await self._clock.sleep(delay_s)
            delay_s = min(RETRY_MAX_S, delay_s * 2)
            try:
                await platform.connect()
            except PlatformUnavailable as exc:
                log.debug("platform.still_unreachable", platform=platform.name, error=str(exc))
            except SettingsError as exc:
                self._unconnected[platform.name] = "refused"
                log.error("platform.refused", platform=platform.name, faults=exc.faults)
                return  # a new token needs a new start
            except Exception:  # a task's boundary: tried again
                log.exception("platform.connect_failed", platform=platform.name)
            else:
                del self._unconnected[platform.name]
                log.info("platform.reached", platform=platform.name)
                await on_connected(platform)
                return
