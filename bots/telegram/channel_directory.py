"""Titles and descriptions of groups (https://core.telegram.org/bots/api#getchat)."""

from typing import Final

from telegram import Bot
from telegram.error import ChatMigrated

from bots.telegram.errors import translate_errors
from core.concurrency.ttl_cache import TtlCache
from core.domain.clock import Clock
from core.ports.channel_directory import ChannelDescription

TTL_S: Final = 3600.0  #: groups are renamed
TIMEOUT_S: Final = 0.5  #: that a question waits for its group's title


class TelegramChannelDirectory:
    """Implements :class:`core.ports.channel_directory.ChannelDirectory`."""

    def __init__(self, bot: Bot, clock: Clock) -> None:
        self._bot = bot
        self._chats: TtlCache[str, ChannelDescription] = TtlCache(
            "telegram_chats", self._fetch, clock, default=ChannelDescription(), ttl_s=TTL_S
        )

    async def describe(self, channel: str) -> ChannelDescription:
        """Return a group's title and description."""
        found = await self._chats.get_many([channel], timeout_s=TIMEOUT_S)
        return found.get(channel, ChannelDescription())

    async def close(self) -> None:
        """Cancel the lookups that are under way."""
        await self._chats.close()

    async def _fetch(self, chat: str) -> ChannelDescription:
        with translate_errors(idempotent=True):
            try:
                found = await self._bot.get_chat(chat)
            except ChatMigrated as exc:
                found = await self._bot.get_chat(exc.new_chat_id)
        return ChannelDescription(name=found.title or "", topic=found.description or "")
