"""What wants to send calls to a platform: the interface between the dispatcher and its clients."""

import asyncio
import contextvars
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeAlias, TypeVar

from core.delivery.budget_pool import Demand
from core.delivery.platform_call import CallOption, LookAgain, PlannedCall, Priority, WantedCall
from core.domain.errors import MoonthreadError, PlatformError
from core.ports.platform import Budget

CallT = TypeVar("CallT", bound=PlannedCall)
ResultT = TypeVar("ResultT")


class Completion:
    """Whether a source has ended, and how."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self._ended = asyncio.Event()
        self._callbacks: list[Callable[[], None]] = []

    @property
    def ended(self) -> bool:
        """Whether no further call will be sent."""
        return self._ended.is_set()

    def end(self, error: Exception | None = None) -> None:
        """End successfully, or with an error; only the first call counts."""
        if self.ended:
            return
        self.error = error
        self._ended.set()
        for callback in self._callbacks:
            callback()

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` when the source ends; at once if it has ended."""
        if self.ended:
            callback()
        else:
            self._callbacks.append(callback)

    async def wait(self) -> None:
        """Return when the source has ended successfully.

        Raises:
            Exception: the error it ended with.
        """
        await self._ended.wait()
        if self.error is not None:
            raise self.error


class CallSource(ABC, Generic[CallT, ResultT]):
    """Sends calls to one platform, one at a time.

    The dispatcher asks :meth:`wanted_call`, lets :meth:`compose` make the call once its budgets have
    room, sends it, and reports the result to :meth:`succeeded`, :meth:`failed` or :meth:`postponed`.
    """

    def __init__(self, platform: str, budgets: Iterable[Budget]) -> None:
        self.platform = platform
        self.budgets = tuple({budget.key: budget for budget in budgets}.values())  #: all it may spend
        self.order = 0  #: of equally urgent calls, those of the lowest order go first
        self.completion = Completion()
        self.context = contextvars.copy_context()  #: calls run in the context that the source was made in

    @property
    def chat(self) -> str:
        """Key of the chat that this is an answer in, to expect its length; "" if it is no answer."""
        return ""

    @abstractmethod
    def demand(self) -> Demand:
        """Return the budgets of further calls; the same object as long as nothing changes."""

    @abstractmethod
    def wanted_call(self, now: float, *, previews: bool) -> WantedCall | LookAgain | None:
        """Return the next call; None if only a change of the source can bring one.

        Args:
            now: the present.
            previews: False if so many sources share the budgets that incomplete text is not shown.
        """

    def preview_value(self, now: float) -> float:
        """Return how much a preview would help: characters not shown, times the seconds they waited."""
        return 0.0

    @abstractmethod
    def compose(self, priority: Priority, option: CallOption, now: float) -> CallT | None:
        """Return the call to send now; None if nothing is to be sent after all.

        Args:
            priority: of the wanted call.
            option: the one of its options that has room.
            now: the present.
        """

    def cheaper(self, call: CallT) -> CallT | None:
        """Return a call that achieves part of ``call`` with other budgets; None if there is none."""
        return None

    @abstractmethod
    def postponed(self, call: CallT, until: float) -> None:
        """Take note that a composed call was not sent for lack of room; compose it anew later."""

    @abstractmethod
    async def send(self, call: CallT) -> ResultT:
        """Send a call to the platform.

        Raises:
            PlatformError: it did not take effect, or it is not known whether it did.
        """

    @abstractmethod
    def succeeded(self, call: CallT, result: ResultT, now: float) -> None:
        """Take note of a call's effect."""

    @abstractmethod
    def failed(self, call: CallT, error: PlatformError, now: float) -> MoonthreadError | None:
        """Prepare the next attempt after a failed call; return the error that ends the source, if any."""

    async def after_call(self, call: CallT) -> None:
        """Store what a call has changed, before another one is sent.

        Raises:
            LeaseLost: another worker owns the task now.
            StoreUnavailable: it could not be stored.
        """

    def follow_up(self, call: CallT) -> CallT | None:
        """Return a call to send beside all others after ``call`` succeeded, outside of all budgets."""
        return None


AnySource: TypeAlias = CallSource[Any, Any]
"""A source of calls of any kind, for the parts that only pass them on."""
