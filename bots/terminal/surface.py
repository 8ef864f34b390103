"""Implements :class:`core.ports.platform.MessageChannel` for a terminal: an edit prints the added text."""

from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from bots.terminal.render import TerminalRenderer
from bots.terminal.screen import Screen
from core.domain.addresses import Address
from core.domain.bot_messages import (
    DeliveryModeName,
    MessageRef,
    RenderedMessage,
    ThinkingStyle,
    TypingStatus,
)
from core.domain.buttons import Button
from core.ports.platform import Budget, DeliveryMode

_WRITE_BUDGET: Final = Budget(key="terminal", per_s=30.0, burst=30.0)
_PRINT_MODE: Final = DeliveryMode(
    name=DeliveryModeName.PRINT, create_cost=(_WRITE_BUDGET,), update_cost=(_WRITE_BUDGET,), finalize_cost=()
)


class TerminalMessageChannel:
    """Prints one answer after another on one screen."""

    thinking_style = ThinkingStyle.QUOTE
    can_find_by_key = False

    def __init__(self, screen: Screen | None = None) -> None:
        """Print on ``screen``, by default standard output."""
        self._screen = screen or Screen()

    def build_renderer(self, _address: Address) -> TerminalRenderer:
        """Return a renderer without a length limit."""
        return TerminalRenderer()

    def delivery_modes(self, _address: Address) -> Sequence[DeliveryMode]:
        """Return the only mode: print, then append."""
        return (_PRINT_MODE,)

    def status_cost(self, _address: Address) -> Sequence[Budget]:
        """Return (): showing a status costs nothing."""
        return ()

    def status_refresh_s(self, _address: Address) -> float:
        """Return 0: a status is shown until it is cleared."""
        return 0.0

    async def set_status(self, _address: Address, status: TypingStatus) -> None:
        """Show or clear "Thinking…"."""
        if status is TypingStatus.THINKING:
            self._screen.show_thinking()
        else:
            self._screen.clear_status()

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
        """Print a new message on a line of its own."""
        self._screen.end_line()
        self._screen.append(message.text)
        return MessageRef(channel=address.key.channel, message_id=uuid4().hex, mode=mode)

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
        """Print what ``message`` adds to ``previous``; print all of it if it is not a continuation."""
        if previous is not None and message.text.startswith(previous.text):
            self._screen.append(message.text[len(previous.text) :])
        else:
            self._screen.end_line()
            self._screen.append(message.text)
        if final:
            self._screen.end_line()
        return ref

    async def delete(self, address: Address, ref: MessageRef) -> None:
        """Do nothing: printed text cannot be removed."""

    async def finalize_orphan(self, address: Address, ref: MessageRef) -> MessageRef:
        """Return ``ref``: a new process prints the text again."""
        return ref

    async def find_by_key(
        self, address: Address, idempotency_key: str, *, after_message_id: str, exclude: frozenset[str]
    ) -> MessageRef | None:
        """Return None: a new process cannot see what an earlier one printed."""
        return None

    def finish_line(self) -> None:
        """End the current line, if one has been begun."""
        self._screen.end_line()
