"""Where replicas keep the budgets they share: a port, and its adapter on the store.

One short transaction for each frame: lock the rows of its budgets, decide, save. Replies are told
with the next frame of the same budget, or by themselves a moment later.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from core.delivery.shared_budget import UNUSED_S, Ask, Landed, Row, Verdict, decide, refuse, replies
from core.domain.clock import Clock, SharedTime
from core.domain.errors import StoreUnavailable
from core.ports.platform import Budget
from core.store import Database, Transaction
from core.store import delivery as rows

log = structlog.get_logger(__name__)

TELL_AFTER_S = 0.5  #: replies that no further frame has told of are told after this
PRUNE_EVERY_S = 600.0


class Budgets(Protocol):
    """The budgets of all replicas together."""

    replica: str

    async def spend(self, asks: Sequence[Ask], call: int) -> Verdict:
        """Take one call out of every budget, or none out of any.

        Raises:
            StoreUnavailable: nothing is known of the others' calls.
        """

    def landed(self, budgets: Sequence[Budget], call: int) -> None:
        """Note that a call has its reply; told to the others soon."""

    async def refused(self, budget: Budget, retry_after_s: float) -> None:
        """Close a budget for all.

        Raises:
            StoreUnavailable: the others do not know of it.
        """

    async def close(self) -> None:
        """Tell the others what they do not know yet. Raises nothing."""


@dataclass(frozen=True, slots=True)
class _Reply:
    budget: Budget
    call: int
    at: float


class StoreBudgets:
    """Implements :class:`Budgets` on the database that all replicas share."""

    def __init__(self, database: Database, clock: Clock, replica: str) -> None:
        """``replica`` is this process's name among the others."""
        self.replica = replica
        self._database = database
        self._clock = clock
        self._time = SharedTime(clock)
        self._untold: dict[str, list[_Reply]] = {}
        self._teller: asyncio.Task[None] | None = None
        self._pruned_at = clock.time()

    async def spend(self, asks: Sequence[Ask], call: int) -> Verdict:
        """Decide in one transaction that holds the budgets' rows."""
        told = {ask.budget.key: self._untold.pop(ask.budget.key, []) for ask in asks}
        try:
            async with self._database.begin() as tx:
                now, found = await self._lock(tx, [ask.budget.key for ask in asks])
                landed = {key: self._landed(replies_) for key, replies_ in told.items()}
                verdict = decide(found, asks, replica=self.replica, call=call, landed=landed, now=now)
                await rows.save(tx, verdict.rows)
        except StoreUnavailable:
            self._keep(told)
            raise
        return verdict

    def landed(self, budgets: Sequence[Budget], call: int) -> None:
        """Remember the reply, and tell of it where no frame does so first."""
        at = self._clock.time()
        for budget in budgets:
            self._untold.setdefault(budget.key, []).append(_Reply(budget, call, at))
        if self._teller is None or self._teller.done():
            self._teller = asyncio.create_task(self._tell_later(), name="budget-replies")

    async def refused(self, budget: Budget, retry_after_s: float) -> None:
        """Close the budget's row."""
        async with self._database.begin() as tx:
            now, found = await self._lock(tx, [budget.key])
            await rows.save(tx, {budget.key: refuse(found[budget.key], budget, retry_after_s, now)})

    async def close(self) -> None:
        """Tell what is untold, so that the others need not wait for it."""
        if self._teller is not None:
            self._teller.cancel()
            await asyncio.gather(self._teller, return_exceptions=True)
        try:
            await self._tell()
        except StoreUnavailable as exc:
            log.info("budget_replies_untold", error=str(exc))

    async def _tell_later(self) -> None:
        while self._untold:
            await self._clock.sleep(TELL_AFTER_S)
            try:
                await self._tell()
                await self._prune()
            except StoreUnavailable as exc:
                log.info("budget_replies_late", error=str(exc))

    async def _tell(self) -> None:
        told, self._untold = self._untold, {}
        if not told:
            return
        try:
            async with self._database.begin() as tx:
                now, found = await self._lock(tx, list(told))
                after: dict[str, Row] = {
                    key: replies(
                        found[key], heard[0].budget, self._landed(heard), replica=self.replica, now=now
                    )
                    for key, heard in told.items()
                    if heard
                }
                await rows.save(tx, after)
        except StoreUnavailable:
            self._keep(told)
            raise

    async def _lock(self, tx: Transaction, keys: Sequence[str]) -> tuple[float, dict[str, Row]]:
        wall_s, found = await rows.lock(tx, keys)
        return self._time.meet(
            max((row.get("now", 0.0) for row in found.values()), default=0.0), wall_s
        ), found

    async def _prune(self) -> None:
        if self._clock.time() < self._pruned_at + PRUNE_EVERY_S:
            return
        self._pruned_at = self._clock.time()
        async with self._database.begin() as tx:
            await rows.prune(tx, unused_s=UNUSED_S)

    def _landed(self, heard: Sequence[_Reply]) -> list[Landed]:
        now = self._clock.time()
        return [Landed(one.call, now - one.at) for one in heard]

    def _keep(self, told: Mapping[str, list[_Reply]]) -> None:
        for key, heard in told.items():
            self._untold[key] = heard + self._untold.get(key, [])
