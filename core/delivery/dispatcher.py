"""Performs what the scheduler allows: the only place where growing messages meet a platform.

One loop decides, one task per call performs. A message has one call in flight at a time, so that
an older frame can never land on a newer one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import structlog

from core.delivery.budget_guard import BudgetGuard
from core.delivery.delivery import Delivery, OnRefsChanged
from core.delivery.error_policy import handle_error
from core.delivery.message_operations import MessageOperation, Priority
from core.delivery.pacing import PacingPolicy
from core.delivery.platform_calls import clear_status, observed_call, perform
from core.delivery.scheduled_message import ScheduledMessage, SendPermit
from core.delivery.scheduler import DeliveryScheduler
from core.delivery.shared_budget_store import SharedBudgets
from core.delivery.streamed_message import StreamedMessage
from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef, PlatformAction, TypingStatus
from core.domain.buttons import Button
from core.domain.clock import Clock
from core.domain.errors import (
    LeaseLost,
    PlatformError,
    PlatformForbidden,
    PlatformRateLimited,
    PlatformRefused,
    StoreUnavailable,
)
from core.observer import NOOP_OBSERVER, Observer
from core.ports.platform import MessageChannel

log = structlog.get_logger(__name__)

STATUS_DELAY_S = 0.03  #: "is typing" can wait until Kimi is asked; what is told at once needs none
MAX_IDLE_S = 3600.0  #: how long the loop sleeps when nothing is due; a nudge ends it
HOLD_POLL_S = 0.1  #: how often it looks whether a hold is over


def _always() -> bool:
    return True


class DeliveryDispatcher:
    """The delivery of one process: open it, hand out deliveries, close it."""

    def __init__(
        self,
        clock: Clock,
        pacing: PacingPolicy | None = None,
        *,
        shared_budgets: SharedBudgets | None = None,
        observer: Observer = NOOP_OBSERVER,
        may_call: Callable[[], bool] = _always,
    ) -> None:
        """Start nothing yet.

        Args:
            clock: the time by which calls are paced.
            pacing: the pacing policy; None for the default one.
            shared_budgets: budgets that other replicas spend from too; None if there are no others.
            observer: receives one record for each platform call.
            may_call: False holds every call, because another replica may own the messages now.
        """
        self.clock = clock
        self._observer = observer
        self.scheduler = DeliveryScheduler(pacing)
        self._budget_guard = BudgetGuard(self.scheduler, clock, shared_budgets)
        self.may_call = may_call
        self._deliveries: dict[int, Delivery] = {}
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to deliver."""
        self._loop = asyncio.create_task(self._run(), name="courier")

    async def close(self) -> None:
        """Stop delivering; calls in flight are waited for, so that none lands after us."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        if self._calls:
            await asyncio.gather(*self._calls, return_exceptions=True)
        await self._budget_guard.close()

    def cancel_calls(self) -> None:
        """Break every call in flight off: what it would show is not ours to show any more."""
        for one in self._calls:
            one.cancel()

    def open(
        self,
        channel: MessageChannel,
        address: Address,
        *,
        idempotency_key: str,
        on_refs_changed: OnRefsChanged,
        question_id: str = "",
        refs: Sequence[MessageRef] = (),
        known_message_ids: frozenset[str] = frozenset(),
        post_uncertain: bool = False,
        show_status: bool = True,
        running_buttons: tuple[Button, ...] = (),
        final_buttons: tuple[Button, ...] = (),
    ) -> Delivery:
        """Begin to show an answer at ``address``.

        ``refs`` are messages that an earlier run posted for it; ``lost_post`` says that there may
        be one more whose reference was not stored. ``on_refs`` is awaited whenever the list of
        messages has changed, before anything else happens to them.
        """
        now = self.clock.time()
        growing = StreamedMessage(
            address,
            channel.build_renderer(address),
            channel.delivery_modes(address),
            refs=refs,
            running_buttons=running_buttons,
            final_buttons=final_buttons,
            opened_at=now,
        )
        growing.can_find_by_key = channel.can_find_by_key
        growing.post_uncertain = post_uncertain and channel.can_find_by_key
        lane = ScheduledMessage(
            streamed=growing,
            status_cost=tuple(channel.status_cost(address)),
            status_refresh_s=channel.status_refresh_s(address),
            next_status_at=now + STATUS_DELAY_S if show_status and not refs else None,
        )
        delivery = Delivery(
            self,
            channel,
            lane,
            idempotency_key=idempotency_key,
            question_id=question_id,
            known_message_ids=known_message_ids,
            on_refs_changed=on_refs_changed,
        )
        delivery.status_shown = post_uncertain  # an earlier run may have left its status
        self._deliveries[id(lane)] = delivery
        self.scheduler.add(lane, now)
        self.notify_changed(lane)
        return delivery

    def remove(self, delivery: Delivery) -> None:
        """Take a delivery out of the schedule."""
        if self._deliveries.pop(id(delivery.scheduled), None) is not None:
            self.scheduler.remove(delivery.scheduled, self.clock.time())

    def notify_changed(self, message: ScheduledMessage) -> None:
        """Let the loop look again: something about a message has changed that no timer knows of."""
        self.scheduler.mark_changed(message)
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
                    alarm = asyncio.create_task(self._wake_at(wake_at), name="courier-alarm")
                await self._wake.wait()
        finally:
            if alarm is not None:
                alarm.cancel()

    async def _wake_at(self, wake_at: float) -> None:
        await self.clock.sleep(max(0.0, min(wake_at - self.clock.time(), MAX_IDLE_S)))
        self._wake.set()

    def _dispatch(self) -> float:
        """Start every call that may go now; return when to look again."""
        while True:
            now = self.clock.time()
            if self._deliveries and not self.may_call():
                return now + HOLD_POLL_S
            grant, wake_at = self.scheduler.next_permit(now)
            if grant is None:
                return wake_at
            delivery = self._deliveries[id(grant.message)]
            if grant.priority is Priority.STATUS:
                number = self.scheduler.start_call(grant, grant.message.status_cost, now)
                self._start(delivery, self._show_status(delivery, grant.message, number))
                continue
            try:
                step = delivery.streamed.compose(grant.create_mode, now)
            except Exception as exc:  # a renderer's bug must end one answer, not the loop
                log.exception("delivery.compose_failed", marker=delivery.idempotency_key)
                self._fail(delivery, PlatformRefused(f"cannot be composed: {type(exc).__name__}"))
                continue
            if step is None:
                grant.message.last_update_at = (
                    now  # a frame that shows nothing new is not composed anew at once
                )
                self.scheduler.mark_changed(grant.message)
                self._resolve_if_complete(delivery)
            else:
                self._send(delivery, grant, step, now)

    def _send(self, delivery: Delivery, permit: SendPermit, operation: MessageOperation, now: float) -> None:
        """Perform a step where its budgets have room."""
        if not self.scheduler.has_room(operation.cost, now):
            operation = delivery.streamed.without_finalize(operation) or operation
        if self.scheduler.has_room(operation.cost, now):
            number = self.scheduler.start_call(permit, operation.cost, now)
            self._start(delivery, self._perform(delivery, operation, number))
        else:
            # Composing told of another call than was expected, and its budget has no room yet.
            delivery.streamed.mark_not_shown()
            delivery.scheduled.not_before = self.scheduler.room_at(operation.cost, now)
            self.scheduler.mark_changed(delivery.scheduled)

    def _start(self, delivery: Delivery, coroutine: "Awaitable[None]") -> None:
        delivery.scheduled.in_flight = True
        self._spawn(delivery, self._guarded(delivery, coroutine))

    def _spawn(self, delivery: Delivery, coroutine: "Coroutine[Any, Any, None]") -> None:
        task = asyncio.create_task(coroutine, context=delivery.context.copy())
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _guarded(self, delivery: Delivery, coroutine: "Awaitable[None]") -> None:
        try:
            await coroutine
        except (LeaseLost, StoreUnavailable) as exc:
            self._fail(delivery, exc)
        except Exception as exc:  # the boundary of a task: whatever an adapter raised ends one answer
            log.exception("delivery.failed", marker=delivery.idempotency_key)
            self._fail(delivery, PlatformError(f"unexpected: {type(exc).__name__}"))
        finally:
            delivery.scheduled.in_flight = False
            self.scheduler.complete_call(delivery.scheduled, self.clock.time())
            self.notify_changed(delivery.scheduled)

    async def _show_status(self, delivery: Delivery, message: ScheduledMessage, call_id: int) -> None:
        message.next_status_at = (
            self.clock.time() + message.status_refresh_s if message.status_refresh_s else None
        )
        async with self._budget_guard.reserve(
            message, Priority.STATUS, message.status_cost, call_id
        ) as wait_s:
            if wait_s:
                message.next_status_at = self.clock.time() + wait_s
                return
            try:
                with observed_call(self._observer, delivery, PlatformAction.STATUS, self.clock):
                    await delivery.channel.set_status(delivery.streamed.address, TypingStatus.THINKING)
                delivery.status_shown = True
            except PlatformRateLimited as exc:
                self._budget_guard.record_rate_limit((*message.status_cost, *message.budgets), exc)
            except PlatformForbidden as exc:
                self._fail(delivery, exc)
            except PlatformError as exc:
                log.info("delivery.status_failed", marker=delivery.idempotency_key, error=str(exc))

    async def _perform(self, delivery: Delivery, operation: MessageOperation, call_id: int) -> None:
        before = delivery.streamed.refs
        try:
            async with self._budget_guard.reserve(
                delivery.scheduled,
                operation.priority,
                operation.cost,
                call_id,
                completes_answer=operation.completes_answer,
            ) as wait_s:
                if wait_s:
                    delivery.streamed.mark_not_shown()
                    return
                with observed_call(self._observer, delivery, operation.action, self.clock):
                    ref = await perform(delivery, operation, self.clock)
        except PlatformError as exc:
            now = self.clock.time()
            self.scheduler.complete_call(delivery.scheduled, now)
            if isinstance(exc, PlatformRateLimited):
                # A verb may have gone over to another method than the one its step paid for.
                self._budget_guard.record_rate_limit((*operation.cost, *delivery.scheduled.budgets), exc)
            if (fatal := handle_error(delivery, operation, exc, now)) is not None:
                self._fail(delivery, fatal)
        else:
            self.scheduler.complete_call(delivery.scheduled, self.clock.time())
            delivery.failures = 0
            delivery.streamed.mark_applied(operation, ref, self.clock.time())
            if delivery.status_shown and delivery.streamed.posted:
                delivery.status_shown = False
                self._spawn(delivery, clear_status(delivery, self.clock, self._observer))
        if delivery.streamed.refs != before:
            await delivery.on_refs_changed(delivery.streamed.refs)
        if operation.completes_answer and delivery.streamed.next_priority(self.clock.time()) is None:
            # Nothing is left to be shown: whoever waits need not wait for room for another call.
            self._resolve_if_complete(delivery)

    def _resolve_if_complete(self, delivery: Delivery) -> None:
        if delivery.streamed.complete:
            self.remove(delivery)
            if not delivery.finished.done():
                delivery.finished.set_result(None)

    def _fail(self, delivery: Delivery, error: Exception) -> None:
        self.remove(delivery)
        if not delivery.finished.done():
            delivery.finished.set_exception(error)
            delivery.finished.exception()  # retrieved: the owner may look at it late or never
