"""A surface whose one message is one call: a file that is sent, a topic that is opened.

With it such calls go the way of all messages: the courier spends their budgets, tries them again, and
tells the reference before anything else happens.
"""

from collections.abc import Awaitable, Callable, Sequence

from core.domain.addresses import Address
from core.domain.bot_messages import (
    DeliveryModeName,
    MessageRef,
    RenderedMessage,
    ThinkingStyle,
    TypingStatus,
)
from core.domain.buttons import Button
from core.ports.platform import Budget, DeliveryMode, Renderer

OneShotCall = Callable[[str], Awaitable[MessageRef]]
"""Does it, given a marker, and returns what came of it."""


class SinglePageRenderer:
    """A pager of a text that nobody reads."""

    def render(self, markdown: str, *, complete: bool) -> Sequence[RenderedMessage]:
        """Return the text as one page once it is complete."""
        return [RenderedMessage(markdown=markdown, text=markdown)] if complete else []


class OneShotChannel:
    """Implements :class:`core.ports.platform.MessageChannel` for one call."""

    thinking_style = ThinkingStyle.LINE
    can_find_by_key = False  #: neither files nor topics can be marked

    def __init__(self, cost: Sequence[Budget], call: OneShotCall) -> None:
        self._cost = tuple(cost)
        self._call = call

    def build_renderer(self, address: Address) -> Renderer:
        """Return a pager of one page."""
        return SinglePageRenderer()

    def delivery_modes(self, address: Address) -> Sequence[DeliveryMode]:
        """Return the one way: a single call."""
        return (
            DeliveryMode(
                name=DeliveryModeName.EDIT,
                create_cost=self._cost,
                update_cost=self._cost,
                finalize_cost=self._cost,
            ),
        )

    def status_cost(self, address: Address) -> Sequence[Budget]:
        """Return nothing: no status is shown."""
        return ()

    def status_refresh_s(self, address: Address) -> float:
        """Return 0: no status is shown."""
        return 0.0

    async def set_status(self, address: Address, status: TypingStatus) -> None:
        """Show nothing."""

    async def post(
        self,
        address: Address,
        message: RenderedMessage,
        *,
        mode: DeliveryModeName,
        idempotency_key: str,
        buttons: Sequence[Button] = (),
        final: bool = False,
    ) -> MessageRef:
        """Make the call.

        Raises:
            PlatformError: as the call does.
        """
        return await self._call(idempotency_key)

    async def edit(
        self,
        address: Address,
        ref: MessageRef,
        message: RenderedMessage,
        *,
        previous: RenderedMessage | None,
        final: bool,
        buttons: Sequence[Button] = (),
    ) -> MessageRef:
        """Return ``ref``: what was called is done."""
        return ref

    async def delete(self, address: Address, ref: MessageRef) -> None:
        """Do nothing: there is nothing to take away."""

    async def finalize_orphan(self, address: Address, ref: MessageRef) -> MessageRef:
        """Return ``ref``."""
        return ref

    async def find_by_key(
        self, address: Address, idempotency_key: str, *, after_message_id: str, exclude: frozenset[str]
    ) -> MessageRef | None:
        """Return None: it cannot be looked for."""
        return None
