"""What one process alone has spent outlives it: a restart goes on with the budgets as they were.

Without it every bucket would be full after a restart, and the platform, which forgets nothing,
would refuse. A crash loses what was spent in the last :data:`SAVE_INTERVAL_S` seconds.
"""

import asyncio
import time

import structlog

from core.delivery.scheduler import DeliveryScheduler
from core.delivery.shared_budget import UNUSED_TTL_S, BudgetRow, shift_times
from core.domain.clock import Clock
from core.domain.errors import StoreUnavailable
from core.store import Database
from core.store import delivery as rows

log = structlog.get_logger(__name__)

SAVE_INTERVAL_S = 1.0  #: how often what was spent is stored, while anything is


class BudgetSnapshotter:
    """Loads the buckets of the process before, and stores ours."""

    def __init__(self, database: Database, clock: Clock, scheduler: DeliveryScheduler) -> None:
        self._database = database
        self._clock = clock
        self._scheduler = scheduler
        self._saved_calls = 0  # calls spent when we stored last
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take over what an earlier process has spent, then keep what we spend.

        Raises:
            StoreUnavailable: it cannot be read.
        """
        async with self._database.begin() as tx:
            await rows.delete_unused(tx, unused_s=UNUSED_TTL_S)
            found = await rows.load_all(tx)
        now, wall = self._clock.time(), time.time()
        for key, row in found.items():
            if "wall" not in row:
                continue  # a replica's, from when there were several
            # What passed between by the wall has passed for the platform too.
            away_s = max(0.0, wall - row["wall"])
            self._scheduler.restored_rows[key] = shift_times(row, now - away_s - row["now"])
        self._task = asyncio.create_task(self._run(), name="budget-keeper")

    async def close(self) -> None:
        """Store the last calls too."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._save()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SAVE_INTERVAL_S)  # of the wall: it is the crash that we race
            await self._save()

    async def _save(self) -> None:
        if self._scheduler.calls_made == self._saved_calls:
            return
        calls, now, wall = self._scheduler.calls_made, self._clock.time(), time.time()
        stored: dict[str, BudgetRow] = {
            key: bucket.dump() | {"crowd": {}, "now": now, "wall": wall}
            for key, bucket in self._scheduler.buckets.items()
        }
        try:
            async with self._database.begin() as tx:
                await rows.save(tx, stored)
        except StoreUnavailable as exc:
            log.info("delivery.budgets_not_saved", error=str(exc))
        else:
            self._saved_calls = calls
