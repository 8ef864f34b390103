"""Permits to wait for: one account's limiter, as the requests of this process see it.

One task reports all requests of the process to the shared state and learns who may go. It runs only
while requests wait or run. Requests that come while a report is under way go into the next one
together, so hundreds of them are a handful of transactions.
"""

import asyncio
import contextvars
import random
from dataclasses import dataclass, replace
from typing import Final, assert_never

import structlog

from core.concurrency.deadline import DeadlineExceeded, run_with_timeout, wait_for_event
from core.domain.clock import Clock
from core.domain.errors import StoreUnavailable
from core.kimi import KimiContextTooLong, KimiError, KimiQuotaExhausted, KimiRateLimited
from core.llm.account_limits import AccountLimits, LimiterTiming
from core.llm.limiter_policy import Decision, DenialReason
from core.llm.limiter_replica import LimiterConfig, LimiterReplica
from core.llm.limiter_reports import WaitingReport
from core.llm.limiter_state import effective_limits
from core.llm.limiter_store import LimiterStore
from core.llm.permit import Permit
from core.ports.chat_model import OnQueuePosition, QueuePosition, Requester

log = structlog.get_logger(__name__)

STORE_RETRY_S: Final = 0.5  #: between two attempts to reach a failing store
SLOW_SYNC_S: Final = 0.001  #: with hundreds of requests a decision takes longer than this
SLOW_SYNC_PAUSE_FACTOR: Final = 5  #: the pause after it, so that decisions take a sixth of a core at most
POLL_JITTER: Final = 0.4  #: share of the poll interval that is random, so that replicas spread
DAY_LIMIT_LOG_INTERVAL_S: Final = 3600.0
MIN_WEIGHT: Final = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterLoad:
    """How much of an account is in use."""

    waiting: int  #: requests of this process in the queue
    running: int  #: requests of this process at Kimi
    paused: bool  #: a 429 lets no request go for a while
    exhausted: str  #: "quota" or "tpd" if the account is used up, else ""
    limits: AccountLimits  #: configured or observed, the stricter of both


@dataclass(slots=True)
class _PendingAcquire:
    """One request of this process that waits for its permit."""

    report: WaitingReport
    permit: "asyncio.Future[Permit]"
    on_queue_position: OnQueuePosition | None
    notified: bool = False

    def notify(self, position: QueuePosition) -> None:
        if self.on_queue_position is not None and not self.permit.done():
            self.notified = True
            self.on_queue_position(position)


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
        """Limit one account.

        Args:
            store: where the replicas share the account's state.
            limits: the configured limits; None in a dimension is learnt from Kimi's refusals.
            clock: measures every wait.
            name: the account's name in logs.
            single_replica: no other process shares the account: nothing is polled, and requests that
                an earlier process left running are over.
            timing: the same in every replica.
        """
        config = LimiterConfig(
            limits=limits, timing=timing or LimiterTiming(), name=name, single_replica=single_replica
        )
        self._replica = LimiterReplica(store, config, clock)
        self._clock = clock
        self._pending: dict[str, _PendingAcquire] = {}
        self._permits: dict[str, Permit] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._request_count = 0
        self._has_unreported_exit = False  # a request left the queue, and the store does not know
        self._store_failing_since: float | None = None
        self._day_limit_logged_at = float("-inf")

    async def acquire(
        self, requester: Requester, tokens: int, *, on_queue_position: OnQueuePosition | None = None
    ) -> Permit:
        """Wait for a permit to send one request; use the permit as a block at once.

        Args:
            requester: in whose share of the account the request waits.
            tokens: estimated tokens of the prompt and requested tokens of the completion.
            on_queue_position: receives the request's position whenever it changes.

        Raises:
            KimiQuotaExhausted: the account has no balance.
            KimiRateLimited: its tokens of the day are spent (``limit`` is "tpd").
            KimiContextTooLong: the request alone has more tokens than a minute or a day grants.
            StoreUnavailable: the store failed for too long.
        """
        self._request_count += 1
        report = WaitingReport(
            id=f"{self._replica.id}-{self._request_count}",
            requester_id=requester.person,
            cost=1.0 / max(requester.weight, MIN_WEIGHT),
            tokens=tokens,
        )
        pending = _PendingAcquire(report, asyncio.get_running_loop().create_future(), on_queue_position)
        self._pending[report.id] = pending
        self._wake_task()
        try:
            return await pending.permit
        except asyncio.CancelledError:
            if (late := self._permits.get(report.id)) is not None:
                late.release_unsent()
            raise
        finally:
            if self._pending.pop(report.id, None) is not None:
                self._has_unreported_exit = True
                self._wake_task()

    @property
    def load(self) -> LimiterLoad:
        """The use of the account by this process now, and the account's state at the latest sync."""
        state, now = self._replica.decision.state, self._replica.now()
        return LimiterLoad(
            waiting=len(self._pending),
            running=len(self._permits),
            paused=any(pause.until > now for pause in state.pauses.values()),
            exhausted=state.exhausted.reason if state.exhausted is not None else "",
            limits=effective_limits(self._replica.config.limits, state),
        )

    async def close(self) -> None:
        """Return when the other replicas know of all that ended here; requests that wait stay waiting."""
        if self._task is None:
            return
        self._wake_task()
        try:
            await run_with_timeout(
                _wait_for(self._task), self._replica.config.timing.store_retry_deadline_s, self._clock
            )
        except DeadlineExceeded:
            log.info("limiter.close_timed_out", account=self._replica.config.name)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _wake_task(self) -> None:
        """Let the task visit the store: something has changed here."""
        self._wake.set()
        if self._task is None or self._task.done():
            # In an empty context: what the task logs belongs to no single turn.
            self._task = asyncio.create_task(
                self._run(), name=f"limiter-{self._replica.config.name}", context=contextvars.Context()
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
                    await wait_for_event(self._wake, STORE_RETRY_S, self._clock)
                    continue
                if self._replica.compute_s > SLOW_SYNC_S:
                    await asyncio.sleep(SLOW_SYNC_PAUSE_FACTOR * self._replica.compute_s)
                if self._pending or self._permits:
                    await self._wait_for_change()
        except Exception as exc:  # the boundary of the task: no request may wait for ever
            log.exception("limiter.failed", account=self._replica.config.name)
            self._fail_pending(exc)

    async def _sync(self) -> None:
        """Report all requests and hand out the permits that were granted."""
        running = [permit.report for permit in self._permits.values()]
        decision = await self._replica.sync((entry.report for entry in self._pending.values()), running)
        self._store_failing_since = None
        for reported in running:
            if reported.end_reason is not None:
                del self._permits[reported.id]
        self._apply_decision(decision)

    def _apply_decision(self, decision: Decision) -> None:
        for request in decision.granted:
            permit = self._permits[request.id] = Permit(request, self._replica.now, self._wake.set)
            pending = self._pending.pop(request.id, None)
            if pending is None or pending.permit.done():
                permit.release_unsent()  # its caller left meanwhile
            else:
                if pending.notified:
                    pending.notify(QueuePosition(position=0, eta_s=0.0))
                pending.permit.set_result(permit)
        for request_id, reason in decision.denied.items():
            pending = self._pending.pop(request_id, None)
            if pending is not None and not pending.permit.done():
                exhausted = decision.state.exhausted is not None
                pending.permit.set_exception(self._denial_error(reason, exhausted=exhausted))
        stamps = {request.id: request for request in decision.state.queued}
        for request_id, position in decision.estimates.items():
            if (pending := self._pending.get(request_id)) is not None:
                stamp = stamps[request_id]
                pending.report = replace(pending.report, virtual_arrival=stamp.virtual_arrival, seq=stamp.seq)
                pending.notify(position)

    async def _wait_for_change(self) -> None:
        """Return when another sync may change something."""
        config = self._replica.config
        polls = bool(self._pending) and not config.single_replica
        due_at = self._replica.next_sync_at(has_waiting=bool(self._pending))
        while not self._wake.is_set() and (left_s := due_at - self._replica.now()) > 0:
            if not polls:
                await wait_for_event(self._wake, left_s, self._clock)
                continue
            jitter = 1 - POLL_JITTER * random.random()  # noqa: S311 (no secret)
            poll_s = config.timing.poll_s * jitter
            woken = await wait_for_event(self._wake, min(left_s, poll_s), self._clock)
            if not woken and await self._replica.has_store_changed():
                return

    def _handle_store_failure(self, error: StoreUnavailable) -> None:
        now = self._clock.time()
        if self._store_failing_since is None:
            log.warning("limiter.store_failed", account=self._replica.config.name, error=str(error))
            self._store_failing_since = now
        elif now - self._store_failing_since > self._replica.config.timing.store_retry_deadline_s:
            self._fail_pending(error)

    def _fail_pending(self, error: Exception) -> None:
        for pending in self._pending.values():
            if not pending.permit.done():
                pending.permit.set_exception(error)
        self._pending.clear()
        self._store_failing_since = None

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
                    log.error("limiter.day_limit_reached", account=self._replica.config.name)
                return KimiRateLimited("the account's tokens for the day are spent", limit="tpd")
            case _:
                assert_never(reason)


async def _wait_for(task: "asyncio.Task[None]") -> None:
    await asyncio.wait({task})  # cancelling this wait leaves the task running
