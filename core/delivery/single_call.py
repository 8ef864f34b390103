"""A call that is sent once: a file, a topic that is opened or closed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.delivery.budget_pool import Demand
from core.delivery.call_source import CallSource
from core.delivery.platform_call import CallOption, LookAgain, PlannedCall, Priority, WantedCall
from core.delivery.retry_state import RetryState
from core.domain.bot_messages import PlatformAction
from core.domain.errors import (
    MessageGone,
    MoonthreadError,
    PlatformError,
    PlatformForbidden,
    PlatformOutcomeUnknown,
    PlatformRateLimited,
    PlatformRefused,
    PlatformUnavailable,
)
from core.ports.platform import Budget

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRequest(Generic[T]):
    """A call to send within its budgets."""

    platform: str
    action: PlatformAction
    cost: tuple[Budget, ...]
    send: Callable[[], Awaitable[T]]  #: raises only :class:`PlatformError`
    on_sent: Callable[[T], Awaitable[None]] | None = None  #: stores the result, even if nobody waits any more


class SingleCall(CallSource[PlannedCall, T]):
    """Sends one call, again and again until it succeeds or cannot succeed."""

    def __init__(self, request: CallRequest[T]) -> None:
        super().__init__(request.platform, request.cost)
        self._request = request
        self._demand = Demand(final=request.cost)
        self._retry = RetryState()
        self._result: list[T] = []

    async def wait(self) -> T:
        """Return the call's result once it has succeeded.

        Raises:
            PlatformError: it cannot succeed.
            LeaseLost: another worker owns the task now.
            StoreUnavailable: the result could not be stored.
        """
        await self.completion.wait()
        return self._result[0]

    def close(self) -> None:
        """Send nothing more."""
        self.completion.end(PlatformError("closed before the call succeeded"))

    def demand(self) -> Demand:
        """Return the call's budgets."""
        return self._demand

    def wanted_call(self, now: float, *, previews: bool) -> WantedCall | LookAgain | None:
        """Return the call, once the back-off is over."""
        if self._result:
            return None
        if self._retry.not_before > now:
            return LookAgain(self._retry.not_before)
        return WantedCall(priority=Priority.FINAL, options=(CallOption(self._request.cost),))

    def compose(self, priority: Priority, option: CallOption, now: float) -> PlannedCall:
        """Return the call."""
        return PlannedCall(
            action=self._request.action, priority=Priority.FINAL, cost=self._request.cost, completes=True
        )

    def postponed(self, call: PlannedCall, until: float) -> None:
        """Do nothing: the call stays wanted."""

    async def send(self, call: PlannedCall) -> T:
        """Send the call.

        Raises:
            PlatformError: as the request's ``send`` does.
        """
        return await self._request.send()

    def succeeded(self, call: PlannedCall, result: T, now: float) -> None:
        """Keep the result."""
        self._result.append(result)

    async def after_call(self, call: PlannedCall) -> None:
        """Store the result, then end."""
        if not self._result:
            return
        if self._request.on_sent is not None:
            await self._request.on_sent(self._result[0])
        self.completion.end()

    def failed(self, call: PlannedCall, error: PlatformError, now: float) -> MoonthreadError | None:
        """Delay the next attempt; return the error if there can be none."""
        match error:
            case PlatformForbidden() | PlatformRefused() | MessageGone():
                return error
            case PlatformRateLimited():
                pass  # its budget is closed for the platform's wait
            case PlatformOutcomeUnknown():
                if not self._retry.back_off_uncertain(now):
                    return PlatformUnavailable(str(error))
            case _:
                self._retry.back_off(now)
        return None
