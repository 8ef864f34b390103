"""Rooms of a team's desk on Telegram: forum topics, files, and addresses for unprompted messages.

A bot may open and close topics of a forum if it is an administrator with the right to manage topics
(https://core.telegram.org/bots/api#createforumtopic). Opening one posts a service message, so it
spends the budgets of a message.
"""

from collections.abc import Sequence

import structlog
from telegram import Bot, ForumTopic, MessageId
from telegram.constants import ReactionEmoji
from telegram.error import BadRequest

from bots.telegram.addressing import (
    GENERAL_TOPIC,
    direct_topic_id_of,
    is_private,
    proactive_address,
    reply_parameters_of,
)
from bots.telegram.entities import utf16_length
from bots.telegram.errors import description_contains
from bots.telegram.file_groups import group_files
from bots.telegram.limits import TelegramLimits
from bots.telegram.message_api import MessageApi
from bots.telegram.people import BotAccount
from bots.telegram.uploads import FileUploader
from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef
from core.domain.errors import PlatformError, PlatformForbidden, PlatformRefused
from core.markdown.mentions import MentionCodec
from core.ports.handoff_rooms import LocalFile
from core.ports.platform import Budget

log = structlog.get_logger(__name__)

TITLE_LIMIT_UNITS = 128
_STYLES = frozenset("\ufe0f🏻🏼🏽🏾🏿")  #: emoji style and skin tones, which reactions do not have
_FREE_EMOJI = {one.value.replace("\ufe0f", ""): one.value for one in ReactionEmoji}
_SUPERGROUP = "-100"  #: begins the ids of supergroups and channels
NO_RIGHTS_TEXTS = (
    "not enough rights",
    "need administrator rights",
    "chat_admin_required",
    "chat_write_forbidden",
)
ALREADY_CLOSED_TEXTS = ("topic_not_modified", "topic_id_invalid", "topic_deleted", "message thread not found")


class TelegramHandoffRooms:
    """Implements :class:`core.ports.handoff_rooms.HandoffRooms`."""

    shows_replies = True

    def __init__(
        self,
        bot: Bot,
        api: MessageApi,
        uploader: FileUploader,
        mentions: MentionCodec,
        limits: TelegramLimits,
        account: BotAccount,
    ) -> None:
        self._bot, self._api, self._uploader = bot, api, uploader
        self._mentions, self._limits, self._account = mentions, limits, account

    def file_cost(self, address: Address, count: int = 1) -> Sequence[Budget]:
        """Return the budgets of files: those of as many messages."""
        chat = self._api.current_chat_id(address)
        return self._limits.message_budgets(address.key.tenant, chat, private=is_private(address)) * count

    def topic_cost(self, channel: str) -> Sequence[Budget]:
        """Return the budgets of opening or closing a topic: those of a message."""
        chat = self._api.current_chat_id(proactive_address(self._account.tenant, channel, ""))
        return self._limits.message_budgets(self._account.tenant, chat, private=False)

    async def open_topic(self, channel: str, title: str) -> str:
        """Open a topic and return its id.

        Raises:
            PlatformRefused: the chat has no topics, or the bot may not manage them.
            PlatformForbidden: kicked or blocked.
            PlatformOutcomeUnknown: it may have been opened; the Bot API offers no way to check.
        """
        name = shorten_title(title)

        async def create(chat: str) -> ForumTopic:
            return await self._bot.create_forum_topic(chat, name)

        address = proactive_address(self._account.tenant, channel, "")
        try:
            topic = await self._api.call_in_chat(address, create, idempotent=False)
        except PlatformForbidden as exc:
            if isinstance(exc.__cause__, BadRequest) and description_contains(
                exc.__cause__, *NO_RIGHTS_TEXTS
            ):
                raise PlatformRefused("the bot may not manage topics: make it an administrator") from exc
            raise
        return str(topic.message_thread_id)

    async def close_topic(self, channel: str, thread: str) -> None:
        """Close a topic; succeeds if it is closed or deleted already, and leaves General open."""
        if thread in ("", GENERAL_TOPIC):
            return
        try:
            await self._api.call_in_chat(
                proactive_address(self._account.tenant, channel, ""),
                lambda chat: self._bot.close_forum_topic(chat, int(thread)),
                idempotent=True,
            )
        except (PlatformRefused, PlatformForbidden) as exc:
            cause = exc.__cause__
            if not (isinstance(cause, BadRequest) and description_contains(cause, *ALREADY_CLOSED_TEXTS)):
                raise

    async def chat_title(self, channel: str) -> str:
        """Return a group's title; "" for a private chat, or if Telegram does not tell."""
        if not channel.startswith("-"):
            return ""
        try:
            address = proactive_address(self._account.tenant, channel, "")
            chat = await self._api.call_in_chat(address, self._bot.get_chat, idempotent=True)
        except PlatformError as exc:
            log.info("telegram.title_unknown", error=str(exc))
            return ""
        return chat.title or ""

    def message_link(self, channel: str, message_id: str) -> str:
        """Return a link that members of a supergroup can open (https://core.telegram.org/api/links)."""
        if not channel.startswith(_SUPERGROUP) or not message_id.isdecimal():
            return ""
        return f"https://t.me/c/{channel.removeprefix(_SUPERGROUP)}/{message_id}"

    def build_address(self, tenant: str, channel: str, thread: str, *, reply_to: str = "") -> Address:
        """Return the address of a chat or of one of its topics.

        ``thread`` is a topic, :data:`GENERAL_TOPIC` or "". In a group without topics ``reply_to``
        continues a conversation, and its ``thread`` is no topic: use the address of a person's event.
        """
        return proactive_address(tenant, channel, thread, reply_to=reply_to)

    def format_mention(self, person_id: str, name: str) -> str:
        """Return Markdown that mentions a person; only the name for a chat that posts as itself."""
        if not person_id.isdecimal():
            return self._mentions.plain_name(person_id, name)
        return self._mentions.encode(person_id, name)

    async def copy_messages(self, address: Address, channel: str, ids: Sequence[str]) -> Sequence[MessageRef]:
        """Copy messages, without captions and without a link to their author; an album stays one.

        Service messages, paid media, giveaways, invoices, quizzes of others and protected messages cannot be
        copied: ``copyMessages`` skips them (https://core.telegram.org/bots/api#copymessages).

        Raises:
            PlatformRefused: no message, or not all of them, can be copied.
        """
        numbers, direct_topic = sorted(map(int, ids)), direct_topic_id_of(address)

        async def copy(chat: str, topic: int | None) -> Sequence[MessageRef]:
            sent: Sequence[MessageId]
            if len(numbers) > 1:
                sent = await self._bot.copy_messages(
                    chat,
                    channel,
                    numbers,
                    remove_caption=True,
                    message_thread_id=topic,
                    direct_messages_topic_id=direct_topic,
                )
            else:
                one = await self._bot.copy_message(
                    chat,
                    channel,
                    numbers[0],
                    caption="",
                    message_thread_id=topic,
                    direct_messages_topic_id=direct_topic,
                    reply_parameters=reply_parameters_of(address, chat),
                )
                sent = [one]
            return [MessageRef(channel=chat, message_id=str(one.message_id)) for one in sent]

        shown = await self._api.call_in_topic(address, copy, idempotent=False)
        if not shown:
            raise PlatformRefused("Telegram copied none of the messages")
        return shown

    def reaction_cost(self, address: Address) -> Sequence[Budget]:
        """Return the budgets of a reaction: those of a message."""
        return self.file_cost(address)

    async def set_reaction(self, address: Address, message_id: str, emoji: str, *, removes: bool) -> None:
        """Make an emoji the bot's only reaction to a message, or take its reaction away.

        Bots may use the free emoji alone, one for each message
        (https://core.telegram.org/bots/api#setmessagereaction).

        Raises:
            PlatformRefused: the emoji is none of them, or the chat does not allow it.
            MessageGone: the message was deleted.
        """
        plain = "".join(char for char in emoji if char not in _STYLES)
        reaction = _FREE_EMOJI.get(plain)
        if reaction is None:
            raise PlatformRefused("Telegram has no such reaction")
        await self._api.call_in_chat(
            address,
            lambda chat: self._bot.set_message_reaction(chat, int(message_id), None if removes else reaction),
            idempotent=True,
        )

    def fits_caption(self, caption: str) -> bool:
        """Return whether a text is short enough for a caption."""
        return self._uploader.fits_caption(caption)

    async def group_files(self, files: Sequence[LocalFile]) -> Sequence[Sequence[LocalFile]]:
        """Return files in albums; what no album takes is alone."""
        return await group_files(files)

    async def send_files(
        self, address: Address, files: Sequence[LocalFile], *, caption: str
    ) -> Sequence[MessageRef]:
        """Post a file or an album."""
        return await self._uploader.send(address, files, caption=caption)

    async def find_files(
        self, address: Address, files: Sequence[LocalFile], *, exclude: frozenset[str]
    ) -> Sequence[MessageRef]:
        """Return (): bots cannot read a chat's messages."""
        return ()

    async def edit_caption(self, ref: MessageRef, caption: str) -> None:
        """Replace the caption of a message; one that is unchanged is success."""
        await self._uploader.edit_caption(ref, caption)


def shorten_title(title: str) -> str:
    """Return ``title`` on one line, cut to Telegram's limit; "…" if it is empty."""
    title = " ".join(title.split()) or "…"
    if utf16_length(title) <= TITLE_LIMIT_UNITS:
        return title
    while utf16_length(title) > TITLE_LIMIT_UNITS - 1:
        title = title[: min(len(title) - 1, TITLE_LIMIT_UNITS)]
    return title.rstrip() + "…"
