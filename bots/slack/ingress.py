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

from bots.slack.credentials import SlackConfig, client_for, is_local
from bots.slack.events import UnreadableEvent, decode, people_in
from bots.slack.people import Identity, People
from core.domain.errors import StoreUnavailable, SurfaceUnavailable
from core.domain.events import Event, Unparsed
from core.ports.platform import Ingest

log = structlog.get_logger()

NAMES_WITHIN_S = 1.0  #: of Slack's three seconds for an acknowledgement
DRAIN_WITHIN_S = 5.0  #: drained() waits this long for events that are being stored
RAW_CHARS = 20_000  #: kept of an event that cannot be read


CONNECT_WITHIN_S = 10.0  #: open() waits this long for the socket; then it goes on trying alone
PING_EVERY_S = 5.0  #: a socket that broke without a word is noticed and replaced after about this


class Socket:
    """A Socket Mode connection, which the SDK keeps up, and how long nothing was heard on it."""

    def __init__(self, bolt: AsyncApp, config: SlackConfig) -> None:
        """Open nothing yet."""
        self._handler = AsyncSocketModeHandler(
            bolt, config.app_token, logger=bolt.logger, ping_interval=PING_EVERY_S
        )
        self._client = self._handler.client
        if is_local(config.api_url):
            self._client.proxy = None
        self._client.on_message_listeners.append(self._hear)
        self._heard_at = time.monotonic()
        self._connecting: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect. A connection that fails is tried again for ever, also after this returns."""
        connecting = self._handler.connect_async()  # type: ignore[no-untyped-call]
        self._connecting = asyncio.create_task(connecting, name="slack-connect")
        await asyncio.wait([self._connecting], timeout=CONNECT_WITHIN_S)

    async def is_open(self) -> bool:
        """Tell whether the SDK holds it for open."""
        return bool(await self._client.is_connected())

    def silent_s(self) -> float:
        """Return for how many seconds neither a message nor an answer to a ping came."""
        silent_s = time.monotonic() - self._heard_at
        if (pong_at := self._client.last_ping_pong_time) is not None:
            silent_s = min(silent_s, time.time() - pong_at)  # the SDK keeps the wall's time
        return silent_s

    async def close(self) -> None:
        """Say goodbye; a socket that does not answer is waited for some seconds."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        await self._handler.close_async()  # type: ignore[no-untyped-call]

    async def _hear(self, _: object) -> None:
        self._heard_at = time.monotonic()


class Ingress:
    """Takes one workspace's events, by whichever way they come."""

    def __init__(self, config: SlackConfig, people: People, me: Identity) -> None:
        self._config = config
        self._people = people
        self.me = me  #: known once the platform is connected
        self.ingest: Ingest | None = None  #: None takes no event
        self._taking: set[asyncio.Task[Any]] = set()
        self._last: dict[str, asyncio.Event] = {}  #: by channel, set when its latest event is stored
        self.bolt = self._make_bolt()

    async def over_http(self, request: Request) -> Response:
        """Answer one request of Slack in HTTP mode."""
        try:
            return await AsyncSlackRequestHandler(self.bolt).handle(request)
        except UnicodeDecodeError:
            return Response("not UTF-8", status_code=400)

    async def drained(self) -> None:
        """Wait until what is being stored is stored and acknowledged."""
        if self._taking:
            await asyncio.wait(self._taking, timeout=DRAIN_WITHIN_S)

    def _make_bolt(self) -> AsyncApp:
        """Return a Bolt app with our one middleware.

        Its client has no token: we answer ``authorize`` ourselves. Bolt's own way calls auth.test
        and tells Slack that all is well where that call fails, which would lose the event.
        """

        # Bolt passes arguments by name and takes a bound method's "self" for one of them.
        async def authorize() -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=None,
                team_id=self.me.team_id,
                bot_user_id=self.me.user_id,
                bot_id=self.me.bot_id,
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

    async def _take(self, body: Mapping[str, Any]) -> BoltResponse:
        """Store the event in ``body``, then acknowledge it; one that is not ours at once."""
        if (ingest := self.ingest) is None:
            return BoltResponse(status=503, body="")
        task = asyncio.current_task()
        if task is not None:
            # The same task sends the acknowledgement, so drained() waits for that too.
            self._taking.add(task)
            task.add_done_callback(self._taking.discard)
        async with self._in_order(_channel_of(body)) as turn:
            event = await self._read(body)
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
        before, mine = self._last.get(channel), asyncio.Event()
        self._last[channel] = mine
        if before is None:
            before = asyncio.Event()
            before.set()
        try:
            yield before
        finally:
            mine.set()
            if self._last.get(channel) is mine:
                del self._last[channel]

    async def _read(self, body: Mapping[str, Any]) -> Event | None:
        now = datetime.now(UTC)
        try:
            if decode(body, self.me, {}, received_at=now) is None:
                return None
            wanted = people_in(body) - {self.me.user_id}
            people = await self._people.profiles(wanted, within_s=NAMES_WITHIN_S)
            return decode(body, self.me, people, received_at=now)
        except UnreadableEvent as exc:
            return self._unparsed(body, str(exc))

    def _unparsed(self, body: Mapping[str, Any], fault: str) -> Unparsed:
        raw = json.dumps(body, ensure_ascii=False, default=str)
        log.warning("slack.unreadable_event", fault=fault)
        digest = hashlib.sha256(raw.encode()).hexdigest()[:32]
        return Unparsed(
            delivery_id=f"event:{body.get('event_id') or body.get('trigger_id') or digest}",
            platform="slack",
            tenant=self.me.team_id,
            raw=raw[:RAW_CHARS],
            fault=fault,
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


async def _report(error: Exception) -> None:
    """Log why an event was not acknowledged; Slack will deliver it again."""
    if isinstance(error, StoreUnavailable):
        log.error("store_unavailable", platform="slack", error=str(error))
    elif isinstance(error, SurfaceUnavailable):
        log.warning("slack.event_not_stored", error=type(error).__name__)
    else:
        log.error("slack.event_failed", exc_info=error)


def _quiet_logger() -> logging.Logger:
    """Return a logger for the SDK that never tells what people wrote: its details are below WARNING."""
    logger = logging.getLogger("moonthread.slack.sdk")
    logger.setLevel(logging.WARNING)
    return logger
