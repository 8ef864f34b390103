"""One answer being shown, as whoever writes it sees it."""

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from core.delivery.scheduled_message import Lane
from core.domain.clock import Clock
from core.domain.errors import MoonthreadError
from core.domain.events import MessageRef
from core.ports.platform import Surface

OnRefs = Callable[[Sequence[MessageRef]], Awaitable[None]]


class Carrier(Protocol):
    """Who carries deliveries: :class:`core.delivery.dispatcher.Courier`."""

    clock: Clock

    def nudge(self, lane: Lane) -> None:
        """Look again: something about a message has changed."""

    def forget(self, delivery: "Delivery") -> None:
        """Take a delivery out of the schedule."""


class Delivery:
    """One answer being shown. Words go in at any pace; ``done`` returns when all of them stand."""

    def __init__(
        self,
        courier: Carrier,
        surface: Surface,
        lane: Lane,
        *,
        marker: str,
        question_id: str,
        known: frozenset[str],
        on_refs: OnRefs,
    ) -> None:
        self._courier = courier
        self.surface = surface
        self.lane = lane
        self.growing = lane.growing
        self.marker = marker
        self.question_id = question_id
        self.known = known
        self.on_refs = on_refs
        self.failures = 0
        self.lost_posts = 0
        self.status_shown = False
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._closed = False
        self.context = contextvars.copy_context()  #: the turn's: calls made for it belong to it
        self.words_since: float | None = None  #: when the oldest word came that no frame has
        self.first_words_at: float | None = None  #: when words of it stood first

    def append(self, text: str) -> None:
        """Take in the next piece of the answer; costs next to nothing."""
        waiting = self.growing.unseen == 0 or not self.growing.posted
        now = self._courier.clock.time()
        self.growing.append(text, now)
        if self.words_since is None:
            self.words_since = now
        if waiting:
            self._courier.nudge(self.lane)

    def announce(self, text: str) -> None:
        """Show a passing text, such as a place in a queue, for as long as there are no words."""
        self.growing.announce(text)
        self._courier.nudge(self.lane)

    async def finish(self) -> None:
        """Show everything, and return when it stands on the screen.

        Raises:
            SurfaceClosed: nothing can be shown there any more.
            SurfaceError: the platform refused every form of the text.
            Fenced: another run owns the turn.
            StoreUnavailable: the reference of a message could not be stored.
        """
        self.growing.finish()
        self._courier.nudge(self.lane)
        await asyncio.shield(self.finished)

    def close(self) -> None:
        """Take no further part; what stands on the screen stays."""
        if not self._closed:
            self._closed = True
            self._courier.forget(self)
        if not self.finished.done():
            self.finished.cancel()

    @property
    def broken(self) -> MoonthreadError | None:
        """Why nothing more can be shown; None while all is well."""
        if self.finished.done() and not self.finished.cancelled():
            error = self.finished.exception()
            return error if isinstance(error, MoonthreadError) else None
        return None
