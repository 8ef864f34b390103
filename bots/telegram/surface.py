"""Telegram as a place where messages appear and grow: ``sendMessage``, then ``editMessageText``.

No verb waits or retries: pacing is the scheduler's.
"""

from collections.abc import Sequence

from telegram import Bot

from bots.telegram.limits import TelegramLimits
from bots.telegram.places import is_private
from bots.telegram.render import TelegramPager
from bots.telegram.status import StatusLine
from bots.telegram.writing import Writer
from core.model import Address, Button, MessageRef, Page, Status, ThinkingStyle
from core.ports import Budget, Pager, Rung


class TelegramSurface:
    """One bot's messages. Implements :class:`core.ports.Surface`.

    Reads of ``Address.details``: "chat" (private or group), "topic" (absent in General and where
    there are none), "language" of the asker, "said_in" (the chat id when the question was asked).
    """

    thinking_style = ThinkingStyle.QUOTE
    finds_posts = False  #: bots cannot read what stands in a chat

    def __init__(self, bot: Bot, limits: TelegramLimits) -> None:
        self._writer = Writer(bot)
        self._limits = limits
        self._status = StatusLine(self._writer, limits)

    def moved(self, old: str, new: str) -> None:
        """Remember that a group became a supergroup; answers under way follow it."""
        self._writer.moved(old, new)

    def pager(self, address: Address) -> Pager:
        """Make the pager for one answer; the same for every chat."""
        return TelegramPager()

    def rungs(self, address: Address) -> Sequence[Rung]:
        """Return the one way: a message that is edited. Every step costs the chat and the whole."""
        spent = self._spent(address)
        return (Rung(name="edit", open=spent, grow=spent, close=spent),)

    def status_cost(self, address: Address) -> Sequence[Budget]:
        """Return what a typing action costs: as much as a message."""
        return self._spent(address)

    def status_every_s(self, address: Address) -> float:
        """Return after how many seconds "typing" must be shown again; 0 where once is enough."""
        return self._status.every_s(address)

    async def status(self, address: Address, status: Status) -> None:
        """Show "typing"; Telegram takes it away by itself.

        Raises:
            SurfaceRateLimited: nothing was shown.
        """
        await self._status.show(address, status)

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
        """Send a message, in groups as a reply to the question. ``marker`` cannot be carried.

        Raises:
            SurfaceRateLimited: nothing was shown.
            SurfaceRefused: the text or its entities were refused.
            SurfaceClosed: blocked, kicked, muted, or the topic is closed.
            SurfaceUnavailable: nothing was shown; may be tried again.
            SurfaceUncertain: it may stand there; Telegram offers no way to look.
        """
        return await self._writer.send(address, page, controls=controls)

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
        """Replace text and buttons of ``ref``; the same text again is success.

        Raises:
            SurfaceRateLimited: nothing was shown.
            MessageGone: deleted, or left behind in a group that moved.
            SurfaceRefused: the text or its entities were refused.
            SurfaceClosed: blocked, kicked or muted.
            SurfaceUnavailable: may be tried again; an edit done twice shows nothing twice.
        """
        await self._writer.edit(address, ref, page, controls=controls)
        return ref

    async def delete(self, address: Address, ref: MessageRef) -> None:
        """Take a message away; one that is gone already is success.

        Raises:
            SurfaceRateLimited: nothing was done.
            SurfaceRefused: too old (48 hours) or not ours.
            SurfaceClosed: blocked or kicked.
            SurfaceUnavailable: may be tried again.
        """
        await self._writer.delete(ref)

    async def reclaim(self, address: Address, ref: MessageRef) -> MessageRef:
        """Return ``ref``: a message that is edited needs nothing to be edited on."""
        return ref

    async def find(
        self, address: Address, marker: str, *, after: str, known: frozenset[str]
    ) -> MessageRef | None:
        """Return None: a bot can neither read a chat nor mark a message."""
        return None

    def _spent(self, address: Address) -> tuple[Budget, ...]:
        tenant = address.key.tenant
        return (
            self._limits.chat(tenant, self._writer.chat_of(address), private=is_private(address)),
            self._limits.overall(tenant),
        )
