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

from bots.telegram.credentials import RawBot, TelegramConfig
from bots.telegram.errors import backoff_s, log_lost_contact, says
from bots.telegram.events import ALLOWED_UPDATES, events_of
from bots.telegram.people import Me
from bots.telegram.places import PLATFORM
from core.domain.clock import Clock
from core.domain.errors import StoreUnavailable
from core.domain.events import Event, Moved, Unparsed
from core.ports.platform import Ingest

T = TypeVar("T")
log = structlog.get_logger()

BODY_LIMIT_BYTES = 1_048_576
RESTART_WITHIN_S = 5.0  #: a call that does not even end by being given up is left behind
RAW_CHARS = 20_000  #: kept of an update that cannot be read


class Ingress:
    """Takes one bot's updates, by polling or by webhook."""

    def __init__(self, bot: RawBot, config: TelegramConfig, clock: Clock) -> None:
        self._bot, self._config, self._clock = bot, config, clock
        self.me = Me(id=0, username="")  #: known once the platform is connected
        self.on_moved: Callable[[str, str], None] = lambda old, new: None
        self._ingest: Ingest | None = None
        self._loop: asyncio.Task[None] | None = None
        self._aside: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._offset: int | None = None  #: one past the last update that is stored
        self._hooked = True  #: a webhook may be set, and would refuse our polls
        self._idle = False  #: True while the way in may be cancelled without losing anything
        self._tried_at: float | None = None  #: when the call began that is under way
        self._failing = False  #: the latest call was refused or lost

    async def start(self, ingest: Ingest) -> None:
        """Begin to take updates; what Telegram refuses meanwhile is logged and tried again."""
        self._ingest, self._stopping = ingest, False
        self._begin()

    def _begin(self) -> None:
        way_in = self._hook_once if self._config.public_url else self._poll_once
        self._failing = False
        self._loop = asyncio.create_task(self._keep_on(way_in), name="telegram-ingress")

    @property
    def connected(self) -> bool:
        """Whether updates can reach us: the latest call was answered, and more of them come."""
        return self._loop is not None and not self._stopping and not self._failing

    def silent_s(self) -> float | None:
        """Return how long the call has lasted that is under way; None where there is none."""
        return None if self._tried_at is None else self._clock.time() - self._tried_at

    async def restart(self) -> None:
        """Give up a call that never returns, and call anew; what is being stored is left alone."""
        loop = self._loop
        if loop is None or not self._idle:
            return
        loop.cancel()
        await asyncio.wait([loop], timeout=RESTART_WITHIN_S)
        if self._loop is loop and not self._stopping:
            self._begin()

    async def stop(self) -> None:
        """Take no further update: an open poll ends at once, a store transaction is let finish."""
        self._stopping = True
        if self._loop is None:
            return
        if self._idle:
            self._loop.cancel()
        await asyncio.wait([self._loop])
        self._loop = None

    async def close(self) -> None:
        """Stop, and give up what is done beside."""
        await self.stop()
        for task in list(self._aside):
            task.cancel()
        if self._aside:
            await asyncio.wait(self._aside)

    async def receive(self, request: Request) -> Response:
        """Take one update that Telegram brings; any other answer than 200 lets it come again."""
        secret = request.headers.get("x-telegram-bot-api-secret-token", "")
        if not hmac.compare_digest(secret.encode(), self._config.secret.encode()):
            return Response(status_code=403)
        if self._ingest is None or self._stopping:
            return Response(status_code=503)
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > BODY_LIMIT_BYTES:
                return Response(status_code=413)
        try:
            await self._take(_decoded(body))
        except StoreUnavailable as exc:
            log.error("store_unavailable", platform=PLATFORM, error=str(exc))
            return Response(status_code=503, headers={"Retry-After": "1"})
        return Response(status_code=200)

    # -- the ways in -------------------------------------------------------------------------

    async def _keep_on(self, way_in: Callable[[], Awaitable[bool]]) -> None:
        """Do ``way_in`` until it says that it is done or we are stopped, whatever goes wrong."""
        failures = 0
        while not self._stopping:
            self._tried_at = self._clock.time()
            try:
                if await way_in():
                    return
                failures, self._failing = 0, False
            except Exception as exc:  # noqa: BLE001 - the task's boundary: nothing may end the way in
                failures += 1
                self._tried_at, self._failing = None, True
                self._hooked = self._hooked or (isinstance(exc, Conflict) and says(exc, "webhook"))
                wait_s = max(log_lost_contact(exc), backoff_s(failures))
                if not self._stopping:
                    await self._idly(self._clock.sleep(wait_s))
            finally:
                self._tried_at = None

    async def _poll_once(self) -> bool:
        """Fetch updates and take them in order; the offset moves behind each that is stored."""
        if self._hooked:
            await self._idly(self._bot.delete_webhook(drop_pending_updates=False))
            self._hooked = False
        found = await self._idly(
            self._bot.raw_updates(
                offset=self._offset,
                kinds=ALLOWED_UPDATES,
                timeout_s=self._config.poll_timeout_s,
                margin_s=self._config.call_timeout_s,
            )
        )
        for raw in found:
            if self._stopping:
                return True
            await self._take(raw)
            self._offset = int(raw["update_id"]) + 1
        return False

    async def _hook_once(self) -> bool:
        """Tell Telegram where to call us; done once it agrees."""
        await self._idly(
            self._bot.set_webhook(
                self._config.webhook_url,
                secret_token=self._config.secret,
                allowed_updates=list(ALLOWED_UPDATES),
                max_connections=self._config.webhook_max_connections,
                drop_pending_updates=False,
            )
        )
        log.info("telegram_webhook_set")
        return True

    # -- one update ----------------------------------------------------------------------------

    async def _take(self, raw: Any) -> None:
        """Store what an update holds, whatever that is.

        Raises:
            StoreUnavailable: nothing was stored.
        """
        events = self._read(raw)
        for event in events:
            await self._store(event, raw)
        self._note(events, raw)

    def _note(self, events: Sequence[Event], raw: Any) -> None:
        """Do what an update asks for beside being stored."""
        match events, raw:
            case [Moved(old_channel=old, new_channel=new)], _:
                self.on_moved(old, new)
            case _, {"callback_query": {"id": str(query)}}:
                self.do_aside(self._answer(query))
            case _, {"my_chat_member": {"chat": {"type": kind}, "new_chat_member": {"status": status}}}:
                log.info("telegram_membership", chat=kind, status=status)

    def _read(self, raw: Any) -> Sequence[Event]:
        try:
            return events_of(Update.de_json(raw, self._bot), self.me, received_at=datetime.now(UTC))
        except Exception as exc:  # noqa: BLE001 - an update of any shape must not block those behind it
            return [self._unparsed(raw, exc)]

    async def _store(self, event: Event, raw: Any) -> None:
        if self._ingest is None:
            raise StoreUnavailable("not started")
        try:
            await self._ingest(event)
        except StoreUnavailable:
            raise
        except Exception as exc:
            log.exception("telegram_update_failed")
            if isinstance(event, Unparsed):
                raise
            await self._ingest(self._unparsed(raw, exc))

    def _unparsed(self, raw: Any, error: Exception) -> Unparsed:
        """Say where it went wrong, not with which words: those may be a person's."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        fault = f"{type(error).__name__} at {frame.name}:{frame.lineno}"
        log.warning("telegram_update_unparsed", fault=fault)
        text = json.dumps(raw, default=str)[:RAW_CHARS]
        known = raw.get("update_id") if isinstance(raw, dict) else None
        return Unparsed(
            delivery_id=f"update:{known or hashlib.sha256(text.encode()).hexdigest()[:32]}",
            platform=PLATFORM,
            tenant=str(self.me.id),
            raw=text,
            fault=fault,
        )

    # -- beside --------------------------------------------------------------------------------

    async def _answer(self, query: str) -> None:
        """Take the waiting mark off a pressed button."""
        try:
            await self._bot.answer_callback_query(query)
        except TelegramError as exc:  # too old, or pressed twice: the button works all the same
            log.debug("telegram_button_unanswered", error=type(exc).__name__)

    def do_aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that nobody waits for; :meth:`close` gives it up."""
        task = asyncio.create_task(work)
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    async def _idly(self, work: Coroutine[Any, Any, T]) -> T:
        """Do what :meth:`stop` may cut short."""
        self._idle = True
        try:
            return await work
        finally:
            self._idle = False


def _decoded(body: bytes) -> Any:
    """Return the body's JSON, or its text where it is none."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
