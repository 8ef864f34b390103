"""A surface whose one message is one call: a file that is sent, a topic that is opened.

With it such calls go the way of all messages: the courier spends their budgets, tries them again, and
tells the reference before anything else happens.
"""

from collections.abc import Awaitable, Callable, Sequence

from core.domain.events import Address, Button, MessageRef, Page, Status, ThinkingStyle
from core.ports.platform import Budget, Pager, Rung

Call = Callable[[str], Awaitable[MessageRef]]
"""Does it, given a marker, and returns what came of it."""


class OnePage:
    """A pager of a text that nobody reads."""

    def pages(self, markdown: str, *, complete: bool) -> Sequence[Page]:
        """Return the text as one page once it is complete."""
        return [Page(source=markdown, text=markdown)] if complete else []


class SingleCall:
    """Implements :class:`core.ports.platform.Surface` for one call."""

    thinking_style = ThinkingStyle.LINE
    finds_posts = False  #: neither files nor topics can be marked

    def __init__(self, cost: Sequence[Budget], call: Call) -> None:
        self._cost = tuple(cost)
        self._call = call

    def pager(self, address: Address) -> Pager:
        """Return a pager of one page."""
        return OnePage()

    def rungs(self, address: Address) -> Sequence[Rung]:
        """Return the one way: a single call."""
        return (Rung(name="edit", open=self._cost, grow=self._cost, close=self._cost),)

    def status_cost(self, address: Address) -> Sequence[Budget]:
        """Return nothing: no status is shown."""
        return ()

    def status_every_s(self, address: Address) -> float:
        """Return 0: no status is shown."""
        return 0.0

    async def status(self, address: Address, status: Status) -> None:
        """Show nothing."""

    async def post(
        self,
        address: Address,
        page: Page,
        *,
        rung: str,
        marker: str,
        controls: Sequence[Button] = (),
        last: bool = False,
    ) -> MessageRef:
        """Make the call.

        Raises:
            SurfaceError: as the call does.
        """
        return await self._call(marker)

    async def edit(
        self,
        address: Address,
        ref: MessageRef,
        page: Page,
        *,
        shown: Page | None,
        last: bool,
        controls: Sequence[Button] = (),
    ) -> MessageRef:
        """Return ``ref``: what was called is done."""
        return ref

    async def delete(self, address: Address, ref: MessageRef) -> None:
        """Do nothing: there is nothing to take away."""

    async def reclaim(self, address: Address, ref: MessageRef) -> MessageRef:
        """Return ``ref``."""
        return ref

    async def find(
        self, address: Address, marker: str, *, after: str, known: frozenset[str]
    ) -> MessageRef | None:
        """Return None: it cannot be looked for."""
        return None
