"""The Slack platform: slack-bolt wired to our way in, Socket Mode or HTTP.

Slack repeats what it did not see acknowledged (at once, after one and after five minutes), and
Bolt acknowledges an event before its listeners have run. So the work is done in the last of
Bolt's global middlewares, which answers only when the event is stored: in Socket Mode Bolt sends
nothing for an answer other than 200, in HTTP mode it answers 5xx.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bots.slack.credentials import TIMEOUT, SlackConfig, check_app_token, client_for, identify, is_local
from bots.slack.events import UnreadableEvent, decode, people_in
from bots.slack.limits import SlackLimits
from bots.slack.names import People
from bots.slack.places import Identity
from bots.slack.reading import Reader
from bots.slack.setup import EVENTS_PATH
from bots.slack.surface import SlackSurface
from core.clock import Clock
from core.errors import SettingsError, StoreUnavailable, SurfaceUnavailable
from core.model import Event, Unparsed
from core.ports import Backfill, Ingest, Surface

__all__ = ["SlackApp", "SlackConfig"]

log = structlog.get_logger()

NAMES_WITHIN_S = 1.0  #: of Slack's three seconds for an acknowledgement
CONNECT_WITHIN_S = 10.0  #: start() waits this long for the socket; then it goes on trying alone
DRAIN_WITHIN_S = 5.0  #: stop() waits this long for events that are being stored
PING_EVERY_S = 5.0  #: a socket that broke without a word is noticed and replaced after about this
RAW_CHARS = 20_000  #: kept of an event that cannot be read


class SlackApp:
    """One workspace. Implements :class:`bots.platform.Platform`."""

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
        self._me = Identity(team_id="", user_id="", agent=config.agent)
        self._reader = Reader(self._client, self._people, self._me)
        self.surface: Surface = SlackSurface(self._client, self._reader, limits=limits or SlackLimits())
        self.backfill: Backfill | None = self._reader
        self.directory = self._people
        self._bolt = self._make_bolt()
        self._ingest: Ingest | None = None
        self._taking: set[asyncio.Task[Any]] = set()
        self._handler: AsyncSocketModeHandler | None = None
        self._connecting: asyncio.Task[None] | None = None

    @property
    def me(self) -> Identity:
        """Who the bot is; its ids are "" until connected."""
        return self._me

    async def connect(self) -> None:
        """Check the tokens and learn who the bot is.

        Raises:
            SettingsError: Slack refused a token.
            SurfaceUnavailable: Slack cannot be reached.
        """
        if self._session is None:
            self._session = self._client.session = aiohttp.ClientSession(timeout=TIMEOUT)
        self._bolt.client.session = self._session
        self._me, _ = await identify(self._client, agent=self._config.agent)
        self._reader.me = self._me
        if self._config.app_token:
            await check_app_token(self._client, self._config.app_token)
        log.info("slack.connected", team=self._me.team_id, bot=self._me.user_id)

    def routes(self) -> Sequence[BaseRoute]:
        """Return the route that Slack posts to; none in Socket Mode."""
        if self._config.app_token:
            return ()
        return (Route(EVENTS_PATH, self._over_http, methods=["POST"]),)

    async def start(self, ingest: Ingest) -> None:
        """Begin to take events. In Socket Mode a connection that fails is tried again for ever."""
        self._ingest = ingest
        if not self._config.app_token:
            return
        self._handler = AsyncSocketModeHandler(
            self._bolt, self._config.app_token, logger=self._bolt.logger, ping_interval=PING_EVERY_S
        )
        if is_local(self._config.api_url):
            self._handler.client.proxy = None
        connecting = self._handler.connect_async()  # type: ignore[no-untyped-call]
        self._connecting = asyncio.create_task(connecting, name="slack-connect")
        await asyncio.wait([self._connecting], timeout=CONNECT_WITHIN_S)

    async def is_connected(self) -> bool:
        """Tell whether events can reach us now; in HTTP mode, whether they are taken."""
        if self._ingest is None:
            return False
        if not self._config.app_token:
            return True
        return self._handler is not None and await self._handler.client.is_connected()

    async def stop(self) -> None:
        """Take no further event; what is being stored is stored and acknowledged first."""
        self._ingest = None
        if self._taking:
            await asyncio.wait(self._taking, timeout=DRAIN_WITHIN_S)
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
            self._connecting = None
        if self._handler is not None:
            await self._handler.close_async()  # type: ignore[no-untyped-call]
            self._handler = None

    async def close(self) -> None:
        """Let go of every connection."""
        await self.stop()
        await self._people.close()
        if self._session is not None:
            await self._session.close()

    def _make_bolt(self) -> AsyncApp:
        """Return a Bolt app with our one middleware.

        Its client has no token: we answer ``authorize`` ourselves. Bolt's own way calls auth.test
        and tells Slack that all is well where that call fails, which would lose the event.
        """

        # Bolt passes arguments by name and takes a bound method's "self" for one of them.
        async def authorize() -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=None,
                team_id=self._me.team_id,
                bot_user_id=self._me.user_id,
                bot_id=self._me.bot_id,
                bot_token=self._config.bot_token,
            )

        client = client_for(self._config)
        client.token = None
        bolt = AsyncApp(
            client=client,
            name="moonthread",
            logger=_quiet_logger(),
            signing_secret=self._config.signing_secret,
            request_verification_enabled=not self._config.app_token,
            authorize=authorize,
        )
        bolt.middleware(self._take)
        bolt.error(_report)
        return bolt

    async def _over_http(self, request: Request) -> Response:
        try:
            return await AsyncSlackRequestHandler(self._bolt).handle(request)
        except UnicodeDecodeError:
            return Response("not UTF-8", status_code=400)

    async def _take(self, body: Mapping[str, Any]) -> BoltResponse:
        """Store the event in ``body``, then acknowledge it; one that is not ours at once."""
        if (ingest := self._ingest) is None:
            return BoltResponse(status=503, body="")
        task = asyncio.current_task()
        if task is not None:
            # The same task sends the acknowledgement, so stop() waits for that too.
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)
        event = await self._read(body)
        if event is not None:
            await ingest(event)
        return BoltResponse(status=200, body="")

    async def _read(self, body: Mapping[str, Any]) -> Event | None:
        now = datetime.now(UTC)
        try:
            if decode(body, self._me, {}, received_at=now) is None:
                return None
            wanted = people_in(body) - {self._me.user_id}
            people = await self._people.profiles(wanted, within_s=NAMES_WITHIN_S)
            return decode(body, self._me, people, received_at=now)
        except UnreadableEvent as exc:
            raw = json.dumps(body, ensure_ascii=False, default=str)
            log.warning("slack.unreadable_event", fault=str(exc))
            digest = hashlib.sha256(raw.encode()).hexdigest()[:32]
            return Unparsed(
                delivery_id=f"event:{body.get('event_id') or body.get('trigger_id') or digest}",
                platform=self.name,
                tenant=self._me.team_id,
                raw=raw[:RAW_CHARS],
                fault=str(exc),
            )


async def _report(error: Exception) -> None:
    """Log why an event was not acknowledged; Slack will deliver it again."""
    if isinstance(error, StoreUnavailable | SurfaceUnavailable):
        log.warning("slack.event_not_stored", error=type(error).__name__)
    else:
        log.error("slack.event_failed", exc_info=error)


def _quiet_logger() -> logging.Logger:
    """Return a logger for the SDK that never tells what people wrote: its details are below WARNING."""
    logger = logging.getLogger("moonthread.slack.sdk")
    logger.setLevel(logging.WARNING)
    return logger
