"""Keeps what a single process has spent, so that its successor continues with the same budgets.

Without it every bucket would be full after a restart, and the platform, which does not forget, would
refuse calls. A crash loses what was spent in the last :data:`SAVE_INTERVAL_S` seconds.
"""

import asyncio
import time

import structlog

from core.delivery.budget_codec import decode_budget, encode_budget
from core.delivery.budget_pool import BudgetPool
from core.delivery.shared_budget import UNUSED_TTL_S, SharedBudget
from core.delivery.token_bucket import BucketState
from core.domain.clock import Clock
from core.domain.errors import StoreUnavailable
from core.store import Database
from core.store.shared_state import DELIVERY_BUDGETS

log = structlog.get_logger(__name__)

SAVE_INTERVAL_S = 1.0  #: how often spent calls are stored, if there are any


class BudgetSnapshotter:
    """Loads the buckets of the previous process, and stores those of this one."""

    def __init__(self, database: Database, clock: Clock, pool: BudgetPool) -> None:
        self._database = database
        self._clock = clock
        self._pool = pool
        self._saved_calls = 0  # calls started when the buckets were stored last
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Continue with what an earlier process has spent, and store what this one spends.

        Raises:
            StoreUnavailable: it cannot be read.
        """
        async with self._database.begin() as tx:
            await DELIVERY_BUDGETS.delete_unused(tx, unused_s=UNUSED_TTL_S)
            stored = await DELIVERY_BUDGETS.load_all(tx)
        now, wall = self._clock.time(), time.time()
        budgets = {key: decode_budget(row) for key, row in stored.items()}
        self._pool.restore(
            {key: _by_our_clock(budget, now, wall) for key, budget in budgets.items() if budget is not None}
        )
        self._task = asyncio.create_task(self._run(), name="budget-snapshotter")

    async def close(self) -> None:
        """Store the latest calls too."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._save()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(SAVE_INTERVAL_S)  # real time, because a crash is what matters
            await self._save()

    async def _save(self) -> None:
        if self._pool.calls_started == self._saved_calls:
            return
        calls, wall = self._pool.calls_started, time.time()
        offset_s = wall - self._clock.time()
        stored = {
            key: (0, encode_budget(SharedBudget(state=state.shifted(offset_s), now=wall)))
            for key, state in self._pool.states().items()
        }
        try:
            async with self._database.begin() as tx:
                await DELIVERY_BUDGETS.save(tx, stored)
        except StoreUnavailable as exc:
            log.info("delivery.budgets_not_saved", error=str(exc))
        else:
            self._saved_calls = calls


def _by_our_clock(stored: SharedBudget, now: float, wall: float) -> BucketState:
    """Convert a stored state's wall-clock times to the monotonic clock.

    What has passed by the wall clock since it was stored has passed for the platform too; a wall clock
    that was set back counts as no time at all.
    """
    away_s = max(0.0, wall - stored.now)
    return stored.state.shifted(now - away_s - stored.now)
