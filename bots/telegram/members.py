"""Looks up the administrators of a chat on Telegram, its creator included.

Any member may request them (https://core.telegram.org/bots/api#getchatadministrators), and one call
returns all, so it is made once in some minutes for each chat. An anonymous administrator posts as the chat
itself, through @GroupAnonymousBot, and so has the chat's id.
"""

import structlog
from telegram import Bot, ChatMember
from telegram.error import ChatMigrated

from bots.telegram.errors import translate_errors
from bots.telegram.people import BotAccount
from core.concurrency.ttl_cache import TtlCache
from core.domain.clock import Clock
from core.domain.errors import PlatformError

log = structlog.get_logger(__name__)


class TelegramMemberLookup:
    """Implements :class:`core.ports.platform.MemberLookup`."""

    def __init__(self, bot: Bot, clock: Clock, account: BotAccount) -> None:
        self._bot, self._account = bot, account
        self._admins: TtlCache[str, frozenset[str]] = TtlCache(
            "telegram_administrators", self._fetch_admins, clock, default=frozenset()
        )

    async def is_admin(self, channel: str, person_id: str) -> bool:
        """Return whether a person administers a chat; everybody administers their own private chat."""
        if person_id == channel:
            return True  # their private chat, or an anonymous administrator
        if not (channel.startswith("-") and person_id.isdecimal()):
            return False  # another's private chat, or a channel that posts as itself
        return person_id in await self._admins.get(channel)

    async def in_group(self, group: str, person_id: str) -> bool:
        """Return False: Telegram has no groups of people besides chats."""
        return False

    async def sees_all(self, channel: str) -> bool:
        """Return whether privacy mode lets every message of a group through: it is off, or the bot an admin.

        Source: https://core.telegram.org/bots/features#privacy-mode
        """
        if self._account.identity.reads_all:
            return True
        try:
            with translate_errors(idempotent=True):
                own = await self._bot.get_chat_member(channel, self._bot.id)
        except PlatformError as exc:
            log.info("telegram.own_rights_unknown", error=str(exc))
            return False
        return own.status in (ChatMember.ADMINISTRATOR, ChatMember.OWNER)

    async def close(self) -> None:
        """Cancel the lookups that are under way."""
        await self._admins.close()

    async def _fetch_admins(self, chat: str) -> frozenset[str]:
        with translate_errors(idempotent=True):
            try:
                found = await self._bot.get_chat_administrators(chat)
            except ChatMigrated as exc:
                found = await self._bot.get_chat_administrators(exc.new_chat_id)
        return frozenset(str(member.user.id) for member in found if not member.user.is_bot)
