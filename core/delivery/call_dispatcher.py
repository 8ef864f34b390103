"""Sends the calls of all sources as fast as their budgets permit.

One loop decides, one task a call sends. A source has one call in flight at a time, so that an older
update never lands on a newer one.
"""

import asyncio
from collections.abc import Callable

import structlog

from core.concurrency.task_set import TaskSet
from core.delivery.budgeted_calls import BudgetedCalls, BudgetSpent
from core.delivery.call_source import AnySource
from core.delivery.outages import PlatformOutages
from core.delivery.platform_call import PlannedCall
from core.delivery.scheduler import CallScheduler, ReadyCall
from core.domain.clock import Clock
from core.domain.errors import LeaseLost, PlatformError, StoreUnavailable

log = structlog.get_logger(__name__)

MAX_IDLE_S = 3600.0  #: longest sleep of the loop if nothing is due; a change wakes it
HOLD_POLL_S = 0.1  #: how often the loop checks whether it may send again
DENIED_RETRY_S = 0.05  #: longest wait before a call is tried again that other replicas left no room for


class CallDispatcher:
    """The sending loop of one process."""

    def __init__(
        self, calls: BudgetedCalls, clock: Clock, *, may_send: Callable[[], bool] = lambda: True
    ) -> None:
        """While ``may_send`` returns False no call is started: other replicas may own the work now."""
        self.clock = clock
        self._calls = calls
        self._scheduler = CallScheduler(calls.pool)
        self._outages = PlatformOutages()
        self._may_send = may_send
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._tasks = TaskSet()

    def start(self) -> None:
        """Start sending."""
        self._loop = asyncio.create_task(self._run(), name="delivery-loop")

    async def close(self) -> None:
        """Stop sending; wait for calls in flight, so that none takes effect afterwards."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        await self._tasks.wait_idle()
        await self._calls.close()

    def cancel_calls(self) -> None:
        """Cancel every call in flight, because another replica may own their work now."""
        self._tasks.cancel()

    def add(self, source: AnySource) -> None:
        """Send the calls of a source until it ends."""
        self._scheduler.add(source, self.clock.time())
        self._wake.set()

    def notify_changed(self, source: AnySource) -> None:
        """Look at a source again, because it has changed or ended."""
        if source.completion.ended:
            self._scheduler.remove(source, self.clock.time())
        else:
            self._scheduler.mark_changed(source)
        self._wake.set()

    async def _run(self) -> None:
        alarm: asyncio.Task[None] | None = None
        alarm_at = float("inf")
        try:
            while True:
                self._wake.clear()
                wake_at = self._dispatch()
                if alarm is None or alarm.done() or wake_at < alarm_at:
                    if alarm is not None:
                        alarm.cancel()
                    alarm_at = wake_at
                    alarm = asyncio.create_task(self._wake_at(wake_at), name="delivery-alarm")
                await self._wake.wait()
        finally:
            if alarm is not None:
                alarm.cancel()

    async def _wake_at(self, wake_at: float) -> None:
        await self.clock.sleep(max(0.0, min(wake_at - self.clock.time(), MAX_IDLE_S)))
        self._wake.set()

    def _dispatch(self) -> float:
        """Start every call that may be sent now; return the time to look again."""
        while True:
            now = self.clock.time()
            if len(self._scheduler) and not self._may_send():
                return now + HOLD_POLL_S
            ready = self._scheduler.next_call(now)
            if not isinstance(ready, ReadyCall):
                return ready
            self._tasks.spawn(self._send(ready), context=ready.source.context.copy())

    async def _send(self, ready: ReadyCall) -> None:
        source = ready.source
        try:
            await self._send_once(ready)
        except (LeaseLost, StoreUnavailable) as exc:
            source.completion.end(exc)
        except Exception as exc:  # the boundary of a task: whatever an adapter raised ends one source
            log.exception("delivery.failed", platform=source.platform, action=ready.call.action)
            source.completion.end(PlatformError(f"unexpected: {type(exc).__name__}"))
        finally:
            self._scheduler.finish(source)
            self.notify_changed(source)

    async def _send_once(self, ready: ReadyCall) -> None:
        source, call = ready.source, ready.call
        try:
            result = await self._calls.send(source, call, ready.pending)
        except BudgetSpent as exc:
            now = self.clock.time()
            source.postponed(call, now + exc.wait_s)
            # Our buckets are up to date now; they decide which call comes next, and when.
            self._scheduler.block(source, now + min(exc.wait_s, DENIED_RETRY_S))
            return
        except PlatformError as exc:
            self._outages.record_failure(source.platform, call.action, exc, self.clock.time())
            if (fatal := source.failed(call, exc, self.clock.time())) is not None:
                source.completion.end(fatal)
                self.notify_changed(source)
        else:
            self._outages.record_success(source.platform, self.clock.time())
            source.succeeded(call, result, self.clock.time())
            if (extra := source.follow_up(call)) is not None:
                self._tasks.spawn(self._send_beside(source, extra), context=source.context.copy())
        await source.after_call(call)

    async def _send_beside(self, source: AnySource, call: PlannedCall) -> None:
        try:
            await self._calls.send(source, call, self._calls.pool.start((), self.clock.time()))
        except PlatformError as exc:
            log.info(
                "delivery.follow_up_failed", platform=source.platform, action=call.action, error=str(exc)
            )
