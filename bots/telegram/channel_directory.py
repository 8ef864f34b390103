"""Titles and descriptions of groups (https://core.telegram.org/bots/api#getchat)."""

from dataclasses import replace
from typing import Final

from telegram import Bot
from telegram.error import ChatMigrated

from bots.telegram.errors import translate_errors
from core.concurrency.ttl_cache import TtlCache
from core.domain.clock import Clock
from core.ports.channel_directory import ChannelDescription

TTL_S: Final = 3600.0  #: groups are renamed
MAX_TITLES: Final = 2_000  #: of groups, from their latest messages


class TelegramChannelDirectory:
    """Implements :class:`core.ports.channel_directory.ChannelDirectory`."""

    def __init__(self, bot: Bot, clock: Clock) -> None:
        self._bot = bot
        self._titles: dict[str, str] = {}
        self._chats: TtlCache[str, ChannelDescription] = TtlCache(
            "telegram_chats", self._fetch, clock, default=ChannelDescription(), ttl_s=TTL_S
        )

    async def describe(self, channel: str) -> ChannelDescription:
        """Return a group's title, which its messages carry, and its description if that is known yet."""
        known = self._chats.peek(channel) or ChannelDescription()
        title = self._titles.get(channel)
        return known if title is None else replace(known, name=title)

    def note_title(self, channel: str, title: str) -> None:
        """Remember the title that a group's message carries."""
        self._titles.pop(channel, None)
        self._titles[channel] = title
        if len(self._titles) > MAX_TITLES:
            del self._titles[next(iter(self._titles))]

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
