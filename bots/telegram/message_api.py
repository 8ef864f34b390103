"""Calls of the Bot API that write messages; they raise :mod:`core.domain.errors`.

Text is sent with entities and never with a parse mode, so that Telegram can refuse no text for its
formatting. No call is retried here, with one exception: if a group has just become a supergroup, the call
is repeated with the new chat id.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar, cast

import structlog
from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, Message
from telegram.constants import ChatAction
from telegram.error import BadRequest, ChatMigrated, EndPointNotFound, InvalidToken

from bots.telegram.addressing import direct_topic_id_of, is_private, reply_parameters_of, topic_id_of
from bots.telegram.buttons import render_buttons
from bots.telegram.entities import entities_of
from bots.telegram.errors import (
    NOT_FOUND_TO_DELETE,
    NOT_MODIFIED,
    TEXT_MISSING,
    TOPIC_NOT_FOUND,
    UNKNOWN_METHOD,
    description_contains,
    translate_errors,
)
from core.concurrency.recent_set import RecentSet
from core.domain.addresses import Address, ThreadKey
from core.domain.bot_messages import MessageRef, RenderedMessage
from core.domain.buttons import Button
from core.domain.errors import MessageGone, PlatformError, PlatformRefused

T = TypeVar("T")

log = structlog.get_logger(__name__)

MAX_LOST_TOPICS = 1_000  #: the oldest is forgotten first, to be found lost again

_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)


class RichMessagesUnsupported(PlatformRefused):
    """Raised if the server does not know rich messages; nothing was shown."""


class MessageApi:
    """Writes messages of one bot."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._migrated_chats: dict[str, str] = {}
        self._lost_topics = RecentSet[ThreadKey](MAX_LOST_TOPICS)

    def chat_migrated(self, old_chat_id: str, new_chat_id: str) -> None:
        """Record that a group became a supergroup; running answers continue in it."""
        self._migrated_chats[old_chat_id] = new_chat_id

    def current_chat_id(self, address: Address) -> str:
        """Return the chat's present id."""
        channel = address.key.channel
        return self._migrated_chats.get(channel, channel)

    async def post(
        self, address: Address, message: RenderedMessage, *, buttons: Sequence[Button]
    ) -> MessageRef:
        """Post a message, in groups as a reply to the question."""

        async def send(chat: str, topic: int | None) -> Message:
            return await self._bot.send_message(
                chat,
                message.text,
                entities=entities_of(message),
                link_preview_options=_NO_PREVIEW,
                message_thread_id=topic,
                direct_messages_topic_id=direct_topic_id_of(address),
                reply_parameters=reply_parameters_of(address, chat),
                reply_markup=_reply_markup(address, buttons),
            )

        sent = await self.call_in_topic(address, send, idempotent=False)
        return MessageRef(channel=str(sent.chat.id), message_id=str(sent.message_id))

    async def edit(
        self, address: Address, ref: MessageRef, message: RenderedMessage, *, buttons: Sequence[Button]
    ) -> None:
        """Replace text and buttons of ``ref``; succeeds if they are unchanged."""
        await self._edit(
            ref,
            self._bot.edit_message_text,
            text=message.text,
            entities=entities_of(message),
            link_preview_options=_NO_PREVIEW,
            reply_markup=_reply_markup(address, buttons),
        )

    async def _edit(self, ref: MessageRef, method: Callable[..., Awaitable[Any]], **content: Any) -> None:
        if ref.channel in self._migrated_chats:  # in the new chat its id may be another message's
            raise MessageGone("the group became a supergroup")
        with translate_errors(idempotent=True):
            try:
                await method(chat_id=ref.channel, message_id=int(ref.message_id), **content)
            except ChatMigrated as exc:
                self.chat_migrated(ref.channel, str(exc.new_chat_id))
                raise MessageGone("the group became a supergroup") from exc
            except BadRequest as exc:
                if not description_contains(exc, NOT_MODIFIED):
                    raise

    async def edit_caption(self, ref: MessageRef, caption: RenderedMessage | None) -> None:
        """Replace the caption of ``ref``; succeeds if it is unchanged."""
        await self._edit(
            ref,
            self._bot.edit_message_caption,
            caption=caption.text if caption else "",
            caption_entities=entities_of(caption) if caption else None,
        )

    async def post_rich(self, address: Address, markdown: str, *, buttons: Sequence[Button]) -> MessageRef:
        """Post a rich message.

        Raises:
            RichMessagesUnsupported: the server does not know rich messages.
        """

        async def send(chat: str, topic: int | None) -> Message:
            parameters = {
                "chat_id": chat,
                "rich_message": {"markdown": markdown},
                "message_thread_id": topic,
                "direct_messages_topic_id": direct_topic_id_of(address),
                "reply_parameters": reply_parameters_of(address, chat),
                "reply_markup": _reply_markup(address, buttons),
            }
            given = {name: value for name, value in parameters.items() if value is not None}
            return cast(
                "Message", await self._bot.do_api_request("sendRichMessage", given, return_type=Message)
            )

        try:
            sent = await self.call_in_topic(address, send, idempotent=False)
        except PlatformError as exc:
            if isinstance(exc.__cause__, EndPointNotFound):
                raise RichMessagesUnsupported(str(exc)) from exc
            raise
        return MessageRef(channel=str(sent.chat.id), message_id=str(sent.message_id))

    async def edit_rich(
        self, address: Address, ref: MessageRef, markdown: str, *, buttons: Sequence[Button]
    ) -> None:
        """Turn ``ref`` into a rich message, or replace its content and buttons.

        Raises:
            RichMessagesUnsupported: the server does not know rich messages.
        """
        # An older server ignores the unknown parameter, and reports that the text is missing.
        try:
            await self._edit(
                ref,
                self._bot.edit_message_text,
                text=None,
                reply_markup=_reply_markup(address, buttons),
                api_kwargs={"rich_message": {"markdown": markdown}},
            )
        except PlatformRefused as exc:
            cause = exc.__cause__
            if isinstance(cause, BadRequest) and description_contains(cause, TEXT_MISSING):
                raise RichMessagesUnsupported(str(exc)) from exc
            raise

    async def delete(self, ref: MessageRef) -> None:
        """Delete a message; succeeds if it is deleted already."""
        with translate_errors(idempotent=True):
            try:
                await self._bot.delete_message(ref.channel, int(ref.message_id))
            except ChatMigrated as exc:
                self.chat_migrated(ref.channel, str(exc.new_chat_id))
            except BadRequest as exc:
                if not description_contains(exc, *NOT_FOUND_TO_DELETE):
                    raise

    async def show_draft(self, address: Address, draft_id: int, text: str, *, can_stop: bool) -> None:
        """Show ``text`` as a draft for 30 seconds; replaces the draft with the same ``draft_id``.

        Raises:
            core.domain.errors.PlatformRefused: also if the server does not know drafts.
        """
        stop = {"can_stop": True, "keep_on_stop": True} if can_stop else None
        with translate_errors(idempotent=True):
            try:
                await self._bot.send_message_draft(
                    int(address.key.channel),
                    draft_id,
                    text,
                    message_thread_id=topic_id_of(address),
                    api_kwargs=stop,
                )
            except BadRequest as exc:  # whatever the reason, a message is tried instead
                raise PlatformRefused(exc.message) from exc
            except InvalidToken as exc:
                if description_contains(exc, UNKNOWN_METHOD):
                    raise PlatformRefused(exc.message) from exc
                raise

    async def send_typing(self, address: Address) -> None:
        """Show "typing" for five seconds, or until a message is posted.

        Direct messages of channels have no such sign (https://core.telegram.org/bots/api#sendchataction).
        """
        if direct_topic_id_of(address) is not None:
            return

        async def send(chat: str, topic: int | None) -> bool:
            return await self._bot.send_chat_action(chat, ChatAction.TYPING, message_thread_id=topic)

        await self.call_in_topic(address, send, idempotent=True)

    async def call_in_topic(
        self, address: Address, call: Callable[[str, int | None], Awaitable[T]], *, idempotent: bool
    ) -> T:
        """Await ``call`` with the present chat id and the topic that every call must name.

        A private chat's topic may be deleted, or refused as a whole (tdlib/telegram-bot-api issue 847). The
        chat is the same person's, so that the call is repeated without the topic, and so are later ones.
        """

        async def call_in(chat: str) -> T:
            topic = None if address.key in self._lost_topics else topic_id_of(address)
            try:
                return await call(chat, topic)
            except BadRequest as exc:
                lost = topic is not None and is_private(address)
                if not lost or not description_contains(exc, TOPIC_NOT_FOUND):
                    raise
                log.info("telegram.private_topic_lost")
            self._lost_topics.add(address.key)
            return await call(chat, None)

        return await self.call_in_chat(address, call_in, idempotent=idempotent)

    async def call_in_chat(
        self, address: Address, call: Callable[[str], Awaitable[T]], *, idempotent: bool
    ) -> T:
        """Await ``call`` with the present chat id, and again with the new one if the chat migrates."""
        with translate_errors(idempotent=idempotent):
            try:
                return await call(self.current_chat_id(address))
            except ChatMigrated as exc:
                self.chat_migrated(address.key.channel, str(exc.new_chat_id))
                return await call(str(exc.new_chat_id))


def _reply_markup(address: Address, buttons: Sequence[Button]) -> InlineKeyboardMarkup | None:
    return render_buttons(buttons, language=address.details.get("language", ""))
