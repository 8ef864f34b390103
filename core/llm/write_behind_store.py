"""Limiter state of one process: held in memory, stored a second later, loaded at the next start.

No request waits for the disk. A crash loses the permits of the last :data:`FLUSH_AFTER_S` seconds; a
refusal of Kimi then corrects the state.
"""

import asyncio
import time

import structlog

from core.domain.errors import StoreUnavailable
from core.llm.limiter_codec import decode_state, encode_state
from core.llm.limiter_state import LimiterState
from core.llm.limiter_store import StateUpdate, T
from core.store import Database
from core.store.shared_state import LLM_LIMITER_STATE

log = structlog.get_logger(__name__)

FLUSH_AFTER_S = 1.0  #: how long a change waits for others, to be stored with them in one wait for the disk


class WriteBehindStore:
    """Implements :class:`core.llm.limiter_store.LimiterStore` for one process without replicas."""

    def __init__(self, database: Database, account: str) -> None:
        """``account`` names the row, at most 64 characters."""
        self._database = database
        self._account = account
        self._state: LimiterState | None = None  # None until it was loaded
        self._version = 0
        self._saved_version = 0  # the version that the row has
        self._load_lock = asyncio.Lock()
        self._flush_task: asyncio.Task[None] | None = None

    async def update(self, change: StateUpdate[T]) -> tuple[T, int]:
        """Run ``change`` on the state in memory; it is stored a moment later."""
        await self._ensure_loaded()
        await asyncio.sleep(0)  # requests of the same moment share the next change
        assert self._state is not None  # noqa: S101 (loaded above)
        self._state, result = change(self._state, time.time())
        self._version += 1
        if self._flush_task is None or self._flush_task.done():
            self._flush_task = asyncio.create_task(self._flush_periodically(), name="account-keeper")
        return result, self._version

    async def version(self) -> int:
        """Return how many changes there were."""
        await self._ensure_loaded()
        return self._version

    async def close(self) -> None:
        """Store the last changes too. Raises nothing."""
        if self._flush_task is not None:
            self._flush_task.cancel()
            await asyncio.gather(self._flush_task, return_exceptions=True)
        await self._flush()

    async def _ensure_loaded(self) -> None:
        async with self._load_lock:
            if self._state is None:
                async with self._database.begin() as tx:
                    row = (await LLM_LIMITER_STATE.lock(tx, [self._account]))[self._account]
                self._state, self._version = decode_state(row.state), row.version
                self._saved_version = row.version

    async def _flush_periodically(self) -> None:
        while self._saved_version < self._version:
            await asyncio.sleep(FLUSH_AFTER_S)  # of the wall: it is the crash that we race
            await self._flush()

    async def _flush(self) -> None:
        if self._state is None or self._saved_version == self._version:
            return
        state, version = self._state, self._version
        try:
            async with self._database.begin() as tx:
                await LLM_LIMITER_STATE.save(tx, {self._account: (version, encode_state(state))})
        except StoreUnavailable as exc:
            log.info("limiter.save_failed", error=str(exc))
        else:
            self._saved_version = version
