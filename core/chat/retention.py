"""Deletes what is older than the operator wants it kept, once a day."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import structlog

from core.clock import Clock
from core.errors import StoreUnavailable
from core.store import Database, privacy
from core.store.clock import utc_now

log = structlog.get_logger(__name__)

EVERY_S: Final = 86_400.0
RETRY_S: Final = 300.0
PAUSE_S: Final = 0.05  #: between two portions, for others who write


class Retention:
    """A background task; of several replicas one deletes at a time."""

    def __init__(
        self, database: Database, clock: Clock, *, days: int, tidy: Callable[[], None] = lambda: None
    ) -> None:
        """``days`` of 0 keeps everything; ``tidy`` has files deleted that nobody refers to any more."""
        self._tidy = tidy
        self._database = database
        self._clock = clock
        self._days = days
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, with a first round at once."""
        if self._days:
            self._task = asyncio.create_task(self._run(), name="retention")

    async def close(self) -> None:
        """End; a portion that is being deleted is rolled back."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def once(self) -> int:
        """Delete everything that is too old now; return how many events and messages there were.

        Raises:
            StoreUnavailable: the rest stays for the next time.
        """
        before, deleted = utc_now() - timedelta(days=self._days), 0
        while True:
            async with self._database.begin() as tx:
                portion = await privacy.purge(tx, before=before)
            if not portion:
                return deleted
            deleted += portion
            await self._clock.sleep(PAUSE_S)

    async def _run(self) -> None:
        while True:
            wait_s = EVERY_S
            try:
                deleted = await self.once()
                self._tidy()
                log.info("old_messages_deleted", deleted=deleted, days=self._days)
            except StoreUnavailable as exc:
                wait_s = RETRY_S
                log.warning("retention_postponed", error=str(exc))
            except Exception:  # the boundary of a task
                log.exception("retention_failed")
            await self._clock.sleep(wait_s)
