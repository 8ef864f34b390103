"""Paying for a call: out of our own buckets, and out of those that other replicas spend from too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from core.delivery.operations import Need
from core.delivery.scheduled_message import Lane
from core.delivery.scheduler import Scheduler
from core.delivery.shared_budget import Ask
from core.delivery.shared_budget_store import Budgets
from core.domain.clock import Clock
from core.domain.errors import StoreUnavailable, SurfaceRateLimited
from core.ports.platform import Budget

log = structlog.get_logger(__name__)

SHARED_PATIENCE_S = 1.0  #: how long a frame waits for the store that replicas share budgets in
FULL = 1.05  #: calls; a status leaves all of a bucket but about this one
DENIED_S = 0.05  #: least time between two tries at a budget that others have spent


class Payer:
    """Knows whether there are other replicas."""

    def __init__(self, scheduler: Scheduler, clock: Clock, budgets: Budgets | None) -> None:
        """``budgets`` are those that other replicas spend from too; None where there are none."""
        self._scheduler = scheduler
        self._clock = clock
        self._budgets = budgets
        self._telling: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def paid(
        self, lane: Lane, need: Need, cost: tuple[Budget, ...], number: int, *, ends: bool = False
    ) -> AsyncIterator[float]:
        """Pay for a call where other replicas spend too; hands out the seconds that it has to wait.

        Where that is not 0 the call must not be made. While the store does not answer, our own
        count has to do.
        """
        budgets = self._budgets
        if budgets is None or not cost:
            yield 0.0
            return
        asks = [self._ask(budget, need, ends=ends) for budget in cost]
        try:
            async with asyncio.timeout(SHARED_PATIENCE_S):
                verdict = await budgets.spend(asks, number)
        except (StoreUnavailable, TimeoutError) as exc:
            log.info("budgets_unshared", error=str(exc))
            yield 0.0
            return
        if not verdict.granted:
            self._scheduler.unsent(lane)
        self._scheduler.learn(verdict, replica=budgets.replica, now=self._clock.time())
        if not verdict.granted:
            # Our buckets know better now; they say what comes next, and when.
            lane.not_before = self._clock.time() + min(verdict.wait_s, DENIED_S)
            yield verdict.wait_s
            return
        try:
            yield 0.0
        finally:
            budgets.landed(cost, number)

    def _ask(self, budget: Budget, need: Need, *, ends: bool) -> Ask:
        """Say what a call asks of one budget, and how many messages of ours go on afterwards."""
        bucket = self._scheduler.bucket(budget, self._clock.time())
        keep = 0.0
        if need is Need.PREVIEW:
            keep = self._scheduler.pace.reserve(bucket)
        elif need is Need.STATUS and (bucket.riders or bucket.ends):
            keep = max(0.0, budget.burst - FULL)
        ended = int(ends)
        return Ask(budget, keep=keep, crowd=(max(0, bucket.growers - ended), max(0, bucket.finals - ended)))

    def refused(self, budgets: tuple[Budget, ...], error: SurfaceRateLimited) -> None:
        """Close the budget that a refusal names, here and for the other replicas."""
        now = self._clock.time()
        closed = self._scheduler.refused(budgets, error.retry_after_s, now, method=error.method)
        if self._budgets is not None and closed is not None:
            telling = asyncio.create_task(self._tell(self._budgets, closed, error.retry_after_s))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)

    async def _tell(self, budgets: Budgets, closed: Budget, retry_after_s: float) -> None:
        try:
            await budgets.refused(closed, retry_after_s)
        except StoreUnavailable as exc:
            log.info("refusal_untold", error=str(exc))

    async def close(self) -> None:
        """Tell the others what they do not know yet."""
        await asyncio.gather(*self._telling, return_exceptions=True)
        if self._budgets is not None:
            await self._budgets.close()
