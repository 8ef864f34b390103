"""One answer being shown, as whoever writes it sees it."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from core.delivery.scheduled_message import ScheduledMessage
from core.domain.bot_messages import MessageRef
from core.domain.clock import Clock
from core.domain.errors import MoonthreadError
from core.ports.platform import MessageChannel

OnRefsChanged = Callable[[Sequence[MessageRef]], Awaitable[None]]


class Dispatcher(Protocol):
    """Who carries deliveries: :class:`core.delivery.dispatcher.DeliveryDispatcher`."""

    clock: Clock

    def notify_changed(self, message: ScheduledMessage) -> None:
        """Look again: something about a message has changed."""

    def remove(self, delivery: "Delivery") -> None:
        """Take a delivery out of the schedule."""


class Delivery:
    """One answer being shown. Words go in at any pace; ``done`` returns when all of them stand."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        channel: MessageChannel,
        scheduled: ScheduledMessage,
        *,
        idempotency_key: str,
        question_id: str,
        known_message_ids: frozenset[str],
        on_refs_changed: OnRefsChanged,
    ) -> None:
        self._dispatcher = dispatcher
        self.channel = channel
        self.scheduled = scheduled
        self.streamed = scheduled.streamed
        self.idempotency_key = idempotency_key
        self.question_id = question_id
        self.known_message_ids = known_message_ids
        self.on_refs_changed = on_refs_changed
        self.failures = 0
        self.uncertain_posts = 0
        self.status_shown = False
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closed = False
        self.context = contextvars.copy_context()  #: the turn's: calls made for it belong to it
        self.pending_since: float | None = None  #: when the oldest word came that no frame has
        self.first_shown_at: float | None = None  #: when words of it stood first

    def append(self, text: str) -> None:
        """Take in the next piece of the answer; costs next to nothing."""
        waiting = self.streamed.pending_chars == 0 or not self.streamed.posted
        now = self._dispatcher.clock.time()
        self.streamed.append(text, now)
        if self.pending_since is None:
            self.pending_since = now
        if waiting:
            self._dispatcher.notify_changed(self.scheduled)

    def show_placeholder(self, text: str) -> None:
        """Show a passing text, such as a place in a queue, for as long as there are no words."""
        self.streamed.show_placeholder(text)
        self._dispatcher.notify_changed(self.scheduled)

    async def finish(self) -> None:
        """Show everything, and return when it stands on the screen.

        Raises:
            PlatformForbidden: nothing can be shown there any more.
            PlatformError: the platform refused every form of the text.
            Fenced: another run owns the turn.
            StoreUnavailable: the reference of a message could not be stored.
        """
        self.streamed.finish()
        self._dispatcher.notify_changed(self.scheduled)
        await asyncio.shield(self.finished)

    def close(self) -> None:
        """Take no further part; what stands on the screen stays."""
        if not self._closed:
            self._closed = True
            self._dispatcher.remove(self)
        if not self.finished.done():
            self.finished.cancel()

    @property
    def error(self) -> MoonthreadError | None:
        """Why nothing more can be shown; None while all is well."""
        if self.finished.done() and not self.finished.cancelled():
            error = self.finished.exception()
            return error if isinstance(error, MoonthreadError) else None
        return None
