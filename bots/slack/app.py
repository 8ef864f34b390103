"""The Slack platform: one workspace, connected by Socket Mode or over HTTP."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import aiohttp
import structlog
from starlette.routing import BaseRoute

from bots.slack.app_manifest import EVENTS_PATH
from bots.slack.channel_history import SlackChannelHistory
from bots.slack.connection_gap import ConnectionGap
from bots.slack.credentials import HTTP_TIMEOUT, SlackConfig, build_client, check_app_token, identify
from bots.slack.downloads import SlackDownloader
from bots.slack.handoff_rooms import SlackHandoffRooms
from bots.slack.ingress import Ingress
from bots.slack.interactions import Interactions
from bots.slack.limits import SlackLimits
from bots.slack.linked_threads import SlackLinkedThreads
from bots.slack.members import SlackMemberLookup
from bots.slack.missed_events import SlackMissedEvents
from bots.slack.names import NameDirectory
from bots.slack.people import BotAccount, BotIdentity, ProfileCache
from bots.slack.private_messages import SlackPrivateMessages
from bots.slack.shared_files import SharedFiles
from bots.slack.socket_mode import SocketModeReceiver
from bots.slack.surface import SlackMessageChannel
from bots.slack.thread_history import ThreadHistory
from bots.slack.uploads import FileUploader
from bots.webhook_routes import webhook_routes
from core.domain.clock import Clock
from core.domain.errors import PlatformUnavailable, SettingsError
from core.markdown.mentions import MentionCodec
from core.ports.home_page import HomePage
from core.ports.platform import EventSink

__all__ = ["SlackApp", "SlackConfig"]

log = structlog.get_logger(__name__)

TOKEN_CHECK_S: Final = 60.0  #: between two checks that the bot token still works
TOKEN_CHECK_TIMEOUT_S: Final = 2.0
MAX_SILENCE_S: Final = 60.0  #: the SDK replaces a silent socket after 20 s; this is for when it does not


class SlackApp:
    """One workspace. Implements :class:`bots.platform_adapter.Platform`."""

    name = "slack"
    single_poller = False  #: Slack distributes events over up to ten sockets of an app
    max_silence_s = MAX_SILENCE_S

    def __init__(self, config: SlackConfig, *, clock: Clock, limits: SlackLimits | None = None) -> None:
        """Build the adapter; nothing is connected yet.

        Raises:
            SettingsError: there is neither an app token nor a signing secret.
        """
        if not (config.app_token or config.signing_secret):
            raise SettingsError(
                ["Slack needs SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP mode)"]
            )
        limits, mentions = limits or SlackLimits(), MentionCodec(config.bot_token)
        self._config = config
        self._clock, self._token_valid, self._token_checked_at = clock, True, clock.time()
        self._session: aiohttp.ClientSession | None = None
        self._client = build_client(config)
        self._account = BotAccount()
        self._names = NameDirectory(self._client, ProfileCache(self._client, clock), clock)
        self.channel_directory = self._names
        self._shared_files = SharedFiles(self._client, clock)
        gap = ConnectionGap()
        self._interactions = Interactions(self._client, self._names, self._account)
        self._ingress = Ingress(
            config, self._names, self._shared_files, self._account, gap, self._interactions
        )
        self._socket_mode = (
            SocketModeReceiver(self._ingress.bolt, config, on_connected=gap.reconnected)
            if config.app_token
            else None
        )
        self.backfill = ThreadHistory(self._client, self._names, self._shared_files, self._account, gap)
        self.channel_history = SlackChannelHistory(self._client, self.backfill)
        self.linked_threads = SlackLinkedThreads(self._client, self.channel_history, self._account)
        self.missed_events = SlackMissedEvents(self.backfill, self._ingress.parse, self._account, gap)
        self.message_channel = SlackMessageChannel(
            self._client, self.backfill, limits=limits, account=self._account, mentions=mentions
        )
        self.private_messages = SlackPrivateMessages(self._client)
        self.members = SlackMemberLookup(self._client, clock, self._account)
        uploader = FileUploader(self._client, self._require_session, mentions, clock)
        self.handoff_rooms = SlackHandoffRooms(
            self._client, uploader, mentions, limits, self._names, self._account, self.backfill
        )
        self.downloader = SlackDownloader(config, self._client, self._require_session)

    @property
    def identity(self) -> BotIdentity:
        """The bot's identity; its ids are "" until connected."""
        return self._account.identity

    @property
    def tenant(self) -> str:
        """The team that installed the app; "" until connected."""
        return self.identity.team_id

    async def connect(self) -> None:
        """Check the tokens and load the bot's identity.

        Raises:
            SettingsError: Slack refused a token.
            PlatformUnavailable: Slack cannot be reached.
        """
        if self._session is None:
            self._session = self._client.session = aiohttp.ClientSession(timeout=HTTP_TIMEOUT)
            self._ingress.use_session(self._session)
        identity, _ = await identify(self._client, agent_view=self._config.agent_view)
        self._account.set_identity(replace(identity, allowed_apps=self._config.allowed_apps))
        if self._config.app_token:
            await check_app_token(self._client, self._config.app_token)
        log.info("slack.connected", team=identity.team_id, bot=identity.user_id)

    def _require_session(self) -> aiohttp.ClientSession:
        """Return the HTTP session.

        Raises:
            PlatformUnavailable: the platform is not connected.
        """
        if self._session is None:
            raise PlatformUnavailable("not connected")
        return self._session

    def set_home_page(self, home_page: HomePage) -> None:
        """Write the home tab of people with ``home_page`` from now on."""
        self._interactions.home.page = home_page

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes that Slack posts to; () in Socket Mode."""
        if self._socket_mode is not None:
            return ()
        return webhook_routes(EVENTS_PATH, self._ingress.handle_request)

    async def start(self, event_sink: EventSink) -> None:
        """Begin to accept events. In Socket Mode a connection that fails is retried forever."""
        self._ingress.start(event_sink)
        if self._socket_mode is not None:
            await self._socket_mode.start()

    async def is_connected(self) -> bool:
        """Return whether events can arrive; in HTTP mode, whether they are accepted."""
        if not self._ingress.accepting or not await self._is_token_valid():
            return False
        return self._socket_mode is None or await self._socket_mode.is_open()

    async def _is_token_valid(self) -> bool:
        """Return False once Slack refuses the bot token at run time: revoked, or the app was removed.

        Sockets stay open then. Slack is asked at most once in :data:`TOKEN_CHECK_S` seconds.
        """
        if self._clock.time() < self._token_checked_at + TOKEN_CHECK_S:
            return self._token_valid
        self._token_checked_at = self._clock.time()
        try:
            async with asyncio.timeout(TOKEN_CHECK_TIMEOUT_S):
                await identify(self._client)
        except SettingsError as exc:
            if self._token_valid:
                log.error("slack.token_refused", fault=str(exc))
            self._token_valid = False
        except (PlatformUnavailable, TimeoutError):
            pass  # says nothing about the token
        else:
            self._token_valid = True
        return self._token_valid

    def silence_s(self) -> float | None:
        """Return the seconds since anything was received on the socket; None if there is no socket."""
        return None if self._socket_mode is None else self._socket_mode.silence_s()

    async def restart(self) -> None:
        """Replace the socket, if there is one."""
        if self._socket_mode is not None:
            await self._socket_mode.restart()

    async def stop(self) -> None:
        """Accept no further event; events being stored are stored and acknowledged first."""
        await self._ingress.stop()
        if self._socket_mode is not None:
            await self._socket_mode.stop()

    async def close(self) -> None:
        """Stop, and close every connection."""
        await self.stop()
        await self._interactions.home.close()
        await self.members.close()
        await self._names.close()
        await self._shared_files.close()
        if self._session is not None:
            await self._session.close()
