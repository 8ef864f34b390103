"""Telegram as a place where messages appear and grow: ``sendMessage``, then ``editMessageText``.

Where the operator wants it, an answer in a private chat grows as a native draft first
(``sendMessageDraft``): plain words that fade after 30 seconds, and make way for the message with
the whole answer. No draft can become a message, so the last frame is always a real one. The first
refusal turns drafts off for as long as the process runs.

A finished page whose form says so becomes a rich message. Where Telegram refuses that, the page
is sent as text with entities when the scheduler tries it again; a server that has no rich messages
is not asked for another.

No verb waits or retries: pacing is the scheduler's.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence

import structlog

from bots.telegram.form import rich_of, units
from bots.telegram.limits import TelegramLimits
from bots.telegram.markup import steady
from bots.telegram.places import is_private
from bots.telegram.render import TEXT_LIMIT_UNITS, RichPager, TelegramPager
from bots.telegram.status import StatusLine
from bots.telegram.writing import NoRichMessages, Writer
from core.domain.errors import MessageGone, SurfaceRefused, SurfaceUnavailable
from core.domain.events import Address, Button, Control, MessageRef, Page, Status, ThinkingStyle
from core.markdown.mentions import Mentions
from core.ports.platform import Budget, Pager, Rung

log = structlog.get_logger()

DRAFT = "draft"
PLAIN_KEPT = 1_000


class TelegramSurface:
    """One bot's messages. Implements :class:`core.ports.platform.Surface`.

    Reads of ``Address.details``: "chat" (private or group), "topic" (absent in General and where
    there are none), "language" of the asker, "said_in" (the chat id when the question was asked).
    """

    thinking_style = ThinkingStyle.QUOTE
    finds_posts = False  #: bots cannot read what stands in a chat

    def __init__(
        self,
        writer: Writer,
        limits: TelegramLimits,
        *,
        drafts: bool = False,
        rich: bool = False,
        mentions: Mentions | None = None,
    ) -> None:
        """``mentions`` tells which links in a text are mentions of ours."""
        self._writer, self._mentions = writer, mentions
        self._limits = limits
        self._drafts = drafts  #: False once Telegram refused one
        self._rich = rich  #: False once Telegram turned out to have none
        self._plain: dict[str, None] = {}  #: rich forms that were refused, oldest first
        self._status = StatusLine(self._writer, limits)

    def moved(self, old: str, new: str) -> None:
        """Remember that a group became a supergroup; answers under way follow it."""
        self._writer.moved(old, new)

    def pager(self, address: Address) -> Pager:
        """Make the pager for one answer; the same for every chat."""
        return RichPager(self._mentions) if self._rich else TelegramPager(self._mentions)

    def rungs(self, address: Address) -> Sequence[Rung]:
        """Return "draft" where it is offered, and "edit": a message whose every step costs the same."""
        spent = self._spent(address)
        edit = Rung(name="edit", open=spent, grow=spent, close=spent)
        if not self._can_draft(address):
            return (edit,)
        shown = (self._limits.drafts(address.key.tenant, address.key.channel), spent[-1])
        draft = Rung(name=DRAFT, open=shown, grow=shown, close=spent, fades_s=self._limits.draft_again_s)
        return (draft, edit)

    def status_cost(self, address: Address) -> Sequence[Budget]:
        """Return what a typing action costs: as much as a message, and as a draft."""
        spent = self._spent(address)
        if not self._can_draft(address):
            return spent
        return (*spent, self._limits.drafts(address.key.tenant, address.key.channel))

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
        """Send a message, in groups as a reply to the question, or a draft.

        A message cannot carry ``marker``; a draft's number is made of it.

        Raises:
            SurfaceRateLimited: nothing was shown.
            SurfaceRefused: the text or its entities were refused.
            SurfaceClosed: blocked, kicked, muted, or the topic is closed.
            SurfaceUnavailable: nothing was shown; may be tried again.
            SurfaceUncertain: it may stand there; Telegram offers no way to look.
        """
        if rung == DRAFT:
            ref = MessageRef(channel=address.key.channel, message_id=str(draft_id(marker)), rung=DRAFT)
            return await self._draft(address, ref, page, controls)
        if rich := self._rich_form(page):
            with self._or_plain(rich):
                return await self._writer.send_rich(address, rich, controls=controls)
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
        if ref.rung == DRAFT:
            return await self._draft(address, ref, page, controls)
        if rich := self._rich_form(page):
            with self._or_plain(rich):
                await self._writer.edit_rich(address, ref, rich, controls=controls)
                return ref
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
        """Return ``ref``: a message that is edited needs nothing to be edited on.

        Raises:
            MessageGone: it was a draft; its words are to be posted.
        """
        if ref.rung == DRAFT:
            raise MessageGone("a draft is no message")
        return ref

    async def find(
        self, address: Address, marker: str, *, after: str, known: frozenset[str]
    ) -> MessageRef | None:
        """Return None: a bot can neither read a chat nor mark a message."""
        return None

    async def _draft(
        self, address: Address, ref: MessageRef, page: Page, controls: Sequence[Button]
    ) -> MessageRef:
        """Show a draft; the first refusal turns them off and leaves the words to a message."""
        if not self._drafts:
            raise SurfaceRefused("drafts are off")
        can_stop = Control.STOP in controls
        try:
            await self._writer.draft(address, int(ref.message_id), draft_text(page), can_stop=can_stop)
        except SurfaceRefused as exc:
            self._drafts = False
            log.warning("telegram_drafts_off", error=str(exc))
            raise
        return ref

    def _rich_form(self, page: Page) -> str:
        rich = rich_of(page) if self._rich else ""
        return "" if rich in self._plain else rich

    @contextlib.contextmanager
    def _or_plain(self, rich: str) -> Iterator[None]:
        """Let a refused rich form be told as a failure, and the next try take the plain one."""
        try:
            yield
        except SurfaceRefused as exc:
            self._rich = self._rich and not isinstance(exc, NoRichMessages)
            self._plain[rich] = None
            if len(self._plain) > PLAIN_KEPT:
                del self._plain[next(iter(self._plain))]
            log.warning("telegram_rich_refused", error=str(exc), off=not self._rich)
            raise SurfaceUnavailable(str(exc)) from exc

    def _can_draft(self, address: Address) -> bool:
        return self._drafts and is_private(address)

    def _spent(self, address: Address) -> tuple[Budget, ...]:
        chat = self._writer.chat_of(address)
        return self._limits.message(address.key.tenant, chat, private=is_private(address))


def draft_id(marker: str) -> int:
    """Return a draft's number: not zero, the same for the same marker, and exact in any JSON."""
    return int.from_bytes(hashlib.sha256(marker.encode()).digest()[:6]) | 1


def draft_text(page: Page) -> str:
    """Return the words of ``page`` without any form, so that each draft goes on where the last ended."""
    if not page.form and page.text == page.source.strip():
        return page.text
    text = steady(page.source)
    return text if 0 < units(text) <= TEXT_LIMIT_UNITS else page.text
