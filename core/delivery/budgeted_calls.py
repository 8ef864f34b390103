"""Sends single calls within the budgets of all replicas, and reports each to the observer."""

import asyncio
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Final, TypeVar

import structlog

from core.concurrency.task_set import TaskSet
from core.delivery.budget_pool import BudgetPool, PendingCall
from core.delivery.call_source import CallSource
from core.delivery.platform_call import PlannedCall
from core.delivery.shared_budget_store import SharedBudgets
from core.domain.clock import Clock
from core.domain.errors import (
    MessageGone,
    MessageRemoved,
    PlatformError,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
    StoreUnavailable,
)
from core.observer import NOOP_OBSERVER, Observer, PlatformCallRecord
from core.ports.platform import Budget

log = structlog.get_logger(__name__)

CallT = TypeVar("CallT", bound=PlannedCall)
ResultT = TypeVar("ResultT")

SHARED_BUDGET_TIMEOUT_S = 1.0  #: how long a call waits for the store that replicas share budgets in

ERROR_CODES: Final[Mapping[type[PlatformError], str]] = {
    PlatformRateLimited: "rate_limited",
    MessageGone: "gone",
    MessageRemoved: "gone",
    PlatformRefused: "refused",
    PlatformForbidden: "forbidden",
    PlatformUnavailable: "unavailable",
    PlatformOutcomeUnknown: "outcome_unknown",
}  #: label of a failed call; one that the bot itself ended is "aborted"


class BudgetSpent(Exception):
    """Other replicas have spent a call's budget; the call was not sent."""

    def __init__(self, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__(f"no room for {wait_s:g} s")


class BudgetedCalls:
    """Reserves, sends and counts calls."""

    def __init__(
        self,
        pool: BudgetPool,
        clock: Clock,
        *,
        shared_budgets: SharedBudgets | None = None,
        observer: Observer = NOOP_OBSERVER,
    ) -> None:
        """``shared_budgets`` are those that other replicas spend from too; None without replicas."""
        self.pool = pool
        self._clock = clock
        self._shared_budgets = shared_budgets
        self._observer = observer
        self._reports = TaskSet()

    async def send(self, source: CallSource[CallT, ResultT], call: CallT, pending: PendingCall) -> ResultT:
        """Send a call that the pool has reserved, and return its result.

        Raises:
            BudgetSpent: it was not sent, and its reservation is returned.
            PlatformError: it failed.
        """
        try:
            async with self._reserved(call, pending):
                with self._observed(source.platform, call):
                    return await source.send(call)
        except PlatformRateLimited as exc:
            self.pool.complete(pending, self._clock.time())
            # An adapter may have used another method than the one whose budget was reserved.
            self._record_rate_limit((*call.cost, *source.budgets), exc)
            raise
        finally:
            self.pool.complete(pending, self._clock.time())

    async def close(self) -> None:
        """Report what other replicas do not know yet."""
        await self._reports.wait_idle()
        if self._shared_budgets is not None:
            await self._shared_budgets.close()

    @asynccontextmanager
    async def _reserved(self, call: PlannedCall, pending: PendingCall) -> AsyncIterator[None]:
        """Reserve the call among all replicas for the duration of the block.

        While the store does not answer, this process's own count must do.
        """
        shared = self._shared_budgets
        if shared is None or not call.cost:
            yield
            return
        try:
            async with asyncio.timeout(SHARED_BUDGET_TIMEOUT_S):
                reservation = await shared.reserve(
                    self.pool.requests_for(call, self._clock.time()), pending.id
                )
        except (StoreUnavailable, TimeoutError) as exc:
            log.info("delivery.shared_budget_unavailable", error=str(exc))
            yield
            return
        if not reservation.granted:
            self.pool.abort(pending)
        self.pool.sync_from_shared(reservation, replica=shared.replica, now=self._clock.time())
        if not reservation.granted:
            raise BudgetSpent(reservation.wait_s)
        try:
            yield
        finally:
            shared.complete(call.cost, pending.id)

    def _record_rate_limit(self, budgets: tuple[Budget, ...], error: PlatformRateLimited) -> None:
        """Close the budget that an error names, here and for the other replicas."""
        closed = self.pool.record_rate_limit(
            budgets, error.retry_after_s, self._clock.time(), method=error.method
        )
        if self._shared_budgets is not None and closed is not None:
            self._reports.spawn(
                _report_rate_limit(self._shared_budgets, closed, error.retry_after_s),
                name="rate-limit-report",
            )

    @contextmanager
    def _observed(self, platform: str, call: PlannedCall) -> Generator[None]:
        """Report the duration and result of the call that the block makes."""
        started_at, error_code = self._clock.time(), "aborted"
        with self._observer.span("platform_call", platform=platform, action=call.action) as span:
            try:
                yield
                error_code = ""
            except PlatformError as exc:
                error_code = ERROR_CODES.get(type(exc), "other")
                raise
            finally:
                now = self._clock.time()
                shown = call.text_since is not None and not error_code
                span.set_attributes(error=error_code)
                self._observer.platform_call_finished(
                    PlatformCallRecord(
                        platform=platform,
                        action=call.action,
                        error=error_code,
                        duration_s=now - started_at,
                        text_latency_s=now - (call.text_since or 0.0) if shown else None,
                    )
                )


async def _report_rate_limit(shared_budgets: SharedBudgets, budget: Budget, retry_after_s: float) -> None:
    try:
        await shared_budgets.record_rate_limit(budget, retry_after_s)
    except StoreUnavailable as exc:
        log.info("delivery.rate_limit_not_reported", error=str(exc))
