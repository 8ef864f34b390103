"""A cache of slow lookups: each key is loaded once at a time and kept for some minutes."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable, Iterable
from typing import Generic, TypeVar

import structlog

from core.concurrency.task_set import KeyedTasks
from core.domain.clock import Clock
from core.domain.errors import PlatformError, PlatformRateLimited

log = structlog.get_logger(__name__)

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

CAPACITY = 2_000
TTL_S = 300.0
FAILURE_TTL_S = 60.0


class TtlCache(Generic[K, V]):
    """Results of one kind of platform lookup.

    Concurrent callers of one key share one load. A load that fails is replaced by a default for a
    while, so that a platform in trouble is not asked again at once.
    """

    def __init__(
        self,
        name: str,
        load: Callable[[K], Awaitable[V]],
        clock: Clock,
        *,
        default: V,
        ttl_s: float = TTL_S,
        capacity: int = CAPACITY,
    ) -> None:
        """Cache the results of ``load``; its ``PlatformError`` makes ``default`` the result.

        Args:
            name: the kind of lookup, for logs.
            load: loads the value of a key; may raise a ``PlatformError``.
            clock: measures the age of entries.
            default: value of a key that cannot be loaded.
            ttl_s: seconds that a loaded value is kept.
            capacity: entries kept; the least recently used is evicted first.
        """
        self._name, self._load, self._clock = name, load, clock
        self._default, self._ttl_s, self._capacity = default, ttl_s, capacity
        self._entries: OrderedDict[K, tuple[V, float]] = OrderedDict()
        self._loading: KeyedTasks[K, V] = KeyedTasks()
        self._failing = False

    async def get(self, key: K) -> V:
        """Return the value of ``key``, at most ``ttl_s`` old; never raises a ``PlatformError``."""
        entry = self._get_fresh(key)
        return entry[0] if entry is not None else await asyncio.shield(self._start_load(key))

    def peek(self, key: K) -> V | None:
        """Return the latest value of ``key`` without waiting, even if it is too old; None if there is none.

        If it is missing or too old, a load is started, so that a later call finds a new one.
        """
        entry = self._get_fresh(key)
        if entry is None:
            self._start_load(key)
            entry = self._entries.get(key)
        return None if entry is None else entry[0]

    async def get_many(self, keys: Iterable[K], *, timeout_s: float) -> dict[K, V]:
        """Return the values that are available within ``timeout_s`` seconds of the machine's clock.

        Loads that take longer continue, so that a later call finds their values.
        """
        wanted = list(keys)
        loads = [self._start_load(key) for key in wanted if self._get_fresh(key) is None]
        if loads:
            await asyncio.wait(loads, timeout=timeout_s)
        entries = {key: self._get_fresh(key) for key in wanted}
        return {key: entry[0] for key, entry in entries.items() if entry is not None}

    async def close(self) -> None:
        """Cancel the loads that are under way."""
        await self._loading.close()

    def _get_fresh(self, key: K) -> tuple[V, float] | None:
        """Return the entry of ``key`` with its expiry time; None if it is missing or expired."""
        entry = self._entries.get(key)
        if entry is None or self._clock.time() >= entry[1]:
            return None
        self._entries.move_to_end(key)
        return entry

    def _start_load(self, key: K) -> "asyncio.Task[V]":
        return self._loading.get_or_spawn(key, lambda: self._load_entry(key), name=self._name)

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
        while len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
        return value
