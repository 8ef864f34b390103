"""What is needed before a word is said: how the bot is reached, and the commands people are offered."""

import hashlib
import hmac
import logging
import re
from dataclasses import dataclass, field
from typing import Any, cast

from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeDefault,
)
from telegram.request import HTTPXRequest

from bots.telegram.errors import translated
from bots.telegram.events import ALLOWED_UPDATES
from bots.telegram.limits import TelegramLimits
from core.errors import SettingsError
from core.model import CommandName

TOKEN_REFUSED = (
    "TELEGRAM_BOT_TOKEN: Telegram does not know this token; copy it again from @BotFather "  # noqa: S105
    "(/mybots, your bot, API Token), without spaces or quotes"
)

_TEXTS = {
    "": {
        CommandName.NEW: "Forget this conversation and begin anew",
        CommandName.STOP: "Stop the answer that is being written",
        CommandName.RETRY: "Answer the last question once more",
        CommandName.HELP: "What I can do",
        CommandName.START: "Say hello",
    },
    "zh": {
        CommandName.NEW: "忘记当前对话，重新开始",
        CommandName.STOP: "停止正在生成的回答",
        CommandName.RETRY: "重新回答上一个问题",
        CommandName.HELP: "使用帮助",
        CommandName.START: "打个招呼",
    },
}


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
    limits: TelegramLimits = field(default_factory=TelegramLimits)

    @property
    def webhook_url(self) -> str:
        """The address given to Telegram."""
        return f"{self.public_url.rstrip('/')}/telegram/{self.webhook_path}"

    @property
    def secret(self) -> str:
        """What Telegram sends with each call; the same on every replica and at every start."""
        derived = hmac.new(self.token.encode(), b"moonthread telegram webhook", hashlib.sha256)
        return self.webhook_secret or derived.hexdigest()


class RawBot(Bot):
    """PTB's bot, with the updates as Telegram wrote them: one it cannot read must not hide others."""

    async def raw_updates(self, *, offset: int | None, timeout_s: int, margin_s: float) -> list[Any]:
        """Confirm what is below ``offset`` and return what follows, waiting up to ``timeout_s``."""
        asked = {"offset": offset, "timeout": timeout_s, "allowed_updates": list(ALLOWED_UPDATES)}
        found = await self._post("getUpdates", asked, read_timeout=timeout_s + margin_s)
        return cast("list[Any]", found)


def make_bot(config: TelegramConfig) -> RawBot:
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


def commands(language: str, *, private: bool) -> list[BotCommand]:
    """Return the commands in ``language`` ("zh", or "" for everybody else); groups need no /start."""
    return [
        BotCommand(name, text)
        for name, text in _TEXTS[language].items()
        if private or name is not CommandName.START
    ]


async def register_commands(bot: Bot) -> None:
    """Tell Telegram our commands for every kind of chat, in English and for clients set to Chinese.

    See https://core.telegram.org/bots/api#setmycommands.

    Raises:
        SurfaceError: Telegram refused or could not be reached.
    """
    scopes: tuple[tuple[BotCommandScope, bool], ...] = (
        (BotCommandScopeDefault(), True),
        (BotCommandScopeAllPrivateChats(), True),
        (BotCommandScopeAllGroupChats(), False),
    )
    with translated(idempotent=True):
        for scope, private in scopes:
            for language in _TEXTS:
                await bot.set_my_commands(
                    commands(language, private=private), scope=scope, language_code=language or None
                )
