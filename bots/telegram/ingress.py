"""The way in: what Telegram delivers is stored, and only then confirmed.

PTB's Updater confirms updates before they are handled and stops at one it cannot read. Here
polling moves its offset behind an update when that is stored, and the webhook answers 200 then.
"""

import asyncio
import hashlib
import hmac
import json
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from starlette.requests import Request
from starlette.responses import Response
from telegram import Update
from telegram.error import Conflict, TelegramError

from bots.telegram.addressing import PLATFORM
from bots.telegram.credentials import RawBot, TelegramConfig
from bots.telegram.errors import backoff_s, description_contains, log_ingress_failure
from bots.telegram.events import ALLOWED_UPDATES, parse_events
from bots.telegram.people import BotIdentity
from core.domain.clock import Clock
from core.domain.errors import StoreUnavailable
from core.domain.events import ChannelMigrated, Event, UnparsedEvent
from core.ports.platform import EventSink

T = TypeVar("T")
log = structlog.get_logger()

BODY_LIMIT_BYTES = 1_048_576
RESTART_TIMEOUT_S = 5.0  #: a call that does not even end by being given up is left behind
MAX_RAW_CHARS = 20_000  #: kept of an update that cannot be read


class Ingress:
    """Takes one bot's updates, by polling or by webhook."""

    def __init__(self, bot: RawBot, config: TelegramConfig, clock: Clock) -> None:
        self._bot, self._config, self._clock = bot, config, clock
        self.identity = BotIdentity(id=0, username="")  #: known once the platform is connected
        self.on_chat_migrated: Callable[[str, str], None] = lambda old, new: None
        self._event_sink: EventSink | None = None
        self._task: asyncio.Task[None] | None = None
        self._background_tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._offset: int | None = None  #: one past the last update that is stored
        self._webhook_maybe_set = True  #: a webhook may be set, and would refuse our polls
        self._cancellable = False  #: True while the way in may be cancelled without losing anything
        self._call_started_at: float | None = None  #: when the call began that is under way
        self._failing = False  #: the latest call was refused or lost

    async def start(self, event_sink: EventSink) -> None:
        """Begin to take updates; what Telegram refuses meanwhile is logged and tried again."""
        self._event_sink, self._stopping = event_sink, False
        self._start_loop()

    def _start_loop(self) -> None:
        way_in = self._set_webhook_once if self._config.public_url else self._poll_once
        self._failing = False
        self._task = asyncio.create_task(self._run_loop(way_in), name="telegram-ingress")

    @property
    def connected(self) -> bool:
        """Whether updates can reach us: the latest call was answered, and more of them come."""
        return self._task is not None and not self._stopping and not self._failing

    def silence_s(self) -> float | None:
        """Return how long the call has lasted that is under way; None where there is none."""
        return None if self._call_started_at is None else self._clock.time() - self._call_started_at

    async def restart(self) -> None:
        """Give up a call that never returns, and call anew; what is being stored is left alone."""
        loop = self._task
        if loop is None or not self._cancellable:
            return
        loop.cancel()
        await asyncio.wait([loop], timeout=RESTART_TIMEOUT_S)
        if self._task is loop and not self._stopping:
            self._start_loop()

    async def stop(self) -> None:
        """Take no further update: an open poll ends at once, a store transaction is let finish."""
        self._stopping = True
        if self._task is None:
            return
        if self._cancellable:
            self._task.cancel()
        await asyncio.wait([self._task])
        self._task = None

    async def close(self) -> None:
        """Stop, and give up what is done beside."""
        await self.stop()
        for task in list(self._background_tasks):
            task.cancel()
        if self._background_tasks:
            await asyncio.wait(self._background_tasks)

    async def handle_request(self, request: Request) -> Response:
        """Take one update that Telegram brings; any other answer than 200 lets it come again."""
        secret = request.headers.get("x-telegram-bot-api-secret-token", "")
        if not hmac.compare_digest(secret.encode(), self._config.secret_token.encode()):
            return Response(status_code=403)
        if self._event_sink is None or self._stopping:
            return Response(status_code=503)
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > BODY_LIMIT_BYTES:
                return Response(status_code=413)
        try:
            await self._handle(_decode_body(body))
        except StoreUnavailable as exc:
            log.error("store.unavailable", platform=PLATFORM, error=str(exc))
            return Response(status_code=503, headers={"Retry-After": "1"})
        return Response(status_code=200)

    # -- the ways in -------------------------------------------------------------------------

    async def _run_loop(self, step: Callable[[], Awaitable[bool]]) -> None:
        """Do ``way_in`` until it says that it is done or we are stopped, whatever goes wrong."""
        failures = 0
        while not self._stopping:
            self._call_started_at = self._clock.time()
            try:
                if await step():
                    return
                failures, self._failing = 0, False
            except Exception as exc:  # noqa: BLE001 - the task's boundary: nothing may end the way in
                failures += 1
                self._call_started_at, self._failing = None, True
                self._webhook_maybe_set = self._webhook_maybe_set or (
                    isinstance(exc, Conflict) and description_contains(exc, "webhook")
                )
                wait_s = max(log_ingress_failure(exc), backoff_s(failures))
                if not self._stopping:
                    await self._run_cancellable(self._clock.sleep(wait_s))
            finally:
                self._call_started_at = None

    async def _poll_once(self) -> bool:
        """Fetch updates and take them in order; the offset moves behind each that is stored."""
        if self._webhook_maybe_set:
            await self._run_cancellable(self._bot.delete_webhook(drop_pending_updates=False))
            self._webhook_maybe_set = False
        found = await self._run_cancellable(
            self._bot.get_raw_updates(
                offset=self._offset,
                allowed_updates=ALLOWED_UPDATES,
                timeout_s=self._config.poll_timeout_s,
                read_margin_s=self._config.call_timeout_s,
            )
        )
        for raw in found:
            if self._stopping:
                return True
            await self._handle(raw)
            self._offset = int(raw["update_id"]) + 1
        return False

    async def _set_webhook_once(self) -> bool:
        """Tell Telegram where to call us; done once it agrees."""
        await self._run_cancellable(
            self._bot.set_webhook(
                self._config.webhook_url,
                secret_token=self._config.secret_token,
                allowed_updates=list(ALLOWED_UPDATES),
                max_connections=self._config.webhook_max_connections,
                drop_pending_updates=False,
            )
        )
        log.info("telegram.webhook_set")
        return True

    # -- one update ----------------------------------------------------------------------------

    async def _handle(self, raw: Any) -> None:
        """Store what an update holds, whatever that is.

        Raises:
            StoreUnavailable: nothing was stored.
        """
        events = self._parse(raw)
        for event in events:
            await self._store(event, raw)
        self._run_side_effects(events, raw)

    def _run_side_effects(self, events: Sequence[Event], raw: Any) -> None:
        """Do what an update asks for beside being stored."""
        match events, raw:
            case [ChannelMigrated(old_channel=old, new_channel=new)], _:
                self.on_chat_migrated(old, new)
            case _, {"callback_query": {"id": str(query)}}:
                self.spawn(self._answer_callback(query))
            case _, {"my_chat_member": {"chat": {"type": kind}, "new_chat_member": {"status": status}}}:
                log.info("telegram.membership_changed", chat=kind, status=status)

    def _parse(self, raw: Any) -> Sequence[Event]:
        try:
            return parse_events(Update.de_json(raw, self._bot), self.identity, received_at=datetime.now(UTC))
        except Exception as exc:  # noqa: BLE001 - an update of any shape must not block those behind it
            return [self._unparsed(raw, exc)]

    async def _store(self, event: Event, raw: Any) -> None:
        if self._event_sink is None:
            raise StoreUnavailable("not started")
        try:
            await self._event_sink(event)
        except StoreUnavailable:
            raise
        except Exception as exc:
            log.exception("telegram.event_failed")
            if isinstance(event, UnparsedEvent):
                raise
            await self._event_sink(self._unparsed(raw, exc))

    def _unparsed(self, raw: Any, error: Exception) -> UnparsedEvent:
        """Say where it went wrong, not with which words: those may be a person's."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        fault = f"{type(error).__name__} at {frame.name}:{frame.lineno}"
        log.warning("telegram.event_unparsed", fault=fault)
        text = json.dumps(raw, default=str)[:MAX_RAW_CHARS]
        known = raw.get("update_id") if isinstance(raw, dict) else None
        return UnparsedEvent(
            delivery_id=f"update:{known or hashlib.sha256(text.encode()).hexdigest()[:32]}",
            platform=PLATFORM,
            tenant=str(self.identity.id),
            raw=text,
            error=fault,
        )

    # -- beside --------------------------------------------------------------------------------

    async def _answer_callback(self, query_id: str) -> None:
        """Take the waiting mark off a pressed button."""
        try:
            await self._bot.answer_callback_query(query_id)
        except TelegramError as exc:  # too old, or pressed twice: the button works all the same
            log.debug("telegram.callback_not_answered", error=type(exc).__name__)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for; :meth:`close` gives it up."""
        task = asyncio.create_task(work)
        self._background_tasks.add(task)
        task.add_done_callback(self._background_tasks.discard)

    async def _run_cancellable(self, work: Coroutine[Any, Any, T]) -> T:
        """Do what :meth:`stop` may cut short."""
        self._cancellable = True
        try:
            return await work
        finally:
            self._cancellable = False


def _decode_body(body: bytes) -> Any:
    """Return the body's JSON, or its text where it is none."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
