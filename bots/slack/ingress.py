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
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import structlog
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse
from starlette.requests import Request
from starlette.responses import Response

from bots.slack.credentials import SlackConfig, client_for
from bots.slack.events import UnreadableEvent, decode, people_in
from bots.slack.people import Identity, People
from core.errors import StoreUnavailable, SurfaceUnavailable
from core.model import Event, Unparsed
from core.ports import Ingest

log = structlog.get_logger()

NAMES_WITHIN_S = 1.0  #: of Slack's three seconds for an acknowledgement
DRAIN_WITHIN_S = 5.0  #: drained() waits this long for events that are being stored
RAW_CHARS = 20_000  #: kept of an event that cannot be read


class Ingress:
    """Takes one workspace's events, by whichever way they come."""

    def __init__(self, config: SlackConfig, people: People, me: Identity) -> None:
        self._config = config
        self._people = people
        self.me = me  #: known once the platform is connected
        self.ingest: Ingest | None = None  #: None takes no event
        self._taking: set[asyncio.Task[Any]] = set()
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
        event = await self._read(body)
        if event is not None:
            await ingest(event)
        return BoltResponse(status=200, body="")

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
