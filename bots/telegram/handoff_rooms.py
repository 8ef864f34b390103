"""What a team's desk needs on Telegram: topics of a forum, files, and addresses to speak unasked.

A forum's topics may be opened and closed by a bot that is an administrator with the right to
manage topics (https://core.telegram.org/bots/api#createforumtopic). Opening one shows a service
message, so it is paid for as a message.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from telegram import Bot, ForumTopic
from telegram.error import BadRequest

from bots.telegram.addressing import GENERAL_TOPIC, is_private, proactive_address
from bots.telegram.entities import utf16_length
from bots.telegram.errors import description_contains
from bots.telegram.limits import TelegramLimits
from bots.telegram.message_api import MessageApi
from bots.telegram.uploads import FileUploader
from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef
from core.domain.errors import PlatformForbidden, PlatformRefused
from core.markdown.mentions import MentionCodec
from core.ports.platform import Budget

TITLE_LIMIT_UNITS = 128
NO_RIGHTS_TEXTS = (
    "not enough rights",
    "need administrator rights",
    "chat_admin_required",
    "chat_write_forbidden",
)
ALREADY_CLOSED_TEXTS = ("topic_not_modified", "topic_id_invalid", "topic_deleted", "message thread not found")


class TelegramHandoffRooms:
    """Implements :class:`core.ports.platform.HandoffRooms`."""

    def __init__(
        self,
        bot: Bot,
        api: MessageApi,
        uploader: FileUploader,
        mentions: MentionCodec,
        limits: TelegramLimits,
        tenant_id: Callable[[], str],
    ) -> None:
        """``tenant`` tells the bot's id, which is known once it is connected."""
        self._bot, self._api, self._uploader = bot, api, uploader
        self._mentions, self._limits, self._tenant_id = mentions, limits, tenant_id

    def file_cost(self, address: Address) -> Sequence[Budget]:
        """Return what a file costs: as much as a message."""
        chat = self._api.current_chat_id(address)
        return self._limits.message_budgets(address.key.tenant, chat, private=is_private(address))

    def topic_cost(self, channel: str) -> Sequence[Budget]:
        """Return what opening or closing a topic costs: as much as a message."""
        chat = self._api.current_chat_id(proactive_address(self._tenant_id(), channel, ""))
        return self._limits.message_budgets(self._tenant_id(), chat, private=False)

    async def open_topic(self, channel: str, title: str) -> str:
        """Open a topic and return its id.

        Raises:
            PlatformRefused: the chat has no topics, or the bot may not manage them.
            PlatformForbidden: kicked or blocked.
            PlatformOutcomeUnknown: it may have been opened; Telegram offers no way to look.
        """
        name = shorten_title(title)

        async def create(chat: str) -> ForumTopic:
            return await self._bot.create_forum_topic(chat, name)

        address = proactive_address(self._tenant_id(), channel, "")
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
        """Close a topic; one that is closed or deleted is success, and General stays open."""
        if thread in ("", GENERAL_TOPIC):
            return
        try:
            await self._api.call_in_chat(
                proactive_address(self._tenant_id(), channel, ""),
                lambda chat: self._bot.close_forum_topic(chat, int(thread)),
                idempotent=True,
            )
        except (PlatformRefused, PlatformForbidden) as exc:
            cause = exc.__cause__
            if not (isinstance(cause, BadRequest) and description_contains(cause, *ALREADY_CLOSED_TEXTS)):
                raise

    def build_address(self, tenant: str, channel: str, thread: str, *, reply_to: str = "") -> Address:
        """Make the address of a chat or of one of its topics.

        ``thread`` is a topic, :data:`GENERAL_TOPIC` or "". In a group without topics a conversation is
        continued by ``reply_to``; there ``thread`` is no topic, so such an address is kept and not
        made anew.
        """
        return proactive_address(tenant, channel, thread, reply_to=reply_to)

    def format_mention(self, person_id: str, name: str) -> str:
        """Return Markdown that mentions a person; for a chat that speaks as itself only its name."""
        if not person_id.isdecimal():
            return self._mentions.plain_name(person_id, name)
        return self._mentions.encode(person_id, name)

    async def send_file(
        self, address: Address, path: Path, *, name: str, media_type: str, caption: str, idempotency_key: str
    ) -> MessageRef:
        """Show a picture or a document; no message can carry ``marker``."""
        return await self._uploader.send(address, path, name=name, media_type=media_type, caption=caption)


def shorten_title(title: str) -> str:
    """Return ``title`` on one line and as long as Telegram takes it; "…" for an empty one."""
    title = " ".join(title.split()) or "…"
    if utf16_length(title) <= TITLE_LIMIT_UNITS:
        return title
    while utf16_length(title) > TITLE_LIMIT_UNITS - 1:
        title = title[: min(len(title) - 1, TITLE_LIMIT_UNITS)]
    return title.rstrip() + "…"
