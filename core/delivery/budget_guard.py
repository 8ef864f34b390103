"""Paying for a call: out of our own buckets, and out of those that other replicas spend from too."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from core.delivery.message_operations import Priority
from core.delivery.scheduled_message import ScheduledMessage
from core.delivery.scheduler import DeliveryScheduler
from core.delivery.shared_budget import BudgetRequest
from core.delivery.shared_budget_store import SharedBudgets
from core.domain.clock import Clock
from core.domain.errors import PlatformRateLimited, StoreUnavailable
from core.ports.platform import Budget

log = structlog.get_logger(__name__)

SHARED_BUDGET_TIMEOUT_S = 1.0  #: how long a frame waits for the store that replicas share budgets in
FULL_BUCKET_MARGIN = 1.05  #: calls; a status leaves all of a bucket but about this one
DENIED_RETRY_S = 0.05  #: least time between two tries at a budget that others have spent


class BudgetGuard:
    """Knows whether there are other replicas."""

    def __init__(
        self, scheduler: DeliveryScheduler, clock: Clock, shared_budgets: SharedBudgets | None
    ) -> None:
        """``budgets`` are those that other replicas spend from too; None where there are none."""
        self._scheduler = scheduler
        self._clock = clock
        self._shared_budgets = shared_budgets
        self._report_tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def reserve(
        self,
        message: ScheduledMessage,
        priority: Priority,
        cost: tuple[Budget, ...],
        call_id: int,
        *,
        completes_answer: bool = False,
    ) -> AsyncIterator[float]:
        """Pay for a call where other replicas spend too; hands out the seconds that it has to wait.

        Where that is not 0 the call must not be made. While the store does not answer, our own
        count has to do.
        """
        budgets = self._shared_budgets
        if budgets is None or not cost:
            yield 0.0
            return
        asks = [self._budget_request(budget, priority, completes_answer=completes_answer) for budget in cost]
        try:
            async with asyncio.timeout(SHARED_BUDGET_TIMEOUT_S):
                verdict = await budgets.reserve(asks, call_id)
        except (StoreUnavailable, TimeoutError) as exc:
            log.info("delivery.shared_budget_unavailable", error=str(exc))
            yield 0.0
            return
        if not verdict.granted:
            self._scheduler.abort_call(message)
        self._scheduler.sync_from_shared(verdict, replica=budgets.replica, now=self._clock.time())
        if not verdict.granted:
            # Our buckets know better now; they say what comes next, and when.
            message.not_before = self._clock.time() + min(verdict.wait_s, DENIED_RETRY_S)
            yield verdict.wait_s
            return
        try:
            yield 0.0
        finally:
            budgets.complete(cost, call_id)

    def _budget_request(self, budget: Budget, priority: Priority, *, completes_answer: bool) -> BudgetRequest:
        """Say what a call asks of one budget, and how many messages of ours go on afterwards."""
        bucket = self._scheduler.bucket(budget, self._clock.time())
        keep = 0.0
        if priority is Priority.PREVIEW:
            keep = self._scheduler.pacing.reserved_for_finals(bucket)
        elif priority is Priority.STATUS and (bucket.active_streams or bucket.pending_finals):
            keep = max(0.0, budget.burst - FULL_BUCKET_MARGIN)
        ended = int(completes_answer)
        return BudgetRequest(
            budget,
            min_remaining=keep,
            demand=(max(0, bucket.own_streams - ended), max(0, bucket.own_finals - ended)),
        )

    def record_rate_limit(self, budgets: tuple[Budget, ...], error: PlatformRateLimited) -> None:
        """Close the budget that a refusal names, here and for the other replicas."""
        now = self._clock.time()
        closed = self._scheduler.record_rate_limit(budgets, error.retry_after_s, now, method=error.method)
        if self._shared_budgets is not None and closed is not None:
            telling = asyncio.create_task(
                self._report_rate_limit(self._shared_budgets, closed, error.retry_after_s)
            )
            self._report_tasks.add(telling)
            telling.add_done_callback(self._report_tasks.discard)

    async def _report_rate_limit(
        self, shared_budgets: SharedBudgets, budget: Budget, retry_after_s: float
    ) -> None:
        try:
            await shared_budgets.record_rate_limit(budget, retry_after_s)
        except StoreUnavailable as exc:
            log.info("delivery.rate_limit_not_reported", error=str(exc))

    async def close(self) -> None:
        """Tell the others what they do not know yet."""
        await asyncio.gather(*self._report_tasks, return_exceptions=True)
        if self._shared_budgets is not None:
            await self._shared_budgets.close()
