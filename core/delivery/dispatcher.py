"""Entry point of the delivery: shows growing answers and sends single calls, within all budgets."""

from collections.abc import Callable
from typing import TypeVar

from core.delivery.budget_pool import BudgetPool
from core.delivery.budgeted_calls import BudgetedCalls
from core.delivery.call_dispatcher import CallDispatcher
from core.delivery.message_operations import NO_BUTTONS, AnswerButtons
from core.delivery.message_target import MessageTarget
from core.delivery.pacing import PacingPolicy
from core.delivery.recent_messages import RecentMessages
from core.delivery.shared_budget_store import SharedBudgets
from core.delivery.single_call import CallRequest, SingleCall
from core.delivery.streamed_message import StreamedMessage
from core.domain.clock import Clock
from core.observer import NOOP_OBSERVER, Observer

T = TypeVar("T")


class DeliveryDispatcher:
    """The delivery of one process: start it, open messages, close it."""

    def __init__(
        self,
        clock: Clock,
        pacing: PacingPolicy | None = None,
        *,
        shared_budgets: SharedBudgets | None = None,
        may_send: Callable[[], bool] = lambda: True,
        observer: Observer = NOOP_OBSERVER,
    ) -> None:
        """Make it; nothing is sent before :meth:`start`.

        Args:
            clock: the time by which calls are paced.
            pacing: parameters of the pacing.
            shared_budgets: budgets that other replicas spend from too; None without replicas.
            may_send: returns False while other replicas may own the work; then no call is started.
            observer: is told of every call.
        """
        self.pool = BudgetPool(pacing)
        self._clock = clock
        self._recent_messages = RecentMessages()
        self._calls = CallDispatcher(
            BudgetedCalls(self.pool, clock, shared_budgets=shared_budgets, observer=observer),
            clock,
            may_send=may_send,
        )

    def start(self) -> None:
        """Start sending."""
        self._calls.start()

    async def close(self) -> None:
        """Stop sending; wait for calls in flight, so that none takes effect afterwards."""
        await self._calls.close()

    def cancel_calls(self) -> None:
        """Cancel every call in flight, because another replica may own their work now."""
        self._calls.cancel_calls()

    def open(
        self, target: MessageTarget, *, buttons: AnswerButtons = NO_BUTTONS, show_status: bool = True
    ) -> StreamedMessage:
        """Begin to show an answer; close it in every case.

        With ``show_status`` the typing status is shown until the first text.
        """
        message = StreamedMessage(
            target, self._clock, self._calls.notify_changed, buttons=buttons, show_status=show_status
        )
        if target.person:
            message.order = self._recent_messages.add(target.person, self._clock.time())
        self._calls.add(message)
        return message

    async def call(self, request: CallRequest[T]) -> T:
        """Send one call as soon as its budgets have room, again if it fails, and return its result.

        If the caller is cancelled, a call in flight is not: its result is still stored.

        Raises:
            PlatformError: it cannot succeed.
            LeaseLost: another worker owns the task now.
            StoreUnavailable: the result could not be stored.
        """
        single = SingleCall(request)
        self._calls.add(single)
        try:
            return await single.wait()
        finally:
            single.close()
            self._calls.notify_changed(single)
