"""The Telegram platform: one bot, polled or called by webhook."""

from collections.abc import Sequence
from typing import Final

import structlog
from starlette.routing import BaseRoute

from bots.telegram.addressing import PLATFORM
from bots.telegram.bot_commands import register_commands
from bots.telegram.channel_directory import TelegramChannelDirectory
from bots.telegram.credentials import TelegramConfig, build_bot, identify
from bots.telegram.downloads import CLOUD_HOST, TelegramDownloader
from bots.telegram.handoff_rooms import TelegramHandoffRooms
from bots.telegram.ingress import Ingress
from bots.telegram.members import TelegramMemberLookup
from bots.telegram.message_api import MessageApi
from bots.telegram.people import BotAccount, BotIdentity, identity_of
from bots.telegram.private_messages import TelegramPrivateMessages
from bots.telegram.surface import TelegramMessageChannel
from bots.telegram.uploads import FileUploader
from bots.webhook_routes import webhook_routes
from core.domain.clock import Clock, SystemClock
from core.domain.errors import PlatformError
from core.markdown.mentions import MentionCodec
from core.ports.platform import EventSink, PressReply

__all__ = ["TelegramApp", "TelegramConfig"]

log = structlog.get_logger(__name__)

SILENCE_MARGIN_S: Final = 30.0  #: beyond the time after which the SDK itself ends a poll


class TelegramApp:
    """One Telegram bot. Implements :class:`bots.platform_adapter.Platform`."""

    name = PLATFORM
    backfill = None  #: the Bot API offers no way to read earlier messages
    channel_history = None  #: likewise
    linked_threads = None  #: likewise

    def __init__(self, config: TelegramConfig, *, clock: Clock | None = None) -> None:
        """Build the adapter; nothing is connected yet.

        Raises:
            SettingsError: the token cannot be valid.
        """
        clock, mentions = clock or SystemClock(), MentionCodec(config.token)
        self._config = config
        self._bot = build_bot(config)
        self._account = BotAccount(config.token)
        self.max_silence_s = config.poll_timeout_s + config.call_timeout_s + SILENCE_MARGIN_S
        api = MessageApi(self._bot)
        self.message_channel = TelegramMessageChannel(
            api,
            config.limits,
            drafts=config.drafts,
            rich=config.rich,
            wide_tables_as_grid=config.wide_tables_as_grid,
            mentions=mentions,
        )
        self.channel_directory = TelegramChannelDirectory(self._bot, clock)
        self._ingress = Ingress(
            self._bot,
            config,
            clock,
            self._account,
            on_chat_migrated=api.chat_migrated,
            on_group_title=self.channel_directory.note_title,
        )
        self.private_messages = TelegramPrivateMessages(self._bot)
        self.members = TelegramMemberLookup(self._bot, clock, self._account)
        uploader = FileUploader(self._bot, api, mentions, on_cloud=CLOUD_HOST in config.api_url)
        self.handoff_rooms = TelegramHandoffRooms(
            self._bot, api, uploader, mentions, config.limits, self._account
        )
        self.downloader = TelegramDownloader(config, self._bot)

    @property
    def identity(self) -> BotIdentity:
        """The bot's identity; its id is 0 until connected."""
        return self._account.identity

    @property
    def tenant(self) -> str:
        """The bot's id, with which its token begins."""
        return self._account.tenant

    @property
    def single_poller(self) -> bool:
        """Whether only one replica at a time may be started: Telegram serves one poll of a bot."""
        return not self._config.public_url

    async def connect(self) -> None:
        """Load the bot's identity.

        Raises:
            SettingsError: Telegram does not know the token.
            PlatformUnavailable: Telegram cannot be reached.
        """
        user = await identify(self._bot, api_url=self._config.api_url)
        self._account.set_identity(identity_of(user))
        log.info("telegram.connected", bot=user.username, reads_groups=bool(user.can_read_all_group_messages))

    def routes(self) -> Sequence[BaseRoute]:
        """Return the webhook's routes; () if the bot is polled."""
        if not self._config.public_url:
            return ()
        return webhook_routes(f"/telegram/{self._config.webhook_path}", self._ingress.handle_request)

    def set_press_reply(self, press_reply: PressReply) -> None:
        """Use ``press_reply`` for what a pressed button shows for a moment."""
        self._ingress.press_answers.reply = press_reply

    async def start(self, event_sink: EventSink) -> None:
        """Begin to receive updates; a call that Telegram refuses is logged and retried."""
        self._ingress.spawn(self._register_commands())
        await self._ingress.start(event_sink)

    async def is_connected(self) -> bool:
        """Return whether updates can arrive."""
        return self._ingress.connected

    def silence_s(self) -> float | None:
        """Return the age in seconds of the call that fetches updates; None if there is none."""
        return self._ingress.silence_s()

    async def restart(self) -> None:
        """Cancel a call that never returns, and call again."""
        await self._ingress.restart()

    async def stop(self) -> None:
        """Receive no further update: cancel an open poll, let a store transaction finish."""
        await self._ingress.stop()

    async def close(self) -> None:
        """Stop, and close every connection."""
        await self._ingress.close()
        await self.members.close()
        await self.channel_directory.close()
        await self.downloader.close()
        await self._bot.shutdown()

    async def _register_commands(self) -> None:
        try:
            await register_commands(self._bot)
        except PlatformError as exc:
            log.warning("telegram.command_registration_failed", error=type(exc).__name__)
