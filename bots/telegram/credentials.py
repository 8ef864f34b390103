"""What it takes to reach Telegram, and whether Telegram accepts it."""

import hashlib
import hmac
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from telegram import Bot, User
from telegram.error import InvalidToken, TelegramError
from telegram.request import HTTPXRequest

from bots.telegram.limits import TelegramLimits
from core.domain.errors import PlatformUnavailable, SettingsError

TOKEN_REFUSED = (
    "TELEGRAM_BOT_TOKEN: Telegram does not know this token; copy it again from @BotFather "  # noqa: S105
    "(/mybots, your bot, API Token), without spaces or quotes"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramConfig:
    """How one bot is reached."""

    token: str = field(repr=False)
    api_url: str = "https://api.telegram.org"  #: or a local Bot API server
    public_url: str = ""  #: where Telegram reaches our web server; "" polls
    webhook_secret: str = field(default="", repr=False)  #: "" derives one from the token
    webhook_path: str = "webhook"  #: the part after ``/telegram/``
    webhook_max_connections: int = 40
    poll_timeout_s: int = 30  #: the server holds an empty poll for 50 s at most
    call_timeout_s: float = 25.0  #: PTB's 5 s lose and double messages
    connect_timeout_s: float = 10.0
    connections: int = 256  #: calls at the same time
    drafts: bool = False  #: answers in private chats grow as native drafts
    rich: bool = False  #: finished answers with tables and the like become rich messages
    limits: TelegramLimits = field(default_factory=TelegramLimits)

    @property
    def webhook_url(self) -> str:
        """The address given to Telegram."""
        return f"{self.public_url.rstrip('/')}/telegram/{self.webhook_path}"

    @property
    def secret_token(self) -> str:
        """What Telegram sends with each call; the same on every replica and at every start."""
        derived = hmac.new(self.token.encode(), b"moonthread telegram webhook", hashlib.sha256)
        return self.webhook_secret or derived.hexdigest()


class RawBot(Bot):
    """PTB's bot, with the updates as Telegram wrote them: one it cannot read must not hide others."""

    async def get_raw_updates(
        self, *, offset: int | None, allowed_updates: Sequence[str], timeout_s: int, read_margin_s: float
    ) -> list[Any]:
        """Confirm what is below ``offset`` and return what follows, waiting up to ``timeout_s``."""
        asked = {"offset": offset, "timeout": timeout_s, "allowed_updates": list(allowed_updates)}
        found = await self._post("getUpdates", asked, read_timeout=timeout_s + read_margin_s)
        return cast("list[Any]", found)


def build_bot(config: TelegramConfig) -> RawBot:
    """Make the bot; nothing is sent yet.

    Raises:
        SettingsError: the token cannot be one.
    """
    if not re.fullmatch(r"\d+:[\w-]+", config.token):
        raise SettingsError([TOKEN_REFUSED])

    def request(connections: int) -> HTTPXRequest:
        return HTTPXRequest(
            connection_pool_size=connections,
            read_timeout=config.call_timeout_s,
            write_timeout=config.call_timeout_s,
            connect_timeout=config.connect_timeout_s,
            pool_timeout=config.connect_timeout_s,
        )

    return RawBot(
        config.token,
        base_url=f"{config.api_url.rstrip('/')}/bot",
        base_file_url=f"{config.api_url.rstrip('/')}/file/bot",
        request=request(config.connections),
        get_updates_request=request(2),
    )


def quiet_loggers() -> None:
    """Keep the token (in httpx's URLs) and people's words (in PTB's payloads) out of the log."""
    for name in ("httpx", "httpcore", "telegram"):
        logger = logging.getLogger(name)
        logger.setLevel(max(logger.level, logging.WARNING))
    logging.getLogger("telegram.request.BaseRequest").setLevel(logging.CRITICAL)


async def identify(bot: Bot, *, api_url: str) -> User:
    """Ask Telegram who the token belongs to.

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
