"""Who runs a chat on Telegram: its creator and its administrators.

Any member may ask for the administrators (https://core.telegram.org/bots/api#getchatadministrators),
and one call answers for everybody, so that it is made once in some minutes for each chat. An
administrator who is anonymous speaks as the chat itself, through @GroupAnonymousBot: such a person's
id is the chat's.
"""

from telegram import Bot
from telegram.error import ChatMigrated

from bots.telegram.errors import translate_errors
from core.concurrency.ttl_cache import TtlCache
from core.domain.clock import Clock


class TelegramMemberLookup:
    """Implements :class:`core.ports.platform.MemberLookup`."""

    def __init__(self, bot: Bot, clock: Clock) -> None:
        self._bot = bot
        self._admins: TtlCache[str, frozenset[str]] = TtlCache(
            "telegram_administrators", self._fetch_admins, clock, default=frozenset()
        )

    async def is_admin(self, channel: str, person_id: str) -> bool:
        """Return whether a person runs a chat; everybody runs their own private one."""
        if person_id == channel:
            return True  # their private chat, or an anonymous administrator
        if not (channel.startswith("-") and person_id.isdecimal()):
            return False  # another's private chat, or a channel that speaks as itself
        return person_id in await self._admins.get(channel)

    async def in_group(self, group: str, person_id: str) -> bool:
        """Return False: Telegram knows no groups of people beside chats."""
        return False

    async def close(self) -> None:
        """Give up what is being asked."""
        await self._admins.close()

    async def _fetch_admins(self, chat: str) -> frozenset[str]:
        with translate_errors(idempotent=True):
            try:
                found = await self._bot.get_chat_administrators(chat)
            except ChatMigrated as exc:
                found = await self._bot.get_chat_administrators(exc.new_chat_id)
        return frozenset(str(member.user.id) for member in found if not member.user.is_bot)
