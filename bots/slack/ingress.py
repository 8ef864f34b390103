"""Receives Slack's events: each is stored before it is acknowledged.

Slack delivers an event again that was not acknowledged within three seconds (at once, after one and
after five minutes, https://docs.slack.dev/apis/events-api), and Bolt acknowledges an event before its
listeners have run. The work is therefore done in the last of Bolt's global middlewares, which responds
only once the event is stored: in Socket Mode Bolt sends nothing for a response other than 200, in HTTP
mode it responds with 5xx.
"""

import asyncio
import contextlib
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import aiohttp
import structlog
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.logger.messages import warning_client_prioritized_and_token_skipped, warning_token_skipped
from slack_bolt.response import BoltResponse
from slack_sdk.signature import SignatureVerifier
from starlette.requests import Request
from starlette.responses import Response

from bots.slack.addressing import tenant_of
from bots.slack.connection_gap import ConnectionGap
from bots.slack.credentials import SlackConfig, build_client
from bots.slack.events import MalformedEvent, parse_event
from bots.slack.interactions import Interactions
from bots.slack.names import NameDirectory
from bots.slack.people import BotAccount, KnownNames
from bots.slack.references import references_of
from bots.slack.request_check import refusal_of
from bots.slack.shared_files import SharedFiles
from bots.web_limits import RefusalLog
from core.concurrency.task_set import TaskSet
from core.domain.errors import PlatformUnavailable, StoreUnavailable
from core.domain.events import Event, Mention, MessageReceived, UnparsedEvent
from core.ports.platform import EventSink

log = structlog.get_logger(__name__)

NAME_LOOKUP_TIMEOUT_S: Final = 1.0  #: of Slack's three seconds for an acknowledgement
FILE_LOOKUP_TIMEOUT_S: Final = 1.0  #: likewise
DRAIN_TIMEOUT_S: Final = 5.0  #: stop() waits this long for events that are being stored
MAX_REFUSED_TEAMS: Final = 100  #: logged by name
MAX_RAW_CHARS: Final = 20_000  #: stored of an event that cannot be parsed


class Ingress:
    """Receives the events of one workspace, by Socket Mode or HTTP."""

    def __init__(
        self,
        config: SlackConfig,
        names: NameDirectory,
        files: SharedFiles,
        account: BotAccount,
        gap: ConnectionGap,
        interactions: Interactions,
    ) -> None:
        """``gap`` receives the times of events; ``interactions`` sees each delivery first."""
        self._gap = gap
        self._config = config
        self._interactions = interactions
        self._names = names
        self._files = files
        self._account = account
        self._event_sink: EventSink | None = None  # None refuses every event
        self._in_progress = TaskSet()
        self._last_by_channel: dict[str, asyncio.Event] = {}  # set once a channel's latest event is stored
        self._refusals = RefusalLog()
        self._refused_teams: set[str] = set()  # those that were logged
        self.bolt = self._build_bolt()

    @property
    def accepting(self) -> bool:
        """Whether events are accepted."""
        return self._event_sink is not None

    def use_session(self, session: aiohttp.ClientSession) -> None:
        """Make Bolt's client use ``session``, which exists once the platform is connected."""
        self.bolt.client.session = session

    def start(self, event_sink: EventSink) -> None:
        """Send each event to ``event_sink`` from now on."""
        self._event_sink = event_sink

    async def stop(self) -> None:
        """Refuse further events; wait until those being stored are stored and acknowledged."""
        self._event_sink = None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._in_progress.wait_idle(), DRAIN_TIMEOUT_S)

    async def handle_request(self, request: Request) -> Response:
        """Respond to one request of Slack in HTTP mode."""
        verifier = SignatureVerifier(self._config.signing_secret)
        if (status := refusal_of(request.headers, await request.body(), verifier)) is not None:
            self._refusals.note(f"Slack: {status.phrase}")
            return Response(status_code=status)
        return await AsyncSlackRequestHandler(self.bolt).handle(request)

    def _build_bolt(self) -> AsyncApp:
        """Return a Bolt app with a single middleware of ours.

        Its client has no token, because we answer ``authorize`` ourselves: Bolt's own implementation
        calls auth.test and acknowledges the event if that call fails, which would lose it.
        """

        # Bolt passes arguments by name and would take a bound method's "self" for one of them.
        async def authorize() -> AuthorizeResult:
            identity = self._account.identity
            return AuthorizeResult(
                enterprise_id=None,
                team_id=identity.team_id,
                bot_user_id=identity.user_id,
                bot_id=identity.bot_id,
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
        """Store the event in ``body``, then acknowledge it; acknowledge an irrelevant one at once."""
        if (event_sink := self._event_sink) is None:
            return BoltResponse(status=503, body="")
        if (task := asyncio.current_task()) is not None:
            self._in_progress.add(task)  # the same task sends the acknowledgement, so stop() waits for it
        if await self._interactions.handle(body):
            return BoltResponse(status=200, body="")
        async with self._in_order(_channel_of(body)) as predecessor_stored:
            event = await self.parse(body)
            await predecessor_stored.wait()
            self._gap.received(_event_ts(body))
            if event is not None:
                await event_sink(event)
        return BoltResponse(status=200, body="")

    @asynccontextmanager
    async def _in_order(self, channel: str) -> AsyncIterator[asyncio.Event]:
        """Yield an event that is set once everything received earlier in ``channel`` is stored.

        Names are looked up meanwhile, and a message that waits for a name must not be overtaken by a
        reply to it.
        """
        predecessor, stored = self._last_by_channel.get(channel), asyncio.Event()
        self._last_by_channel[channel] = stored
        if predecessor is None:
            predecessor = asyncio.Event()
            predecessor.set()
        try:
            yield predecessor
        finally:
            stored.set()
            if self._last_by_channel.get(channel) is stored:
                del self._last_by_channel[channel]

    async def parse(self, body: Mapping[str, Any]) -> Event | None:
        """Return the event in a delivery, with names and files looked up; None if it is not for the bot."""
        now, identity = datetime.now(UTC), self._account.identity
        if (team := tenant_of(body, identity)) != identity.team_id:
            self._refuse_team(team)
            return None
        try:
            event = parse_event(body, identity, KnownNames(), received_at=now)
            if event is None:
                return None
            if isinstance(event, MessageReceived) and event.mention is Mention.BY_NAME:
                self._names.prefetch(event.address.key.channel)  # for the prompt, beside people's names
            body = await self._complete_files(body)
            known = await self._names.lookup(
                references_of(body), timeout_s=NAME_LOOKUP_TIMEOUT_S, without=(identity.user_id,)
            )
            return parse_event(body, identity, known, received_at=now)
        except MalformedEvent as exc:
            return self._unparsed(body, str(exc))

    async def _complete_files(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return an event with the files that it only names."""
        match body:
            case {"event": {"type": "message" | "app_mention"} as event}:
                pass
            case _:
                return body
        inner = event.get("message")
        if not isinstance(inner, Mapping):
            return {**body, "event": await self._files.complete(event, timeout_s=FILE_LOOKUP_TIMEOUT_S)}
        completed = await self._files.complete(inner, timeout_s=FILE_LOOKUP_TIMEOUT_S)
        return {**body, "event": {**event, "message": completed}}

    def _refuse_team(self, team: str) -> None:
        """Log an event of a team that we have no token for, once a team: nobody could be answered there."""
        if team not in self._refused_teams and len(self._refused_teams) < MAX_REFUSED_TEAMS:
            self._refused_teams.add(team)
            log.warning("slack.foreign_team_refused", team=team)

    def _unparsed(self, body: Mapping[str, Any], fault: str) -> UnparsedEvent:
        raw = json.dumps(body, ensure_ascii=False, default=str)
        log.warning("slack.event_unparsed", fault=fault)
        digest = hashlib.sha256(raw.encode()).hexdigest()[:32]
        return UnparsedEvent(
            delivery_id=f"event:{body.get('event_id') or body.get('trigger_id') or digest}",
            platform="slack",
            tenant=self._account.identity.team_id,
            raw=raw[:MAX_RAW_CHARS],
            error=fault,
        )


def _channel_of(body: Mapping[str, Any]) -> str:
    """Return the channel of an event; "" if it has none."""
    match body:
        case (
            {"event": {"channel": str(channel)}}
            | {"event": {"item": {"channel": str(channel)}}}
            | {"channel": {"id": str(channel)}}
            | {"channel_id": str(channel)}
        ):
            return channel
        case _:
            return ""


def _event_ts(body: Mapping[str, Any]) -> str:
    """Return the time (a ts) at which an event happened; "" if it says none."""
    match body:
        case {"event": {"event_ts": str(ts)}} | {"event": {"ts": str(ts)}}:
            return ts
        case _:
            return ""


async def _log_failure(error: Exception) -> None:
    """Log why an event was not acknowledged; Slack will deliver it again."""
    if isinstance(error, StoreUnavailable):
        log.debug("store.unavailable", platform="slack", error=str(error))
    elif isinstance(error, PlatformUnavailable):
        log.warning("slack.event_not_stored", error=type(error).__name__)
    else:
        log.error("slack.event_failed", exc_info=error)


_FALSE_ALARMS: Final = frozenset({warning_token_skipped(), warning_client_prioritized_and_token_skipped()})


def _quiet_logger() -> logging.Logger:
    """Return a logger for the SDK that logs no messages of people: the SDK logs them below WARNING."""
    logger = logging.getLogger("moonthread.slack.sdk")
    logger.setLevel(logging.WARNING)
    logger.addFilter(_is_no_false_alarm)
    return logger


def _is_no_false_alarm(record: logging.LogRecord) -> bool:
    """Return False for the SDK's warnings that a token is ignored: that is what we want.

    Events are authorized by our own function, with our own client. Bolt warns of both at each start, of the
    client if the environment has SLACK_BOT_TOKEN.
    """
    return record.getMessage() not in _FALSE_ALARMS
