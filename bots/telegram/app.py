"""The Telegram platform: one bot, polled or called by webhook."""

from collections.abc import Sequence

import structlog
from starlette.routing import BaseRoute, Route

from bots.telegram.addressing import PLATFORM
from bots.telegram.bot_commands import register_commands
from bots.telegram.credentials import TelegramConfig, build_bot, identify, quiet_loggers
from bots.telegram.downloads import CLOUD_HOST, TelegramDownloader
from bots.telegram.handoff_rooms import TelegramHandoffRooms
from bots.telegram.ingress import Ingress
from bots.telegram.members import TelegramMemberLookup
from bots.telegram.message_api import MessageApi
from bots.telegram.people import BotIdentity
from bots.telegram.surface import TelegramMessageChannel
from bots.telegram.uploads import FileUploader
from core.domain.clock import Clock, SystemClock
from core.domain.errors import PlatformError
from core.markdown.mentions import MentionCodec
from core.ports.platform import Backfill, EventSink, HandoffRooms, MemberLookup

__all__ = ["TelegramApp", "TelegramConfig"]

log = structlog.get_logger()

SILENCE_MARGIN_S = 30.0  #: beyond the time after which the SDK itself gives a poll up


class TelegramApp:
    """One Telegram bot. Implements :class:`bots.platform_adapter.Platform`.

    Raises:
        SettingsError: on construction, where the token cannot be one.
    """

    name = PLATFORM
    backfill: Backfill | None = None  #: bots see nothing of what was said before

    def __init__(self, config: TelegramConfig, *, clock: Clock | None = None) -> None:
        self._config = config
        self._bot = build_bot(config)
        self.max_silence_s = config.poll_timeout_s + config.call_timeout_s + SILENCE_MARGIN_S
        clock = clock or SystemClock()
        self._ingress = Ingress(self._bot, config, clock)
        self._members = TelegramMemberLookup(self._bot, clock)
        self.members: MemberLookup | None = self._members
        writer, mentions = MessageApi(self._bot), MentionCodec(config.token)
        self.message_channel = TelegramMessageChannel(
            writer, config.limits, drafts=config.drafts, rich=config.rich, mentions=mentions
        )
        uploads = FileUploader(self._bot, writer, mentions, on_cloud=CLOUD_HOST in config.api_url)
        self.handoff_rooms: HandoffRooms | None = TelegramHandoffRooms(
            self._bot, writer, uploads, mentions, config.limits, lambda: str(self.identity.id)
        )
        self._ingress.on_chat_migrated = self.message_channel.chat_migrated
        self.downloader = TelegramDownloader(config, self._bot)

    @property
    def identity(self) -> BotIdentity:
        """Who the bot is; its id is 0 until connected."""
        return self._ingress.identity

    @property
    def tenant(self) -> str:
        """The bot's id."""
        return str(self.identity.id)

    async def connect(self) -> None:
        """Learn who the bot is.

        Raises:
            SettingsError: Telegram does not know the token.
            PlatformUnavailable: Telegram cannot be reached.
        """
        quiet_loggers()
        user = await identify(self._bot, api_url=self._config.api_url)
        self._ingress.identity = BotIdentity(id=user.id, username=user.username or "")
        log.info("telegram.connected", bot=user.username, reads_groups=bool(user.can_read_all_group_messages))

    def routes(self) -> Sequence[BaseRoute]:
        """Return the webhook's route; none where we poll."""
        if not self._config.public_url:
            return ()
        return (
            Route(f"/telegram/{self._config.webhook_path}", self._ingress.handle_request, methods=["POST"]),
        )

    @property
    def single_poller(self) -> bool:
        """Whether only one replica at a time may be started: Telegram gives updates to one poll."""
        return not self._config.public_url

    async def start(self, event_sink: EventSink) -> None:
        """Begin to take updates; what Telegram refuses meanwhile is logged and tried again."""
        self._ingress.spawn(self._register_commands())
        await self._ingress.start(event_sink)

    async def is_connected(self) -> bool:
        """Tell whether updates can reach us now."""
        return self._ingress.connected

    def silence_s(self) -> float | None:
        """Return how long the call to Telegram has lasted that brings updates; None where there is none."""
        return self._ingress.silence_s()

    async def restart(self) -> None:
        """Give up a call that never returns, and call anew."""
        await self._ingress.restart()

    async def stop(self) -> None:
        """Take no further update: an open poll ends at once, a store transaction is let finish."""
        await self._ingress.stop()

    async def close(self) -> None:
        """Stop, and let go of every connection."""
        await self._ingress.close()
        await self._members.close()
        await self.downloader.close()
        await self._bot.shutdown()

    async def _register_commands(self) -> None:
        try:
            await register_commands(self._bot)
        except PlatformError as exc:
            log.warning("telegram.command_registration_failed", error=type(exc).__name__)
