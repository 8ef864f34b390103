"""A cache of slow lookups: each key is loaded once at a time and kept for some minutes."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import structlog

from core.concurrency.task_set import KeyedTasks
from core.domain.clock import Clock
from core.domain.errors import PlatformError, PlatformRateLimited

log = structlog.get_logger()

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

CAPACITY = 2_000
"""Entries kept; the least recently used is evicted first."""

TTL_S = 300.0
FAILURE_TTL_S = 60.0


class TtlCache(Generic[K, V]):
    """Results of one kind of platform lookup.

    Concurrent callers of one key share one load. A load that fails is replaced by a default for a
    while, so that a platform in trouble is not asked again at once.
    """

    def __init__(
        self, name: str, load: Callable[[K], Awaitable[V]], clock: Clock, *, default: V, ttl_s: float = TTL_S
    ) -> None:
        """Cache the results of ``load``; its ``PlatformError`` makes ``default`` the result.

        Args:
            name: the kind of lookup, for logs.
            load: loads the value of a key; may raise a ``PlatformError``.
            clock: measures the age of entries.
            default: value of a key that cannot be loaded.
            ttl_s: seconds that a loaded value is kept.
        """
        self._name, self._load, self._clock = name, load, clock
        self._default, self._ttl_s = default, ttl_s
        self._entries: OrderedDict[K, tuple[V, float]] = OrderedDict()
        self._loading: KeyedTasks[K, V] = KeyedTasks()
        self._failing = False

    async def get(self, key: K) -> V:
        """Return the value of ``key``, at most ``ttl_s`` old; never raises a ``PlatformError``."""
        entry = self._entries.get(key)
        if entry is not None and self._clock.time() < entry[1]:
            self._entries.move_to_end(key)
            return entry[0]
        return await asyncio.shield(
            self._loading.get_or_spawn(key, lambda: self._load_entry(key), name=self._name)
        )

    async def close(self) -> None:
        """Cancel the loads that are under way."""
        await self._loading.close()

    async def _load_entry(self, key: K) -> V:
        try:
            value, ttl_s = await self._load(key), self._ttl_s
            self._failing = False
        except PlatformError as exc:
            value, ttl_s = self._default, FAILURE_TTL_S
            if isinstance(exc, PlatformRateLimited):
                ttl_s = max(ttl_s, exc.retry_after_s)
            if not self._failing:  # the first failure of a row is enough for the log
                log.warning("platform.lookup_failed", what=self._name, error=str(exc))
            self._failing = True
        self._entries[key] = value, self._clock.time() + ttl_s
        while len(self._entries) > CAPACITY:
            self._entries.popitem(last=False)
        return value
