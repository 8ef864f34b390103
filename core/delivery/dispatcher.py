"""Performs what the scheduler allows: the only place where growing messages meet a platform.

One loop decides, one task per call performs. A message has one call in flight at a time, so that
an older frame can never land on a newer one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import structlog

from core.delivery.budget_guard import Payer
from core.delivery.delivery import Delivery, OnRefs
from core.delivery.error_policy import recover
from core.delivery.operations import Need, Step
from core.delivery.pacing import Pace
from core.delivery.platform_calls import call, clear_status, told
from core.delivery.scheduled_message import Grant, Lane
from core.delivery.scheduler import Scheduler
from core.delivery.shared_budget_store import Budgets
from core.delivery.streamed_message import Growing
from core.domain.clock import Clock
from core.domain.errors import (
    Fenced,
    StoreUnavailable,
    SurfaceClosed,
    SurfaceError,
    SurfaceRateLimited,
    SurfaceRefused,
)
from core.domain.events import Address, Button, MessageRef, Status
from core.observer import SILENT, Observer
from core.ports.platform import Surface

log = structlog.get_logger(__name__)

STATUS_AFTER_S = 0.03  #: "is typing" can wait until Kimi is asked; what is told at once needs none
IDLE_WAIT_S = 3600.0  #: how long the loop sleeps when nothing is due; a nudge ends it
HOLD_LOOK_S = 0.1  #: how often it looks whether a hold is over


def _always() -> bool:
    return True


class Courier:
    """The delivery of one process: open it, hand out deliveries, close it."""

    def __init__(
        self,
        clock: Clock,
        pace: Pace | None = None,
        *,
        budgets: Budgets | None = None,
        observer: Observer = SILENT,
    ) -> None:
        """``budgets`` are those that other replicas spend from too; None where there are none."""
        self.clock = clock
        self._observer = observer
        self.scheduler = Scheduler(pace)
        self._payer = Payer(self.scheduler, clock, budgets)
        self.may_call: Callable[[], bool] = _always  #: False holds every call: others may show it now
        self._of_lane: dict[int, Delivery] = {}
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
        await self._payer.close()

    def cut(self) -> None:
        """Break every call in flight off: what it would show is not ours to show any more."""
        for one in self._calls:
            one.cancel()

    def open(
        self,
        surface: Surface,
        address: Address,
        *,
        marker: str,
        on_refs: OnRefs,
        question_id: str = "",
        refs: Sequence[MessageRef] = (),
        known: frozenset[str] = frozenset(),
        lost_post: bool = False,
        show_status: bool = True,
        running_controls: tuple[Button, ...] = (),
        final_controls: tuple[Button, ...] = (),
    ) -> Delivery:
        """Begin to show an answer at ``address``.

        ``refs`` are messages that an earlier run posted for it; ``lost_post`` says that there may
        be one more whose reference was not stored. ``on_refs`` is awaited whenever the list of
        messages has changed, before anything else happens to them.
        """
        now = self.clock.time()
        growing = Growing(
            address,
            surface.pager(address),
            surface.rungs(address),
            refs=refs,
            running_controls=running_controls,
            final_controls=final_controls,
            opened_at=now,
        )
        growing.can_find = surface.finds_posts
        growing.lost_post = lost_post and surface.finds_posts
        lane = Lane(
            growing=growing,
            status_cost=tuple(surface.status_cost(address)),
            status_every_s=surface.status_every_s(address),
            status_at=now + STATUS_AFTER_S if show_status and not refs else None,
        )
        delivery = Delivery(
            self, surface, lane, marker=marker, question_id=question_id, known=known, on_refs=on_refs
        )
        delivery.status_shown = lost_post  # an earlier run may have left its status
        self._of_lane[id(lane)] = delivery
        self.scheduler.add(lane, now)
        self.nudge(lane)
        return delivery

    def forget(self, delivery: Delivery) -> None:
        """Take a delivery out of the schedule."""
        if self._of_lane.pop(id(delivery.lane), None) is not None:
            self.scheduler.remove(delivery.lane, self.clock.time())

    def nudge(self, lane: Lane) -> None:
        """Let the loop look again: something about a message has changed that no timer knows of."""
        self.scheduler.touch(lane)
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
                    alarm = asyncio.create_task(self._ring(wake_at), name="courier-alarm")
                await self._wake.wait()
        finally:
            if alarm is not None:
                alarm.cancel()

    async def _ring(self, wake_at: float) -> None:
        await self.clock.sleep(max(0.0, min(wake_at - self.clock.time(), IDLE_WAIT_S)))
        self._wake.set()

    def _dispatch(self) -> float:
        """Start every call that may go now; return when to look again."""
        while True:
            now = self.clock.time()
            if self._of_lane and not self.may_call():
                return now + HOLD_LOOK_S
            grant, wake_at = self.scheduler.next(now)
            if grant is None:
                return wake_at
            delivery = self._of_lane[id(grant.lane)]
            if grant.need is Need.STATUS:
                number = self.scheduler.spend(grant, grant.lane.status_cost, now)
                self._begin(delivery, self._show_status(delivery, grant.lane, number))
                continue
            try:
                step = delivery.growing.compose(grant.opening, now)
            except Exception as exc:  # a renderer's bug must end one answer, not the loop
                log.exception("compose_failed", marker=delivery.marker)
                self._fail(delivery, SurfaceRefused(f"cannot be composed: {type(exc).__name__}"))
                continue
            if step is None:
                grant.lane.last_frame_at = now  # a frame that shows nothing new is not composed anew at once
                self.scheduler.touch(grant.lane)
                self._settle_if_complete(delivery)
            else:
                self._send(delivery, grant, step, now)

    def _send(self, delivery: Delivery, grant: Grant, step: Step, now: float) -> None:
        """Perform a step where its budgets have room."""
        if not self.scheduler.may_spend(step.cost, now):
            step = delivery.growing.unended(step) or step
        if self.scheduler.may_spend(step.cost, now):
            number = self.scheduler.spend(grant, step.cost, now)
            self._begin(delivery, self._perform(delivery, step, number))
        else:
            # Composing told of another call than was expected, and its budget has no room yet.
            delivery.growing.again()
            delivery.lane.not_before = self.scheduler.room_at(step.cost, now)
            self.scheduler.touch(delivery.lane)

    def _begin(self, delivery: Delivery, work: "Awaitable[None]") -> None:
        delivery.lane.in_flight = True
        self._beside(delivery, self._guarded(delivery, work))

    def _beside(self, delivery: Delivery, work: "Coroutine[Any, Any, None]") -> None:
        task = asyncio.create_task(work, context=delivery.context.copy())
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _guarded(self, delivery: Delivery, work: "Awaitable[None]") -> None:
        try:
            await work
        except (Fenced, StoreUnavailable) as exc:
            self._fail(delivery, exc)
        except Exception as exc:  # the boundary of a task: whatever an adapter raised ends one answer
            log.exception("delivery_failed", marker=delivery.marker)
            self._fail(delivery, SurfaceError(f"unexpected: {type(exc).__name__}"))
        finally:
            delivery.lane.in_flight = False
            self.scheduler.landed(delivery.lane, self.clock.time())
            self.nudge(delivery.lane)

    async def _show_status(self, delivery: Delivery, lane: Lane, number: int) -> None:
        lane.status_at = self.clock.time() + lane.status_every_s if lane.status_every_s else None
        async with self._payer.paid(lane, Need.STATUS, lane.status_cost, number) as wait_s:
            if wait_s:
                lane.status_at = self.clock.time() + wait_s
                return
            try:
                with told(self._observer, delivery, "status", self.clock):
                    await delivery.surface.status(delivery.growing.address, Status.THINKING)
                delivery.status_shown = True
            except SurfaceRateLimited as exc:
                self._payer.refused((*lane.status_cost, *lane.budgets), exc)
            except SurfaceClosed as exc:
                self._fail(delivery, exc)
            except SurfaceError as exc:
                log.info("status_failed", marker=delivery.marker, error=str(exc))

    async def _perform(self, delivery: Delivery, step: Step, number: int) -> None:
        before = delivery.growing.refs
        try:
            async with self._payer.paid(
                delivery.lane, step.need, step.cost, number, ends=step.ends
            ) as wait_s:
                if wait_s:
                    delivery.growing.again()
                    return
                with told(self._observer, delivery, step.action, self.clock):
                    ref = await call(delivery, step, self.clock)
        except SurfaceError as exc:
            now = self.clock.time()
            self.scheduler.landed(delivery.lane, now)
            if isinstance(exc, SurfaceRateLimited):
                # A verb may have gone over to another method than the one its step paid for.
                self._payer.refused((*step.cost, *delivery.lane.budgets), exc)
            if (fatal := recover(delivery, step, exc, now)) is not None:
                self._fail(delivery, fatal)
        else:
            self.scheduler.landed(delivery.lane, self.clock.time())
            delivery.failures = 0
            delivery.growing.settled(step, ref, self.clock.time())
            if delivery.status_shown and delivery.growing.posted:
                delivery.status_shown = False
                self._beside(delivery, clear_status(delivery, self.clock, self._observer))
        if delivery.growing.refs != before:
            await delivery.on_refs(delivery.growing.refs)
        if step.ends and delivery.growing.need(self.clock.time()) is None:
            # Nothing is left to be shown: whoever waits need not wait for room for another call.
            self._settle_if_complete(delivery)

    def _settle_if_complete(self, delivery: Delivery) -> None:
        if delivery.growing.complete:
            self.forget(delivery)
            if not delivery.finished.done():
                delivery.finished.set_result(None)

    def _fail(self, delivery: Delivery, error: Exception) -> None:
        self.forget(delivery)
        if not delivery.finished.done():
            delivery.finished.set_exception(error)
            delivery.finished.exception()  # retrieved: the owner may look at it late or never
