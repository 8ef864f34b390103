"""What a team's desk needs on Telegram: topics of a forum, files, and addresses to speak unasked.

A forum's topics may be opened and closed by a bot that is an administrator with the right to
manage topics (https://core.telegram.org/bots/api#createforumtopic). Opening one shows a service
message, so it is paid for as a message.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from telegram import Bot, ForumTopic
from telegram.error import BadRequest

from bots.telegram.errors import says
from bots.telegram.form import units
from bots.telegram.limits import TelegramLimits
from bots.telegram.places import GENERAL, is_private, unasked
from bots.telegram.uploads import Uploads
from bots.telegram.writing import Writer
from core.domain.errors import SurfaceClosed, SurfaceRefused
from core.domain.events import Address, MessageRef
from core.markdown.mentions import Mentions
from core.ports.platform import Budget

TITLE_LIMIT_UNITS = 128
NO_RIGHTS = ("not enough rights", "need administrator rights", "chat_admin_required", "chat_write_forbidden")
CLOSED_ALREADY = ("topic_not_modified", "topic_id_invalid", "topic_deleted", "message thread not found")


class TelegramRooms:
    """Implements :class:`core.ports.platform.Rooms`."""

    def __init__(
        self,
        bot: Bot,
        writer: Writer,
        uploads: Uploads,
        mentions: Mentions,
        limits: TelegramLimits,
        tenant: Callable[[], str],
    ) -> None:
        """``tenant`` tells the bot's id, which is known once it is connected."""
        self._bot, self._writer, self._uploads = bot, writer, uploads
        self._mentions, self._limits, self._tenant = mentions, limits, tenant

    def file_cost(self, address: Address) -> Sequence[Budget]:
        """Return what a file costs: as much as a message."""
        chat = self._writer.chat_of(address)
        return self._limits.message(address.key.tenant, chat, private=is_private(address))

    def topic_cost(self, channel: str) -> Sequence[Budget]:
        """Return what opening or closing a topic costs: as much as a message."""
        chat = self._writer.chat_of(unasked(self._tenant(), channel, ""))
        return self._limits.message(self._tenant(), chat, private=False)

    async def open_topic(self, channel: str, title: str) -> str:
        """Open a topic and return its id.

        Raises:
            SurfaceRefused: the chat has no topics, or the bot may not manage them.
            SurfaceClosed: kicked or blocked.
            SurfaceUncertain: it may have been opened; Telegram offers no way to look.
        """
        name = shortened(title)

        async def create(chat: str) -> ForumTopic:
            return await self._bot.create_forum_topic(chat, name)

        address = unasked(self._tenant(), channel, "")
        try:
            topic = await self._writer.call(address, create, idempotent=False)
        except SurfaceClosed as exc:
            if isinstance(exc.__cause__, BadRequest) and says(exc.__cause__, *NO_RIGHTS):
                raise SurfaceRefused("the bot may not manage topics: make it an administrator") from exc
            raise
        return str(topic.message_thread_id)

    async def close_topic(self, channel: str, thread: str) -> None:
        """Close a topic; one that is closed or deleted is success, and General stays open."""
        if thread in ("", GENERAL):
            return
        try:
            await self._writer.call(
                unasked(self._tenant(), channel, ""),
                lambda chat: self._bot.close_forum_topic(chat, int(thread)),
                idempotent=True,
            )
        except (SurfaceRefused, SurfaceClosed) as exc:
            cause = exc.__cause__
            if not (isinstance(cause, BadRequest) and says(cause, *CLOSED_ALREADY)):
                raise

    def address(self, tenant: str, channel: str, thread: str, *, reply_to: str = "") -> Address:
        """Make the address of a chat or of one of its topics.

        ``thread`` is a topic, :data:`GENERAL` or "". In a group without topics a conversation is
        continued by ``reply_to``; there ``thread`` is no topic, so such an address is kept and not
        made anew.
        """
        return unasked(tenant, channel, thread, reply_to=reply_to)

    def mention(self, person_id: str, name: str) -> str:
        """Return Markdown that mentions a person; for a chat that speaks as itself only its name."""
        if not person_id.isdecimal():
            return self._mentions.plain(person_id, name)
        return self._mentions.write(person_id, name)

    async def send_file(
        self, address: Address, path: Path, *, name: str, media_type: str, caption: str, marker: str
    ) -> MessageRef:
        """Show a picture or a document; no message can carry ``marker``."""
        return await self._uploads.send(address, path, name=name, media_type=media_type, caption=caption)


def shortened(title: str) -> str:
    """Return ``title`` on one line and as long as Telegram takes it; "…" for an empty one."""
    title = " ".join(title.split()) or "…"
    if units(title) <= TITLE_LIMIT_UNITS:
        return title
    while units(title) > TITLE_LIMIT_UNITS - 1:
        title = title[: min(len(title) - 1, TITLE_LIMIT_UNITS)]
    return title.rstrip() + "…"
