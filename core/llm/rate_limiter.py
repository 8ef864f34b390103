"""Slots to wait for: this process's side of the limiter.

One task reports everything that this process has in the account to the ledger and learns who may
go. It runs only while somebody waits or runs; requests that come while a report is under way go
into the next one together, so a rush of hundreds is a handful of transactions.
"""

import asyncio
import contextlib
import contextvars
import random
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import structlog

from core.domain.clock import Clock, SharedClock
from core.domain.errors import StoreUnavailable
from core.kimi import KimiContextTooLong, KimiError, KimiQuotaExhausted, KimiRateLimited
from core.llm.account_limits import AccountLimits, LimiterTiming
from core.llm.limiter_policy import Decision, DenialReason, WaitEstimate, advance_time, decide
from core.llm.limiter_reports import LogEvent, ReplicaReport, WaitingReport, apply_report
from core.llm.limiter_state import LimiterState, effective_limits
from core.llm.limiter_store import LimiterStore
from core.llm.permit import Permit

log = structlog.get_logger(__name__)

RETRY_S = 0.5  #: between tries of a database that fails
SLOW_SYNC_S = 0.001  #: with hundreds of requests a step is work; then it gets a sixth of a core at most
DAY_LIMIT_LOG_INTERVAL_S = 3600.0  #: how often the operator is told that the day's tokens are spent


@dataclass(frozen=True, slots=True, kw_only=True)
class PermitRequest:
    """One request that wants a slot."""

    requester_id: str  #: whose share it is of; each asker has the same
    chat: str  #: where it was asked
    tokens: int  #: estimated prompt and requested completion
    weight: float = 1.0  #: of the chat: 2 gets twice the share while it waits


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuePosition:
    """Where a request stands in the line."""

    position: int  #: 1 is next; 0: it goes now
    eta_s: float  #: a guess


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterLoad:
    """How much of an account is in use."""

    waiting: int  #: requests of this process in the line
    running: int  #: requests of this process at Kimi
    paused: bool  #: a 429 lets nothing go for a while
    exhausted: str  #: "", "quota" or "tpd": used up
    limits: AccountLimits  #: configured or learnt, the stricter of both


OnQueuePosition = Callable[[QueuePosition], None]


@dataclass(slots=True)
class _PendingAcquire:
    """One request of this process that waits."""

    report: WaitingReport
    permit: "asyncio.Future[Permit]"
    on_queue_position: OnQueuePosition | None
    notified: bool = False


class RateLimiter:
    """One account's limiter in one process."""

    def __init__(
        self,
        store: LimiterStore,
        limits: AccountLimits,
        clock: Clock,
        *,
        name: str = "kimi",
        single_replica: bool = False,
        timing: LimiterTiming | None = None,
    ) -> None:
        """Take the account kept in ``ledger``, with what is configured of its limits.

        ``sole`` says that no other replica exists: nothing is polled, and what an earlier process
        left running is over. ``name`` stands in the log.
        """
        self._store = store
        self._limits = limits
        self._clock = clock
        self._name = name
        self._single_replica = single_replica
        self._timing = timing or LimiterTiming()
        self._time = SharedClock(clock)
        self._replica = uuid.uuid4().hex[:12]
        self._pending: dict[str, _PendingAcquire] = {}
        self._permits: dict[str, Permit] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._next_change_at = self._synced_at = 0.0
        self._version = 0
        self._compute_s = 0.0  # what the latest step took to compute
        self._failing_since: float | None = None
        self._day_limit_logged_at = float("-inf")
        self._count = 0
        self._state = LimiterState()  # as the latest step left it
        self._has_unreported_exit = False  # somebody left the line, and the ledger does not know

    @contextlib.asynccontextmanager
    async def permit(
        self, request: PermitRequest, *, on_queue_position: OnQueuePosition | None = None
    ) -> AsyncIterator[Permit]:
        """Wait for a slot and hold it for the length of the block; see :meth:`acquire`."""
        with await self.acquire(request, on_queue_position=on_queue_position) as slot:
            yield slot

    async def acquire(
        self, request: PermitRequest, *, on_queue_position: OnQueuePosition | None = None
    ) -> Permit:
        """Wait in the line; return the slot, which must be used as a block at once.

        ``on_place`` is told the place in the line whenever it changes.

        Raises:
            KimiQuotaExhausted: the account has no balance.
            KimiRateLimited: its tokens for the day are spent (``limit`` is "tpd").
            KimiContextTooLong: the request alone is more than a minute or a day grants.
            StoreUnavailable: the database failed for too long.
        """
        self._count += 1
        waiting = WaitingReport(
            id=f"{self._replica}-{self._count}",
            requester_id=request.requester_id,
            cost=1.0 / max(request.weight, 1e-3),
            tokens=request.tokens,
        )
        entry = _PendingAcquire(waiting, asyncio.get_running_loop().create_future(), on_queue_position)
        self._pending[waiting.id] = entry
        self._wake_task()
        try:
            return await entry.permit
        except asyncio.CancelledError:
            if (late := self._permits.get(waiting.id)) is not None:
                late.release_unsent()
            raise
        finally:
            if self._pending.pop(waiting.id, None) is not None:
                self._has_unreported_exit = True
                self._wake_task()

    @property
    def load(self) -> LimiterLoad:
        """What this process has in the account now, and how the account stood when it was last asked."""
        now = self._time.now()
        return LimiterLoad(
            waiting=len(self._pending),
            running=len(self._permits),
            paused=any(pause.until > now for pause in self._state.pauses.values()),
            exhausted=self._state.exhausted.reason if self._state.exhausted is not None else "",
            limits=effective_limits(self._limits, self._state),
        )

    async def close(self) -> None:
        """Return when what ended here is known to the others; whoever still waits is not helped."""
        if self._task is not None:
            self._wake_task()
            patience = asyncio.ensure_future(self._clock.sleep(self._timing.store_retry_deadline_s))
            await asyncio.wait({self._task, patience}, return_when=asyncio.FIRST_COMPLETED)
            for task in (self._task, patience):
                task.cancel()
            await asyncio.gather(self._task, patience, return_exceptions=True)

    def _wake_task(self) -> None:
        """Let the task look: something has changed here."""
        self._wake.set()
        if self._task is None or self._task.done():
            # In a context of its own: what it logs is of no single turn.
            self._task = asyncio.create_task(
                self._run(), name=f"account-{self._name}", context=contextvars.Context()
            )

    async def _run(self) -> None:
        try:
            while self._pending or self._permits or self._has_unreported_exit:
                self._wake.clear()
                self._has_unreported_exit = False
                try:
                    await self._sync()
                except StoreUnavailable as exc:
                    self._handle_store_failure(exc)
                    await self._sleep_until_woken(RETRY_S)
                    continue
                if self._compute_s > SLOW_SYNC_S:
                    await asyncio.sleep(5 * self._compute_s)
                if self._pending or self._permits:
                    await self._wait_for_change()
        except Exception as exc:  # the boundary of the task: nobody may wait for ever
            log.exception("limiter.failed", account=self._name)
            self._fail_pending(exc)

    async def _sync(self) -> None:
        """Report, decide, and hand out what was decided."""
        report = ReplicaReport(
            replica=self._replica,
            waiting=tuple(entry.report for entry in self._pending.values()),
            running=tuple(slot.report for slot in self._permits.values()),
            single_replica=self._single_replica,
        )

        def step(state: LimiterState, wall: float) -> tuple[LimiterState, tuple[Decision, list[LogEvent]]]:
            began = time.perf_counter()
            now = self._time.synchronize(state.updated_at, wall)
            state, news = apply_report(state, report, self._limits, self._timing, now)
            state = advance_time(state, self._limits, self._timing, now)
            decision = decide(state, self._limits, self._timing, now, replica=self._replica)
            self._compute_s = time.perf_counter() - began
            return decision.state, (decision, news)

        (decision, news), self._version = await self._store.update(step)
        self._failing_since = None
        for one in news:
            (log.error if one.is_error else log.info)(one.event, account=self._name, **one.fields)
        for told in report.running:
            if told.end_reason is not None:
                del self._permits[told.id]
        self._apply_decision(decision)

    def _apply_decision(self, decision: Decision) -> None:
        self._next_change_at, self._synced_at = decision.next_change_at, self._time.now()
        self._state = decision.state
        for call in decision.granted:
            slot = Permit(call, self._time.now, self._wake.set)
            self._permits[call.id] = slot
            entry = self._pending.pop(call.id, None)
            if entry is None or entry.permit.done():
                slot.release_unsent()  # its person left meanwhile
            else:
                if entry.notified:
                    _notify_position(entry, WaitEstimate(position=0, eta_s=0.0))
                entry.permit.set_result(slot)
        for id_, why in decision.denied.items():
            entry = self._pending.pop(id_, None)
            if entry is not None and not entry.permit.done():
                entry.permit.set_exception(
                    self._denial_error(why, exhausted=decision.state.exhausted is not None)
                )
        stamps = {one.id: one for one in decision.state.queued}
        for id_, standing in decision.estimates.items():
            if (entry := self._pending.get(id_)) is not None:
                stamp = stamps[id_]
                entry.report = replace(entry.report, virtual_arrival=stamp.virtual_arrival, seq=stamp.seq)
                _notify_position(entry, standing)

    async def _wait_for_change(self) -> None:
        """Return when another report may change something."""
        timing = self._timing
        due = [self._synced_at + timing.lease_s / 3]
        shared = bool(self._pending) and not self._single_replica
        if self._pending:
            beat_s = timing.heartbeat_s if shared else 5 * timing.heartbeat_s
            due += [self._next_change_at, self._synced_at + beat_s]
        due_at = max(min(due), self._synced_at + 0.005)
        while not self._wake.is_set() and (left_s := due_at - self._time.now()) > 0:
            poll_s = timing.poll_s * (0.6 + 0.4 * random.random())  # noqa: S311 (jitter)
            await self._sleep_until_woken(min(left_s, poll_s) if shared else left_s)
            if shared and not self._wake.is_set() and await self._has_store_changed():
                return

    async def _has_store_changed(self) -> bool:
        try:
            return await self._store.version() != self._version
        except StoreUnavailable:
            return True  # the next step will tell

    async def _sleep_until_woken(self, delay_s: float) -> None:
        timer = asyncio.ensure_future(self._clock.sleep(delay_s))
        waker = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({timer, waker}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            waker.cancel()

    def _handle_store_failure(self, error: StoreUnavailable) -> None:
        now = self._clock.time()
        if self._failing_since is None:
            log.warning("limiter.store_failed", account=self._name, error=str(error))
            self._failing_since = now
        elif now - self._failing_since > self._timing.store_retry_deadline_s:
            self._fail_pending(error)

    def _fail_pending(self, error: Exception) -> None:
        for entry in self._pending.values():
            if not entry.permit.done():
                entry.permit.set_exception(error)
        self._pending.clear()
        self._failing_since = None

    def _denial_error(self, reason: DenialReason, *, exhausted: bool) -> KimiError:
        match reason:
            case "quota":
                return KimiQuotaExhausted("the account was found without balance; asked again later")
            case "too_large":
                return KimiContextTooLong("the request alone is more than the account's limits grant")
            case "tpd":
                now = self._clock.time()
                if not exhausted and now - self._day_limit_logged_at > DAY_LIMIT_LOG_INTERVAL_S:
                    self._day_limit_logged_at = now
                    log.error("limiter.day_limit_reached", account=self._name)
                return KimiRateLimited("the account's tokens for the day are spent", limit="tpd")


def _notify_position(pending: _PendingAcquire, estimate: WaitEstimate) -> None:
    if pending.on_queue_position is not None and not pending.permit.done():
        pending.notified = True
        pending.on_queue_position(QueuePosition(position=estimate.position, eta_s=estimate.eta_s))
