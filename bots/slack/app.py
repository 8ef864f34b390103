"""The Slack platform: one workspace, connected by Socket Mode or reached over HTTP."""

import asyncio
from collections.abc import Sequence

import aiohttp
import structlog
from starlette.routing import BaseRoute, Route

from bots.slack.credentials import TIMEOUT, SlackConfig, check_app_token, client_for, identify
from bots.slack.downloads import SlackDownloads
from bots.slack.ingress import Ingress, Socket
from bots.slack.limits import SlackLimits
from bots.slack.members import SlackMembers
from bots.slack.people import Identity, People
from bots.slack.reading import Reader
from bots.slack.rooms import SlackRooms
from bots.slack.setup import EVENTS_PATH
from bots.slack.surface import SlackSurface
from bots.slack.uploads import Uploads
from core.domain.clock import Clock
from core.domain.errors import SettingsError, SurfaceUnavailable
from core.markdown.mentions import Mentions
from core.ports.platform import Backfill, Ingest, Members, Rooms, Surface

__all__ = ["SlackApp", "SlackConfig"]

log = structlog.get_logger()

SILENT_S = 60.0  #: the SDK replaces a silent socket after 20 s; this is for when it does not


class SlackApp:
    """One workspace. Implements :class:`bots.platform_adapter.Platform`."""

    name = "slack"

    def __init__(self, config: SlackConfig, *, clock: Clock, limits: SlackLimits | None = None) -> None:
        if not (config.app_token or config.signing_secret):
            raise SettingsError(
                ["Slack needs SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET (HTTP mode)"]
            )
        self._config = config
        self._session: aiohttp.ClientSession | None = None
        self._client = client_for(config)
        self._people = People(self._client, clock)
        me = Identity(team_id="", user_id="", agent=config.agent)
        self._reader = Reader(self._client, self._people, me)
        self._ingress = Ingress(config, self._people, me)
        limits, mentions = limits or SlackLimits(), Mentions(config.bot_token)
        self.surface: Surface = SlackSurface(
            self._client, self._reader, limits=limits, agent=config.agent, mentions=mentions
        )
        self.backfill: Backfill | None = self._reader
        self._members = SlackMembers(self._client, clock, lambda: self.me.team_id)
        self.members: Members | None = self._members
        uploads = Uploads(self._client, self._connected, mentions, clock)
        self.rooms: Rooms | None = SlackRooms(uploads, mentions, limits)
        self.directory = self._people
        self.downloads = SlackDownloads(config, self._client, self._connected)
        self.most_silent_s = SILENT_S
        self._socket: Socket | None = None
        self._leaving: set[asyncio.Task[None]] = set()  #: sockets that are being closed

    @property
    def me(self) -> Identity:
        """Who the bot is; its ids are "" until connected."""
        return self._ingress.me

    @property
    def tenant(self) -> str:
        """The team that installed us; "" until connected."""
        return self.me.team_id

    async def connect(self) -> None:
        """Check the tokens and learn who the bot is.

        Raises:
            SettingsError: Slack refused a token.
            SurfaceUnavailable: Slack cannot be reached.
        """
        if self._session is None:
            self._session = self._client.session = aiohttp.ClientSession(timeout=TIMEOUT)
        self._ingress.bolt.client.session = self._session
        me, _ = await identify(self._client, agent=self._config.agent)
        self._ingress.me = self._reader.me = me
        if self._config.app_token:
            await check_app_token(self._client, self._config.app_token)
        log.info("slack.connected", team=me.team_id, bot=me.user_id)

    def _connected(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise SurfaceUnavailable("not connected")
        return self._session

    def routes(self) -> Sequence[BaseRoute]:
        """Return the route that Slack posts to; none in Socket Mode."""
        if self._config.app_token:
            return ()
        return (Route(EVENTS_PATH, self._ingress.over_http, methods=["POST"]),)

    async def start(self, ingest: Ingest) -> None:
        """Begin to take events. In Socket Mode a connection that fails is tried again for ever."""
        self._ingress.ingest = ingest
        if not self._config.app_token:
            return
        self._socket = Socket(self._ingress.bolt, self._config)
        await self._socket.open()

    async def is_connected(self) -> bool:
        """Tell whether events can reach us now; in HTTP mode, whether they are taken."""
        if self._ingress.ingest is None:
            return False
        if not self._config.app_token:
            return True
        return self._socket is not None and await self._socket.is_open()

    def silent_s(self) -> float | None:
        """Return how long nothing was heard on the socket; None where there is none."""
        return None if self._socket is None else self._socket.silent_s()

    async def restart(self) -> None:
        """Open another socket, then leave the one that is there: Slack allows ten at once."""
        old = self._socket
        if old is None:
            return
        leaving = asyncio.create_task(self._leave(old), name="slack-leave")
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        self._socket = Socket(self._ingress.bolt, self._config)
        await self._socket.open()

    async def _leave(self, socket: Socket) -> None:
        try:
            await socket.close()
        except Exception as exc:  # noqa: BLE001 (a task's boundary: what is dead may fail to close)
            log.info("slack.socket_not_closed", error=type(exc).__name__)

    async def stop(self) -> None:
        """Take no further event; what is being stored is stored and acknowledged first."""
        self._ingress.ingest = None
        await self._ingress.drained()
        socket, self._socket = self._socket, None
        if socket is not None:
            await socket.close()
        if self._leaving:
            await asyncio.wait(self._leaving)

    async def close(self) -> None:
        """Let go of every connection."""
        await self.stop()
        await self._members.close()
        await self._people.close()
        if self._session is not None:
            await self._session.close()
