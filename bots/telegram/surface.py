"""Telegram as a place where messages appear and grow: ``sendMessage``, then ``editMessageText``.

Text goes out with entities and never with a parse mode, so that no text can be refused for its
formatting. No verb waits or retries: pacing is the scheduler's.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

from telegram import (
    Bot,
    LinkPreviewOptions,
    Message,
    MessageEntity,
    ReplyParameters,
)
from telegram.constants import ChatAction
from telegram.error import BadRequest, ChatMigrated

from bots.telegram.controls import keyboard
from bots.telegram.errors import NOT_FOUND_TO_DELETE, NOT_MODIFIED, says, translated
from bots.telegram.limits import TelegramLimits
from bots.telegram.render import TelegramPager
from core.errors import MessageGone, SurfaceError, SurfaceRateLimited
from core.model import Address, Button, MessageRef, Page, Status, ThinkingStyle
from core.ports import Budget, Pager, Rung

T = TypeVar("T")

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class TelegramSurface:
    """One bot's messages. Implements :class:`core.ports.Surface`.

    Reads of ``Address.details``: "chat" (private or group), "topic" (absent in General and where
    there are none), "language" of the asker, "said_in" (the chat id when the question was asked).
    """

    thinking_style = ThinkingStyle.QUOTE
    finds_posts = False  #: bots cannot read what stands in a chat

    def __init__(self, bot: Bot, limits: TelegramLimits) -> None:
        self._bot = bot
        self._limits = limits
        self._moved: dict[str, str] = {}

    def moved(self, old: str, new: str) -> None:
        """Remember that a group became a supergroup; answers under way follow it."""
        self._moved[old] = new

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
        """Return the typing action's rhythm; in groups it is shown once, the budget is too thin."""
        return self._limits.typing_every_s if _is_private(address) else 0.0

    async def status(self, address: Address, status: Status) -> None:
        """Show "typing"; Telegram takes it away by itself.

        Raises:
            SurfaceRateLimited: nothing was shown.
        """
        if status is Status.IDLE:
            return
        try:
            await self._call(
                address.key.channel,
                lambda chat: self._bot.send_chat_action(
                    chat, ChatAction.TYPING, message_thread_id=_topic(address)
                ),
                idempotent=True,
            )
        except SurfaceRateLimited:
            raise
        except SurfaceError:  # best effort: the words themselves will tell
            pass

    async def post(
        self, address: Address, page: Page, *, rung: str, marker: str, controls: Sequence[Button] = ()
    ) -> MessageRef:
        """Send a message, in groups as a reply to the question. ``marker`` cannot be carried.

        Raises:
            SurfaceRateLimited: nothing was shown.
            SurfaceRefused: the text or its entities were refused.
            SurfaceClosed: blocked, kicked, muted, or the topic is closed.
            SurfaceUnavailable: nothing was shown; may be tried again.
            SurfaceUncertain: it may stand there; Telegram offers no way to look.
        """

        async def send(chat: str) -> Message:
            return await self._bot.send_message(
                chat,
                page.text,
                entities=_entities(page),
                link_preview_options=_NO_PREVIEW,
                message_thread_id=_topic(address),
                reply_parameters=_reply(address, chat),
                reply_markup=keyboard(controls, language=address.details.get("language", "")),
            )

        sent = await self._call(address.key.channel, send, idempotent=False)
        return MessageRef(channel=str(sent.chat.id), message_id=str(sent.message_id))

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
        self._still_there(ref)
        with translated(idempotent=True):
            try:
                await self._bot.edit_message_text(
                    page.text,
                    ref.channel,
                    int(ref.message_id),
                    entities=_entities(page),
                    link_preview_options=_NO_PREVIEW,
                    reply_markup=keyboard(controls, language=address.details.get("language", "")),
                )
            except ChatMigrated as exc:
                self.moved(ref.channel, str(exc.new_chat_id))
                raise MessageGone("the group became a supergroup") from exc
            except BadRequest as exc:
                if not says(exc, NOT_MODIFIED):
                    raise
        return ref

    async def delete(self, address: Address, ref: MessageRef) -> None:
        """Take a message away; one that is gone already is success.

        Raises:
            SurfaceRateLimited: nothing was done.
            SurfaceRefused: too old (48 hours) or not ours.
            SurfaceClosed: blocked or kicked.
            SurfaceUnavailable: may be tried again.
        """
        with translated(idempotent=True):
            try:
                await self._bot.delete_message(ref.channel, int(ref.message_id))
            except ChatMigrated as exc:
                self.moved(ref.channel, str(exc.new_chat_id))
            except BadRequest as exc:
                if not says(exc, *NOT_FOUND_TO_DELETE):
                    raise

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
        chat = self._moved.get(address.key.channel, address.key.channel)
        return (
            self._limits.chat(tenant, chat, private=_is_private(address)),
            self._limits.overall(tenant),
        )

    def _still_there(self, ref: MessageRef) -> None:
        """Refuse a message of a group that moved: there its id may be another message's."""
        if ref.channel in self._moved:
            raise MessageGone("the group became a supergroup")

    async def _call(self, channel: str, call: Callable[[str], Awaitable[T]], *, idempotent: bool) -> T:
        """Do ``call`` in the chat as it is called now, and once more where it has just moved."""
        with translated(idempotent=idempotent):
            try:
                return await call(self._moved.get(channel, channel))
            except ChatMigrated as exc:
                self.moved(channel, str(exc.new_chat_id))
                return await call(str(exc.new_chat_id))


def _is_private(address: Address) -> bool:
    """Ids of people are positive, those of groups negative."""
    return address.details.get("chat", "private" if address.key.channel > "0" else "group") == "private"


def _topic(address: Address) -> int | None:
    topic = address.details.get("topic", "")
    return int(topic) if topic else None


def _reply(address: Address, chat: str) -> ReplyParameters | None:
    """Reply to the question; not where the chat has moved, for message ids started anew there."""
    if not address.reply_to or address.details.get("said_in", chat) != chat:
        return None
    return ReplyParameters(int(address.reply_to), allow_sending_without_reply=True)


def _entities(page: Page) -> list[MessageEntity]:
    return [MessageEntity.de_json(cast("dict[str, Any]", entity), None) for entity in page.form]
