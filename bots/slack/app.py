"""The Slack platform: one workspace, connected by Socket Mode or reached over HTTP."""

import asyncio
from collections.abc import Sequence

import aiohttp
import structlog
from starlette.routing import BaseRoute, Route

from bots.slack.app_manifest import EVENTS_PATH
from bots.slack.credentials import HTTP_TIMEOUT, SlackConfig, build_client, check_app_token, identify
from bots.slack.downloads import SlackDownloader
from bots.slack.handoff_rooms import SlackHandoffRooms
from bots.slack.ingress import Ingress, SocketModeConnection
from bots.slack.limits import SlackLimits
from bots.slack.members import SlackMemberLookup
from bots.slack.people import BotIdentity, ProfileCache
from bots.slack.surface import SlackMessageChannel
from bots.slack.thread_history import ThreadHistory
from bots.slack.uploads import FileUploader
from core.domain.clock import Clock
from core.domain.errors import PlatformUnavailable, SettingsError
from core.markdown.mentions import MentionCodec
from core.ports.platform import Backfill, EventSink, HandoffRooms, MemberLookup, MessageChannel

__all__ = ["SlackApp", "SlackConfig"]

log = structlog.get_logger()

MAX_SILENCE_S = 60.0  #: the SDK replaces a silent socket after 20 s; this is for when it does not


class SlackApp:
    """One workspace. Implements :class:`bots.platform_adapter.Platform`."""

    name = "slack"
    single_poller = False  #: Slack spreads events over up to ten sockets of one app

    def __init__(self, config: SlackConfig, *, clock: Clock, limits: SlackLimits | None = None) -> None:
        if not (config.app_token or config.signing_secret):
            raise SettingsError(
                ["Slack needs SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP mode)"]
            )
        self._config = config
        self._session: aiohttp.ClientSession | None = None
        self._client = build_client(config)
        self._profiles = ProfileCache(self._client, clock)
        me = BotIdentity(team_id="", user_id="", agent_view=config.agent_view)
        self._history = ThreadHistory(self._client, self._profiles, me)
        self._ingress = Ingress(config, self._profiles, me)
        limits, mentions = limits or SlackLimits(), MentionCodec(config.bot_token)
        self.message_channel: MessageChannel = SlackMessageChannel(
            self._client, self._history, limits=limits, agent_view=config.agent_view, mentions=mentions
        )
        self.backfill: Backfill | None = self._history
        self._members = SlackMemberLookup(self._client, clock, lambda: self.identity.team_id)
        self.members: MemberLookup | None = self._members
        uploads = FileUploader(self._client, self._require_session, mentions, clock)
        self.handoff_rooms: HandoffRooms | None = SlackHandoffRooms(uploads, mentions, limits)
        self.downloader = SlackDownloader(config, self._client, self._require_session)
        self.max_silence_s = MAX_SILENCE_S
        self._socket: SocketModeConnection | None = None
        self._closing_sockets: set[asyncio.Task[None]] = set()  #: sockets that are being closed

    @property
    def identity(self) -> BotIdentity:
        """Who the bot is; its ids are "" until connected."""
        return self._ingress.identity

    @property
    def tenant(self) -> str:
        """The team that installed us; "" until connected."""
        return self.identity.team_id

    async def connect(self) -> None:
        """Check the tokens and learn who the bot is.

        Raises:
            SettingsError: Slack refused a token.
            PlatformUnavailable: Slack cannot be reached.
        """
        if self._session is None:
            self._session = self._client.session = aiohttp.ClientSession(timeout=HTTP_TIMEOUT)
        self._ingress.bolt.client.session = self._session
        me, _ = await identify(self._client, agent_view=self._config.agent_view)
        self._ingress.identity = self._history.identity = me
        if self._config.app_token:
            await check_app_token(self._client, self._config.app_token)
        log.info("slack.connected", team=me.team_id, bot=me.user_id)

    def _require_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise PlatformUnavailable("not connected")
        return self._session

    def routes(self) -> Sequence[BaseRoute]:
        """Return the route that Slack posts to; none in Socket Mode."""
        if self._config.app_token:
            return ()
        return (Route(EVENTS_PATH, self._ingress.handle_request, methods=["POST"]),)

    async def start(self, event_sink: EventSink) -> None:
        """Begin to take events. In Socket Mode a connection that fails is tried again for ever."""
        self._ingress.event_sink = event_sink
        if not self._config.app_token:
            return
        self._socket = SocketModeConnection(self._ingress.bolt, self._config)
        await self._socket.open()

    async def is_connected(self) -> bool:
        """Tell whether events can reach us now; in HTTP mode, whether they are taken."""
        if self._ingress.event_sink is None:
            return False
        if not self._config.app_token:
            return True
        return self._socket is not None and await self._socket.is_open()

    def silence_s(self) -> float | None:
        """Return how long nothing was heard on the socket; None where there is none."""
        return None if self._socket is None else self._socket.silence_s()

    async def restart(self) -> None:
        """Open another socket, then leave the one that is there: Slack allows ten at once."""
        old = self._socket
        if old is None:
            return
        leaving = asyncio.create_task(self._close_socket(old), name="slack-leave")
        self._closing_sockets.add(leaving)
        leaving.add_done_callback(self._closing_sockets.discard)
        self._socket = SocketModeConnection(self._ingress.bolt, self._config)
        await self._socket.open()

    async def _close_socket(self, socket: SocketModeConnection) -> None:
        try:
            await socket.close()
        except Exception as exc:  # noqa: BLE001 (a task's boundary: what is dead may fail to close)
            log.info("slack.socket_close_failed", error=type(exc).__name__)

    async def stop(self) -> None:
        """Take no further event; what is being stored is stored and acknowledged first."""
        self._ingress.event_sink = None
        await self._ingress.drain()
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()
        if self._closing_sockets:
            await asyncio.wait(self._closing_sockets)

    async def close(self) -> None:
        """Let go of every connection."""
        await self.stop()
        await self._members.close()
        await self._profiles.close()
        if self._session is not None:
            await self._session.close()
