"""The budgets that replicas share: a port, and its adapter on the database.

A call takes one short transaction: lock the rows of its budgets, decide, save. Replies are reported with
the next call of the same budget, or by themselves a moment later.
"""

import asyncio
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from core.delivery.budget_codec import decode_budget, encode_budget
from core.delivery.shared_budget import (
    UNUSED_TTL_S,
    BudgetRequest,
    CompletedCall,
    Reservation,
    SharedBudget,
    apply_completions,
    apply_rate_limit,
    try_reserve,
)
from core.delivery.token_bucket import count_call
from core.domain.clock import Clock, SharedClock
from core.domain.errors import StoreUnavailable
from core.ports.platform import Budget
from core.store import Database
from core.store.shared_state import DELIVERY_BUDGETS, SharedRow, State

log = structlog.get_logger(__name__)

REPORT_AFTER_S = 0.5  #: replies that no further call has reported are reported after this
PRUNE_INTERVAL_S = 600.0


class SharedBudgets(Protocol):
    """The budgets of all replicas together."""

    replica: str  #: this process's name among the replicas

    async def reserve(self, requests: Sequence[BudgetRequest], call_id: int) -> Reservation:
        """Reserve one call in every budget, or none in any.

        Raises:
            StoreUnavailable: the other replicas' calls are not known.
        """

    def complete(self, budgets: Sequence[Budget], call_id: int) -> None:
        """Take note of a call's reply; it is reported to the others soon."""

    async def record_rate_limit(self, budget: Budget, retry_after_s: float) -> None:
        """Close a budget for all replicas.

        Raises:
            StoreUnavailable: the others do not know of it.
        """

    async def close(self) -> None:
        """Report what the others do not know yet. Raises nothing."""


@dataclass(frozen=True, slots=True)
class _Completion:
    budget: Budget
    call_id: Hashable
    at: float


class SharedBudgetStore:
    """Implements :class:`SharedBudgets` on the database that all replicas share."""

    def __init__(self, database: Database, clock: Clock, replica: str) -> None:
        self.replica = replica
        self._database = database
        self._clock = clock
        self._shared_clock = SharedClock(clock)
        self._unreported: dict[str, list[_Completion]] = {}
        self._report_task: asyncio.Task[None] | None = None
        self._pruned_at = clock.time()

    async def reserve(self, requests: Sequence[BudgetRequest], call_id: int) -> Reservation:
        """Decide in one transaction that locks the budgets' rows."""
        keys = dict.fromkeys(request.budget.key for request in requests)
        reported = {key: self._unreported.pop(key, []) for key in keys}

        def change(rows: Mapping[str, SharedRow]) -> tuple[Mapping[str, State], Reservation]:
            now, stored = self._decode(rows)
            reservation = try_reserve(
                stored,
                requests,
                replica=self.replica,
                call_id=call_id,
                completed={key: self._completed_calls(replies) for key, replies in reported.items()},
                now=now,
            )
            return _encode(reservation.budgets), reservation

        try:
            return await DELIVERY_BUDGETS.update(self._database, list(reported), change)
        except StoreUnavailable:
            self._requeue(reported)
            raise

    def complete(self, budgets: Sequence[Budget], call_id: int) -> None:
        """Remember the reply, and report it if no further call does so first."""
        at = self._clock.time()
        for budget, part in count_call(budgets, call_id):
            self._unreported.setdefault(budget.key, []).append(_Completion(budget, part, at))
        if self._report_task is None or self._report_task.done():
            self._report_task = asyncio.create_task(self._report_later(), name="budget-replies")

    async def record_rate_limit(self, budget: Budget, retry_after_s: float) -> None:
        """Close the budget's row."""

        def change(rows: Mapping[str, SharedRow]) -> tuple[Mapping[str, State], None]:
            now, stored = self._decode(rows)
            closed = apply_rate_limit(stored.get(budget.key), budget, retry_after_s, now)
            return _encode({budget.key: closed}), None

        await DELIVERY_BUDGETS.update(self._database, [budget.key], change)

    async def close(self) -> None:
        """Report all replies, so that the others need not wait for them."""
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
        reported, self._unreported = self._unreported, {}
        if not reported:
            return

        def change(rows: Mapping[str, SharedRow]) -> tuple[Mapping[str, State], None]:
            now, stored = self._decode(rows)
            after = {
                key: apply_completions(
                    stored.get(key),
                    replies[0].budget,
                    self._completed_calls(replies),
                    replica=self.replica,
                    now=now,
                )
                for key, replies in reported.items()
                if replies
            }
            return _encode(after), None

        try:
            await DELIVERY_BUDGETS.update(self._database, list(reported), change)
        except StoreUnavailable:
            self._requeue(reported)
            raise

    def _decode(self, rows: Mapping[str, SharedRow]) -> tuple[float, dict[str, SharedBudget]]:
        """Return the present by the shared clock, and the states that locked rows hold."""
        server_times_s = [row.server_time_s for row in rows.values() if row.server_time_s is not None]
        wall_s = max(server_times_s, default=time.time())
        budgets = {key: decode_budget(row.state) for key, row in rows.items()}
        stored = {key: budget for key, budget in budgets.items() if budget is not None}
        latest_s = max((budget.now for budget in stored.values()), default=0.0)
        return self._shared_clock.synchronize(latest_s, wall_s), stored

    async def _prune(self) -> None:
        if self._clock.time() < self._pruned_at + PRUNE_INTERVAL_S:
            return
        self._pruned_at = self._clock.time()
        async with self._database.begin() as tx:
            await DELIVERY_BUDGETS.delete_unused(tx, unused_s=UNUSED_TTL_S)

    def _completed_calls(self, completions: Sequence[_Completion]) -> list[CompletedCall]:
        now = self._clock.time()
        return [CompletedCall(one.call_id, now - one.at) for one in completions]

    def _requeue(self, reported: Mapping[str, list[_Completion]]) -> None:
        for key, replies in reported.items():
            self._unreported[key] = replies + self._unreported.get(key, [])


def _encode(budgets: Mapping[str, SharedBudget]) -> Mapping[str, State]:
    return {key: encode_budget(budget) for key, budget in budgets.items()}
