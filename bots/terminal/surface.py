"""The terminal as a :class:`core.ports.platform.Surface`: an edit prints only what is new."""

from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from bots.terminal.render import TerminalPager
from bots.terminal.screen import Screen
from core.domain.events import Address, Button, MessageRef, Page, Status, ThinkingStyle
from core.ports.platform import Budget, Rung

_FRAMES: Final = Budget(key="terminal", per_s=30.0, burst=30.0)
_RUNG: Final = Rung(name="print", open=(_FRAMES,), grow=(_FRAMES,), close=())


class TerminalSurface:
    """Prints one answer after another."""

    thinking_style = ThinkingStyle.QUOTE
    finds_posts = False

    def __init__(self, screen: Screen | None = None) -> None:
        """Print on ``screen``, by default standard output."""
        self._screen = screen or Screen()

    def pager(self, _address: Address) -> TerminalPager:
        """Return a pager that knows no end of the page."""
        return TerminalPager()

    def rungs(self, _address: Address) -> Sequence[Rung]:
        """Return the one way: print and go on printing."""
        return (_RUNG,)

    def status_cost(self, _address: Address) -> Sequence[Budget]:
        """Return nothing: a status is free."""
        return ()

    def status_every_s(self, _address: Address) -> float:
        """Return 0: a status stays until it is taken away."""
        return 0.0

    async def status(self, _address: Address, status: Status) -> None:
        """Show or wipe "Thinking…"."""
        if status is Status.THINKING:
            self._screen.think()
        else:
            self._screen.rest()

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
        """Print a new message below everything else."""
        self._screen.end()
        self._screen.add(page.text)
        return MessageRef(channel=address.key.channel, message_id=uuid4().hex, rung=rung)

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
        """Print what ``page`` adds; a text that is not a continuation is printed anew below."""
        if shown is not None and page.text.startswith(shown.text):
            self._screen.add(page.text[len(shown.text) :])
        else:
            self._screen.end()
            self._screen.add(page.text)
        if last:
            self._screen.end()
        return ref

    async def delete(self, address: Address, ref: MessageRef) -> None:
        """Leave it: what was printed stays."""

    async def reclaim(self, address: Address, ref: MessageRef) -> MessageRef:
        """Return the same reference; its text scrolled away with the process that printed it."""
        return ref

    async def find(
        self, address: Address, marker: str, *, after: str, known: frozenset[str]
    ) -> MessageRef | None:
        """Find nothing: a new process has a new screen."""
        return None

    def settle(self) -> None:
        """Finish the line, before a person is asked for the next one."""
        self._screen.end()
