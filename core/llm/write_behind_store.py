"""The ledger of a process that is alone with its database: in memory, and kept for the process after it.

Nobody waits for the disk before Kimi is asked. A crash loses what the account granted in the last
:data:`KEEP_AFTER_S` seconds; Kimi's own refusal teaches that again.
"""

import asyncio
import time

import structlog

from core.domain.errors import StoreUnavailable
from core.llm.limiter_codec import decoded, encoded
from core.llm.limiter_state import State
from core.llm.limiter_store import Step, T
from core.store import Database
from core.store import account as rows

log = structlog.get_logger(__name__)

KEEP_AFTER_S = 1.0  #: how long a change waits for others, to be stored with them in one wait for the disk


class KeptLedger:
    """Implements :class:`core.llm.limiter_store.Ledger` for one process without replicas."""

    def __init__(self, database: Database, account: str) -> None:
        """``account`` names the row, at most 64 characters."""
        self._database = database
        self._account = account
        self._state: State | None = None  # None until it was loaded
        self._version = 0
        self._stored = 0  # the version that the row has
        self._loading = asyncio.Lock()
        self._keeper: asyncio.Task[None] | None = None

    async def change(self, step: Step[T]) -> tuple[T, int]:
        """Run ``step`` on the state in memory; it is stored a moment later."""
        await self._loaded()
        await asyncio.sleep(0)  # whoever asks in the same moment goes into the next step
        assert self._state is not None  # noqa: S101 (loaded above)
        self._state, result = step(self._state, time.time())
        self._version += 1
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.create_task(self._keep_later(), name="account-keeper")
        return result, self._version

    async def version(self) -> int:
        """Return how many changes there were."""
        await self._loaded()
        return self._version

    async def close(self) -> None:
        """Store the last changes too. Raises nothing."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self._keep()

    async def _loaded(self) -> None:
        async with self._loading:
            if self._state is None:
                async with self._database.begin() as tx:
                    row = await rows.lock(tx, self._account)
                self._state, self._version = decoded(row.payload), row.version
                self._stored = row.version

    async def _keep_later(self) -> None:
        while self._stored < self._version:
            await asyncio.sleep(KEEP_AFTER_S)  # of the wall: it is the crash that we race
            await self._keep()

    async def _keep(self) -> None:
        if self._state is None or self._stored == self._version:
            return
        state, version = self._state, self._version
        try:
            async with self._database.begin() as tx:
                await rows.save(tx, self._account, encoded(state), version=version)
        except StoreUnavailable as exc:
            log.info("account_unkept", error=str(exc))
        else:
            self._stored = version
