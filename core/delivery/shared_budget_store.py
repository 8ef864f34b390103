"""Where replicas keep the budgets they share: a port, and its adapter on the store.

One short transaction for each frame: lock the rows of its budgets, decide, save. Replies are told
with the next frame of the same budget, or by themselves a moment later.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from core.delivery.shared_budget import (
    UNUSED_TTL_S,
    BudgetRequest,
    BudgetRow,
    CompletedCall,
    Reservation,
    apply_completions,
    apply_rate_limit,
    try_reserve,
)
from core.domain.clock import Clock, SharedClock
from core.domain.errors import StoreUnavailable
from core.ports.platform import Budget
from core.store import Database, Transaction
from core.store import delivery as rows

log = structlog.get_logger(__name__)

REPORT_AFTER_S = 0.5  #: replies that no further frame has told of are told after this
PRUNE_INTERVAL_S = 600.0


class SharedBudgets(Protocol):
    """The budgets of all replicas together."""

    replica: str

    async def reserve(self, requests: Sequence[BudgetRequest], call_id: int) -> Reservation:
        """Take one call out of every budget, or none out of any.

        Raises:
            StoreUnavailable: nothing is known of the others' calls.
        """

    def complete(self, budgets: Sequence[Budget], call_id: int) -> None:
        """Note that a call has its reply; told to the others soon."""

    async def record_rate_limit(self, budget: Budget, retry_after_s: float) -> None:
        """Close a budget for all.

        Raises:
            StoreUnavailable: the others do not know of it.
        """

    async def close(self) -> None:
        """Tell the others what they do not know yet. Raises nothing."""


@dataclass(frozen=True, slots=True)
class _Completion:
    budget: Budget
    call_id: int
    at: float


class SharedBudgetStore:
    """Implements :class:`Budgets` on the database that all replicas share."""

    def __init__(self, database: Database, clock: Clock, replica: str) -> None:
        """``replica`` is this process's name among the others."""
        self.replica = replica
        self._database = database
        self._clock = clock
        self._time = SharedClock(clock)
        self._unreported: dict[str, list[_Completion]] = {}
        self._report_task: asyncio.Task[None] | None = None
        self._pruned_at = clock.time()

    async def reserve(self, requests: Sequence[BudgetRequest], call_id: int) -> Reservation:
        """Decide in one transaction that holds the budgets' rows."""
        told = {ask.budget.key: self._unreported.pop(ask.budget.key, []) for ask in requests}
        try:
            async with self._database.begin() as tx:
                now, found = await self._lock(tx, [ask.budget.key for ask in requests])
                landed = {key: self._completed_calls(replies_) for key, replies_ in told.items()}
                verdict = try_reserve(
                    found, requests, replica=self.replica, call_id=call_id, completed=landed, now=now
                )
                await rows.save(tx, verdict.rows)
        except StoreUnavailable:
            self._requeue(told)
            raise
        return verdict

    def complete(self, budgets: Sequence[Budget], call_id: int) -> None:
        """Remember the reply, and tell of it where no frame does so first."""
        at = self._clock.time()
        for budget in budgets:
            self._unreported.setdefault(budget.key, []).append(_Completion(budget, call_id, at))
        if self._report_task is None or self._report_task.done():
            self._report_task = asyncio.create_task(self._report_later(), name="budget-replies")

    async def record_rate_limit(self, budget: Budget, retry_after_s: float) -> None:
        """Close the budget's row."""
        async with self._database.begin() as tx:
            now, found = await self._lock(tx, [budget.key])
            await rows.save(tx, {budget.key: apply_rate_limit(found[budget.key], budget, retry_after_s, now)})

    async def close(self) -> None:
        """Tell what is untold, so that the others need not wait for it."""
        if self._report_task is not None:
            self._report_task.cancel()
            await asyncio.gather(self._report_task, return_exceptions=True)
        try:
            await self._report()
        except StoreUnavailable as exc:
            log.info("delivery.completions_not_reported", error=str(exc))

    async def _report_later(self) -> None:
        while self._unreported:
            await self._clock.sleep(REPORT_AFTER_S)
            try:
                await self._report()
                await self._prune()
            except StoreUnavailable as exc:
                log.info("delivery.completions_delayed", error=str(exc))

    async def _report(self) -> None:
        told, self._unreported = self._unreported, {}
        if not told:
            return
        try:
            async with self._database.begin() as tx:
                now, found = await self._lock(tx, list(told))
                after: dict[str, BudgetRow] = {
                    key: apply_completions(
                        found[key],
                        heard[0].budget,
                        self._completed_calls(heard),
                        replica=self.replica,
                        now=now,
                    )
                    for key, heard in told.items()
                    if heard
                }
                await rows.save(tx, after)
        except StoreUnavailable:
            self._requeue(told)
            raise

    async def _lock(self, tx: Transaction, keys: Sequence[str]) -> tuple[float, dict[str, BudgetRow]]:
        wall_s, found = await rows.lock(tx, keys)
        return self._time.synchronize(
            max((row.get("now", 0.0) for row in found.values()), default=0.0), wall_s
        ), found

    async def _prune(self) -> None:
        if self._clock.time() < self._pruned_at + PRUNE_INTERVAL_S:
            return
        self._pruned_at = self._clock.time()
        async with self._database.begin() as tx:
            await rows.delete_unused(tx, unused_s=UNUSED_TTL_S)

    def _completed_calls(self, completions: Sequence[_Completion]) -> list[CompletedCall]:
        now = self._clock.time()
        return [CompletedCall(one.call_id, now - one.at) for one in completions]

    def _requeue(self, unreported: Mapping[str, list[_Completion]]) -> None:
        for key, heard in unreported.items():
            self._unreported[key] = heard + self._unreported.get(key, [])
