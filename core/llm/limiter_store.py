"""The store of the limiter's state: the port, and its implementations in memory and in the database.

A change is one short, exclusive transaction: load, compute, save. It also receives a wall-clock time, with
which a replica's clock starts (:class:`core.domain.clock.SharedClock`).
"""

import asyncio
import hashlib
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from core.llm.limiter_codec import decode_state, encode_state
from core.llm.limiter_state import LimiterState
from core.store import Database
from core.store.shared_state import LLM_LIMITER_STATE

T = TypeVar("T")

StateUpdate = Callable[[LimiterState, float], tuple[LimiterState, T]]
"""Maps the state and the wall-clock time, in seconds, to the next state and a result."""


class LimiterStore(Protocol):
    """One account's shared state."""

    async def update(self, change: StateUpdate[T]) -> tuple[T, int]:
        """Run ``change`` on the newest state, alone; return its result and the new version.

        Raises:
            StoreUnavailable: it is not known whether anything was kept.
        """

    async def version(self) -> int:
        """Return a number that every change raises; cheap.

        Raises:
            StoreUnavailable: the database did not answer.
        """


class MemoryLimiterStore:
    """Limiter state in memory, for one process or for several limiters of one test."""

    def __init__(self) -> None:
        self.state = LimiterState()
        self._version = 0
        self._lock = asyncio.Lock()

    async def update(self, change: StateUpdate[T]) -> tuple[T, int]:
        """Run ``change`` and keep its state."""
        async with self._lock:
            await asyncio.sleep(0)  # a real one is never done at once
            self.state, result = change(self.state, 0.0)
            self._version += 1
            return result, self._version

    async def version(self) -> int:
        """Return how many changes there were."""
        return self._version


class DatabaseLimiterStore:
    """Limiter state in one row of the database; on PostgreSQL all replicas share it."""

    def __init__(self, database: Database, account: str) -> None:
        """``account`` names the row, at most 64 characters (:func:`account_name`)."""
        self._database = database
        self._account = account
        self._cached: tuple[LimiterState, float, int] | None = (
            None  # as we left it: state, wall's time, version
        )

    async def update(self, change: StateUpdate[T]) -> tuple[T, int]:
        """Run ``change`` in one transaction that locks the row.

        First it is tried in a single statement on the cached state, which other replicas rarely have
        changed meanwhile. So ``change`` may run twice, and only its last result counts.
        """
        latest, self._cached = self._cached, None
        if latest is not None:
            state, wall_s, version = latest
            state, result = change(state, wall_s)
            if await self._compare_and_swap(state, version):
                self._cached = (state, wall_s, version + 1)
                return result, version + 1
        async with self._database.begin() as tx:
            row = (await LLM_LIMITER_STATE.lock(tx, [self._account]))[self._account]
            wall_s, version = row.server_time_s or time.time(), row.version + 1
            state, result = change(decode_state(row.state), wall_s)
            await LLM_LIMITER_STATE.save(tx, {self._account: (version, encode_state(state))})
        self._cached = (state, wall_s, version)
        return result, version

    async def _compare_and_swap(self, state: LimiterState, version: int) -> bool:
        async with self._database.write() as tx:
            return await LLM_LIMITER_STATE.compare_and_swap(
                tx, self._account, encode_state(state), version=version
            )

    async def version(self) -> int:
        """Read the row's version."""
        async with self._database.read() as tx:
            return await LLM_LIMITER_STATE.load_version(tx, self._account)


def account_name(base_url: str, api_key: str) -> str:
    """Return the name of the account behind a key: a hash, which leads back to nothing."""
    return hashlib.sha256(f"{base_url}\n{api_key}".encode()).hexdigest()[:32]
