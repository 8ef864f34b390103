"""Credentials for Telegram, the bot that uses them, and the check that Telegram accepts them."""

import hashlib
import hmac
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from telegram import Bot, User
from telegram.error import InvalidToken, TelegramError

from bots.telegram.api_request import ApiRequest
from bots.telegram.limits import TelegramLimits
from core.domain.errors import PlatformUnavailable, SettingsError

TOKEN_REFUSED = (
    "TELEGRAM_BOT_TOKEN: Telegram does not know this token; copy it again from @BotFather "  # noqa: S105
    "(/mybots, your bot, API Token), without spaces or quotes"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramConfig:
    """Credentials and connection of one bot."""

    token: str = field(repr=False)
    api_url: str = "https://api.telegram.org"  #: or a local Bot API server
    public_url: str = ""  #: URL at which Telegram reaches our web server; "" to poll
    webhook_secret: str = field(default="", repr=False)  #: "" to derive one from the token
    webhook_path: str = "webhook"  #: path below ``/telegram/``
    webhook_max_connections: int = 40
    poll_timeout_s: int = 30  #: Telegram holds an empty poll for at most 50 s
    call_timeout_s: float = 25.0  #: PTB's default of 5 s loses and duplicates messages
    connect_timeout_s: float = 10.0
    connections: int = 256  #: concurrent calls
    drafts: bool = False  #: show growing answers in private chats as native drafts
    rich: bool = False  #: show finished answers with tables, tasks or formulas as rich messages
    wide_tables_as_grid: bool = False  #: show tables that are wider than a phone in columns all the same
    limits: TelegramLimits = field(default_factory=TelegramLimits)

    @property
    def webhook_url(self) -> str:
        """URL given to Telegram."""
        return f"{self.public_url.rstrip('/')}/telegram/{self.webhook_path}"

    @property
    def secret_token(self) -> str:
        """Secret that Telegram sends with each update; equal on every replica and at every start."""
        derived = hmac.new(self.token.encode(), b"moonthread telegram webhook", hashlib.sha256)
        return self.webhook_secret or derived.hexdigest()


class RawBot(Bot):
    """PTB's bot that returns raw updates: one that PTB cannot parse must not hide the others."""

    async def get_raw_updates(
        self, *, offset: int | None, allowed_updates: Sequence[str], timeout_s: int, read_margin_s: float
    ) -> list[Any]:
        """Confirm the updates below ``offset`` and return the next, waiting up to ``timeout_s`` for one."""
        parameters = {"offset": offset, "timeout": timeout_s, "allowed_updates": list(allowed_updates)}
        updates = await self._post("getUpdates", parameters, read_timeout=timeout_s + read_margin_s)
        return cast("list[Any]", updates)

    async def shutdown(self) -> None:
        """Close the connections, also those of a bot that was never initialized."""
        await super().shutdown()
        for request in self._request:
            await request.shutdown()


def build_bot(config: TelegramConfig) -> RawBot:
    """Build the bot; nothing is sent yet.

    Raises:
        SettingsError: the token cannot be valid.
    """
    if not re.fullmatch(r"\d+:[\w-]+", config.token):
        raise SettingsError([TOKEN_REFUSED])
    _quiet_loggers()  # before the first: PTB logs the address of a new bot, which holds its token

    def request(connections: int) -> ApiRequest:
        return ApiRequest(
            config.api_url,
            connections=connections,
            call_timeout_s=config.call_timeout_s,
            connect_timeout_s=config.connect_timeout_s,
        )

    return RawBot(
        config.token,
        base_url=f"{config.api_url.rstrip('/')}/bot",
        base_file_url=f"{config.api_url.rstrip('/')}/file/bot",
        request=request(config.connections),
        get_updates_request=request(2),
    )


def _quiet_loggers() -> None:
    """Keep the token (in httpx's URLs) and people's messages (in PTB's payloads) out of the log."""
    for name in ("httpx", "httpcore", "telegram"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
    logging.getLogger("telegram.request.BaseRequest").setLevel(logging.CRITICAL)


async def identify(bot: Bot, *, api_url: str) -> User:
    """Return the bot that the token belongs to.

    Raises:
        SettingsError: Telegram does not know the token.
        PlatformUnavailable: Telegram cannot be reached at ``api_url``.
    """
    try:
        await bot.initialize()
    except InvalidToken:
        raise SettingsError([TOKEN_REFUSED]) from None  # PTB's text holds the token
    except TelegramError as exc:
        raise PlatformUnavailable(f"Telegram at {api_url}: {exc.message}") from exc
    return bot.bot
