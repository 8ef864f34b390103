"""Keeps the bot's name current: its owner can change it at @BotFather, of which the bot is not told."""

import re
from collections.abc import Sequence
from typing import Any, Final

import structlog
from telegram import Bot
from telegram.error import TelegramError

from bots.telegram.people import BotAccount, identity_of
from core.concurrency.recent_set import RecentSet
from core.domain.clock import Clock

log = structlog.get_logger(__name__)

MIN_INTERVAL_S: Final = 60.0  #: between two calls of ``getMe``
MAX_FOREIGN_NAMES: Final = 1_000  #: of other bots; the oldest is forgotten first

#: Usernames of bots end with "bot" (https://core.telegram.org/bots/features#botfather).
_BOT_NAME: Final = re.compile(r"@([a-z]\w{1,28}bot)\b", re.IGNORECASE | re.ASCII)


class BotNameWatch:
    """Asks Telegram for the bot's name again if somebody mentions a bot that is not known."""

    def __init__(self, bot: Bot, account: BotAccount, clock: Clock) -> None:
        """Watch the name of ``account``; its identity is replaced if the name has changed."""
        self._bot, self._account, self._clock = bot, account, clock
        self._foreign_names = RecentSet[str](MAX_FOREIGN_NAMES)
        self._next_look_at = 0.0

    async def look_at(self, updates: Sequence[Any]) -> None:
        """Bring the name up to date if ``updates`` mention an unknown bot; raises nothing."""
        own_name = self._account.identity.username.casefold()
        names = {name for raw in updates for name in mentioned_bots(raw)}
        unknown = {name for name in names if name != own_name and name not in self._foreign_names}
        if not unknown or self._clock.time() < self._next_look_at:
            return
        self._next_look_at = self._clock.time() + MIN_INTERVAL_S
        try:
            user = await self._bot.get_me()
        except TelegramError as exc:
            log.debug("telegram.name_not_checked", error=type(exc).__name__)
            return
        username = user.username or ""
        if username != self._account.identity.username:
            self._account.set_identity(identity_of(user))
            log.info("telegram.bot_renamed", bot=username)
        for name in names - {username.casefold()}:
            self._foreign_names.add(name)


def mentioned_bots(raw: Any) -> set[str]:
    """Return the names of bots, in lower case, that a raw update's message mentions."""
    match raw:
        case {"message": {**message}} | {"edited_message": {**message}}:
            text = message.get("text") or message.get("caption") or ""
            return {name.casefold() for name in _BOT_NAME.findall(text)} if isinstance(text, str) else set()
        case _:
            return set()
