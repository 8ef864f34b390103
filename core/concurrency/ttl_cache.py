"""Answers of a platform that are kept for some minutes, so that each is asked for once.

Many people may wait for one answer: the platform is asked once for all of them. What cannot be had
is a default for a while, so that a platform in trouble is left alone.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import structlog

from core.domain.clock import Clock
from core.domain.errors import PlatformError, PlatformRateLimited

log = structlog.get_logger()

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

CAPACITY = 2_000
"""Answers kept of one kind; the one not asked for the longest goes first."""

TTL_S = 300.0
FAILURE_TTL_S = 60.0


class TtlCache(Generic[K, V]):
    """One kind of question to a platform, with its answers."""

    def __init__(
        self, name: str, load: Callable[[K], Awaitable[V]], clock: Clock, *, default: V, ttl_s: float = TTL_S
    ) -> None:
        """``ask`` raises a ``PlatformError`` where it gets no answer; then ``default`` is it."""
        self._name, self._load, self._clock = name, load, clock
        self._default, self._ttl_s = default, ttl_s
        self._entries: OrderedDict[K, tuple[V, float]] = OrderedDict()
        self._loading: dict[K, asyncio.Task[V]] = {}
        self._failing = False

    async def get(self, key: K) -> V:
        """Return the answer, an old one of some minutes at most; never raises a ``PlatformError``."""
        found = self._entries.get(key)
        if found is not None and self._clock.time() < found[1]:
            self._entries.move_to_end(key)
            return found[0]
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._load_entry(key), name=self._name)
            task.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Give up what is being asked."""
        tasks = list(self._loading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _load_entry(self, key: K) -> V:
        try:
            value, kept_s = await self._load(key), self._ttl_s
            self._failing = False
        except PlatformError as exc:
            value, kept_s = self._default, FAILURE_TTL_S
            if isinstance(exc, PlatformRateLimited):
                kept_s = max(kept_s, exc.retry_after_s)
            if not self._failing:  # once, not for everybody who asks
                log.warning("platform.lookup_failed", what=self._name, error=str(exc))
            self._failing = True
        self._entries[key] = value, self._clock.time() + kept_s
        while len(self._entries) > CAPACITY:
            self._entries.popitem(last=False)
        return value
