"""The way in: what Slack delivers is stored, and only then acknowledged.

Slack repeats what it did not see acknowledged (at once, after one and after five minutes), and
Bolt acknowledges an event before its listeners have run. So the work is done in the last of
Bolt's global middlewares, which answers only when the event is stored: in Socket Mode Bolt sends
nothing for an answer other than 200, in HTTP mode it answers 5xx.
"""

import asyncio
import hashlib
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import structlog
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from starlette.requests import Request
from starlette.responses import Response

from bots.slack.credentials import SlackConfig, build_client, is_loopback
from bots.slack.events import MalformedEvent, parse_event, referenced_people
from bots.slack.people import BotIdentity, ProfileCache
from core.domain.errors import PlatformUnavailable, StoreUnavailable
from core.domain.events import Event, UnparsedEvent
from core.ports.platform import EventSink

log = structlog.get_logger()

NAME_LOOKUP_TIMEOUT_S = 1.0  #: of Slack's three seconds for an acknowledgement
DRAIN_TIMEOUT_S = 5.0  #: drained() waits this long for events that are being stored
MAX_RAW_CHARS = 20_000  #: kept of an event that cannot be read


CONNECT_TIMEOUT_S = 10.0  #: open() waits this long for the socket; then it goes on trying alone
PING_INTERVAL_S = 5.0  #: a socket that broke without a word is noticed and replaced after about this


class SocketModeConnection:
    """A Socket Mode connection, which the SDK keeps up, and how long nothing was heard on it."""

    def __init__(self, bolt: AsyncApp, config: SlackConfig) -> None:
        """Open nothing yet."""
        self._handler = AsyncSocketModeHandler(
            bolt, config.app_token, logger=bolt.logger, ping_interval=PING_INTERVAL_S
        )
        self._client = self._handler.client
        if is_loopback(config.api_url):
            self._client.proxy = None
        self._client.on_message_listeners.append(self._on_message)
        self._last_message_at = time.monotonic()
        self._connecting: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect. A connection that fails is tried again for ever, also after this returns."""
        connecting = self._handler.connect_async()  # type: ignore[no-untyped-call]
        self._connecting = asyncio.create_task(connecting, name="slack-connect")
        await asyncio.wait([self._connecting], timeout=CONNECT_TIMEOUT_S)

    async def is_open(self) -> bool:
        """Tell whether the SDK holds it for open."""
        return bool(await self._client.is_connected())

    def silence_s(self) -> float:
        """Return for how many seconds neither a message nor an answer to a ping came."""
        silent_s = time.monotonic() - self._last_message_at
        if (pong_at := self._client.last_ping_pong_time) is not None:
            silent_s = min(silent_s, time.time() - pong_at)  # the SDK keeps the wall's time
        return silent_s

    async def close(self) -> None:
        """Say goodbye; a socket that does not answer is waited for some seconds."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        await self._handler.close_async()  # type: ignore[no-untyped-call]

    async def _on_message(self, _: object) -> None:
        self._last_message_at = time.monotonic()


class Ingress:
    """Takes one workspace's events, by whichever way they come."""

    def __init__(self, config: SlackConfig, profiles: ProfileCache, identity: BotIdentity) -> None:
        self._config = config
        self._profiles = profiles
        self.identity = identity  #: known once the platform is connected
        self.event_sink: EventSink | None = None  #: None takes no event
        self._in_progress: set[asyncio.Task[Any]] = set()
        self._last_by_channel: dict[
            str, asyncio.Event
        ] = {}  #: by channel, set when its latest event is stored
        self.bolt = self._build_bolt()

    async def handle_request(self, request: Request) -> Response:
        """Answer one request of Slack in HTTP mode."""
        try:
            return await AsyncSlackRequestHandler(self.bolt).handle(request)
        except UnicodeDecodeError:
            return Response("not UTF-8", status_code=400)

    async def drain(self) -> None:
        """Wait until what is being stored is stored and acknowledged."""
        if self._in_progress:
            await asyncio.wait(self._in_progress, timeout=DRAIN_TIMEOUT_S)

    def _build_bolt(self) -> AsyncApp:
        """Return a Bolt app with our one middleware.

        Its client has no token: we answer ``authorize`` ourselves. Bolt's own way calls auth.test
        and tells Slack that all is well where that call fails, which would lose the event.
        """

        # Bolt passes arguments by name and takes a bound method's "self" for one of them.
        async def authorize() -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=None,
                team_id=self.identity.team_id,
                bot_user_id=self.identity.user_id,
                bot_id=self.identity.bot_id,
                bot_token=self._config.bot_token,
            )

        client = build_client(self._config)
        client.token = None
        bolt = AsyncApp(
            client=client,
            name="moonthread",
            logger=_quiet_logger(),
            signing_secret=self._config.signing_secret,
            request_verification_enabled=not self._config.app_token,
            authorize=authorize,
        )
        bolt.middleware(self._handle)
        bolt.error(_log_failure)
        return bolt

    async def _handle(self, body: Mapping[str, Any]) -> BoltResponse:
        """Store the event in ``body``, then acknowledge it; one that is not ours at once."""
        if (ingest := self.event_sink) is None:
            return BoltResponse(status=503, body="")
        task = asyncio.current_task()
        if task is not None:
            # The same task sends the acknowledgement, so drained() waits for that too.
            self._in_progress.add(task)
            task.add_done_callback(self._in_progress.discard)
        async with self._in_order(_channel_of(body)) as turn:
            event = await self._parse(body)
            await turn.wait()
            if event is not None:
                await ingest(event)
        return BoltResponse(status=200, body="")

    @asynccontextmanager
    async def _in_order(self, channel: str) -> AsyncIterator[asyncio.Event]:
        """Let the block await its turn: that what came before in the same channel is stored.

        Names are looked up meanwhile, and the one who waits for theirs may not be overtaken by an
        answer to them.
        """
        before, mine = self._last_by_channel.get(channel), asyncio.Event()
        self._last_by_channel[channel] = mine
        if before is None:
            before = asyncio.Event()
            before.set()
        try:
            yield before
        finally:
            mine.set()
            if self._last_by_channel.get(channel) is mine:
                del self._last_by_channel[channel]

    async def _parse(self, body: Mapping[str, Any]) -> Event | None:
        now = datetime.now(UTC)
        try:
            if parse_event(body, self.identity, {}, received_at=now) is None:
                return None
            wanted = referenced_people(body) - {self.identity.user_id}
            people = await self._profiles.get_profiles(wanted, timeout_s=NAME_LOOKUP_TIMEOUT_S)
            return parse_event(body, self.identity, people, received_at=now)
        except MalformedEvent as exc:
            return self._unparsed(body, str(exc))

    def _unparsed(self, body: Mapping[str, Any], fault: str) -> UnparsedEvent:
        raw = json.dumps(body, ensure_ascii=False, default=str)
        log.warning("slack.event_unparsed", fault=fault)
        digest = hashlib.sha256(raw.encode()).hexdigest()[:32]
        return UnparsedEvent(
            delivery_id=f"event:{body.get('event_id') or body.get('trigger_id') or digest}",
            platform="slack",
            tenant=self.identity.team_id,
            raw=raw[:MAX_RAW_CHARS],
            error=fault,
        )


def _channel_of(body: Mapping[str, Any]) -> str:
    """Return where something happened; "" for what has no place."""
    match body:
        case (
            {"event": {"channel": str(channel)}}
            | {"channel": {"id": str(channel)}}
            | {"channel_id": str(channel)}
        ):
            return channel
        case _:
            return ""


async def _log_failure(error: Exception) -> None:
    """Log why an event was not acknowledged; Slack will deliver it again."""
    if isinstance(error, StoreUnavailable):
        log.error("store.unavailable", platform="slack", error=str(error))
    elif isinstance(error, PlatformUnavailable):
        log.warning("slack.event_not_stored", error=type(error).__name__)
    else:
        log.error("slack.event_failed", exc_info=error)


def _quiet_logger() -> logging.Logger:
    """Return a logger for the SDK that never tells what people wrote: its details are below WARNING."""
    logger = logging.getLogger("moonthread.slack.sdk")
    logger.setLevel(logging.WARNING)
    return logger
