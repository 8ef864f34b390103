"""The Telegram platform: one bot, polled or called by webhook."""

from collections.abc import Sequence

import structlog
from starlette.routing import BaseRoute, Route

from bots.telegram.credentials import TelegramConfig, identify, make_bot, quiet_loggers
from bots.telegram.downloads import CLOUD_HOST, TelegramDownloads
from bots.telegram.ingress import Ingress
from bots.telegram.members import TelegramMembers
from bots.telegram.people import Me
from bots.telegram.places import PLATFORM
from bots.telegram.rooms import TelegramRooms
from bots.telegram.setup import register_commands
from bots.telegram.surface import TelegramSurface
from bots.telegram.uploads import Uploads
from bots.telegram.writing import Writer
from core.domain.clock import Clock, SystemClock
from core.domain.errors import SurfaceError
from core.markdown.mentions import Mentions
from core.ports.platform import Backfill, Ingest, Members, Rooms

__all__ = ["TelegramApp", "TelegramConfig"]

log = structlog.get_logger()

SILENT_MARGIN_S = 30.0  #: beyond the time after which the SDK itself gives a poll up


class TelegramApp:
    """One Telegram bot. Implements :class:`bots.platform_adapter.Platform`.

    Raises:
        SettingsError: on construction, where the token cannot be one.
    """

    name = PLATFORM
    backfill: Backfill | None = None  #: bots see nothing of what was said before

    def __init__(self, config: TelegramConfig, *, clock: Clock | None = None) -> None:
        self._config = config
        self._bot = make_bot(config)
        self.most_silent_s = config.poll_timeout_s + config.call_timeout_s + SILENT_MARGIN_S
        clock = clock or SystemClock()
        self._ingress = Ingress(self._bot, config, clock)
        self._members = TelegramMembers(self._bot, clock)
        self.members: Members | None = self._members
        writer, mentions = Writer(self._bot), Mentions(config.token)
        self.surface = TelegramSurface(
            writer, config.limits, drafts=config.drafts, rich=config.rich, mentions=mentions
        )
        uploads = Uploads(self._bot, writer, mentions, on_cloud=CLOUD_HOST in config.api_url)
        self.rooms: Rooms | None = TelegramRooms(
            self._bot, writer, uploads, mentions, config.limits, lambda: str(self.me.id)
        )
        self._ingress.on_moved = self.surface.moved
        self.downloads = TelegramDownloads(config, self._bot)

    @property
    def me(self) -> Me:
        """Who the bot is; its id is 0 until connected."""
        return self._ingress.me

    @property
    def tenant(self) -> str:
        """The bot's id."""
        return str(self.me.id)

    async def connect(self) -> None:
        """Learn who the bot is.

        Raises:
            SettingsError: Telegram does not know the token.
            SurfaceUnavailable: Telegram cannot be reached.
        """
        quiet_loggers()
        user = await identify(self._bot, api_url=self._config.api_url)
        self._ingress.me = Me(id=user.id, username=user.username or "")
        log.info("telegram_connected", bot=user.username, reads_groups=bool(user.can_read_all_group_messages))

    def routes(self) -> Sequence[BaseRoute]:
        """Return the webhook's route; none where we poll."""
        if not self._config.public_url:
            return ()
        return (Route(f"/telegram/{self._config.webhook_path}", self._ingress.receive, methods=["POST"]),)

    @property
    def single_poller(self) -> bool:
        """Whether only one replica at a time may be started: Telegram gives updates to one poll."""
        return not self._config.public_url

    async def start(self, ingest: Ingest) -> None:
        """Begin to take updates; what Telegram refuses meanwhile is logged and tried again."""
        self._ingress.do_aside(self._register_commands())
        await self._ingress.start(ingest)

    async def is_connected(self) -> bool:
        """Tell whether updates can reach us now."""
        return self._ingress.connected

    def silent_s(self) -> float | None:
        """Return how long the call to Telegram has lasted that brings updates; None where there is none."""
        return self._ingress.silent_s()

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
        await self.downloads.close()
        await self._bot.shutdown()

    async def _register_commands(self) -> None:
        try:
            await register_commands(self._bot)
        except SurfaceError as exc:
            log.warning("telegram_commands_not_registered", error=type(exc).__name__)
