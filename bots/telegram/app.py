"""The Telegram platform, wired: one ``telegram.Bot``, and our own way in instead of PTB's Updater.

Updater confirms updates before they are handled and stops at one it cannot read. Here an update
is confirmed only after it is stored: polling moves its offset then, the webhook answers 200 then.
"""

import asyncio
import hashlib
import hmac
import json
import random
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from telegram import Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bots.telegram.errors import retry_after_s, says
from bots.telegram.events import ALLOWED_UPDATES, PLATFORM, event_of
from bots.telegram.setup import TOKEN_REFUSED, TelegramConfig, make_bot, quiet_loggers, register_commands
from bots.telegram.surface import TelegramSurface
from bots.telegram.text import Me
from core.clock import Clock, SystemClock
from core.errors import SettingsError, StoreUnavailable, SurfaceError, SurfaceUnavailable
from core.model import Event, Moved, Unparsed
from core.ports import Backfill, Ingest

T = TypeVar("T")
log = structlog.get_logger()

BACKOFF_MAX_S = 30.0
BODY_LIMIT_BYTES = 1_048_576
RAW_LIMIT = 20_000  #: characters kept of an update that could not be read


class TelegramApp:
    """One Telegram bot. Implements :class:`bots.platform.Platform`.

    Raises:
        SettingsError: on construction, where the token cannot be one.
    """

    name = PLATFORM
    backfill: Backfill | None = None  #: bots see nothing of what was said before

    def __init__(self, config: TelegramConfig, *, clock: Clock | None = None) -> None:
        self._config = config
        self._clock = clock or SystemClock()
        self._bot = make_bot(config)
        self.surface = TelegramSurface(self._bot, config.limits)
        self.me = Me(id=0, username="")
        self._ingest: Ingest | None = None
        self._ingress: asyncio.Task[None] | None = None
        self._aside: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._offset: int | None = None  #: one past the last update that is stored
        self._hooked = True  #: a webhook may be set, and would refuse our polls
        self._idle = False  #: True while the way in may be cancelled without losing anything

    # -- the platform's life ---------------------------------------------------------------

    async def connect(self) -> None:
        """Learn who the bot is.

        Raises:
            SettingsError: Telegram does not know the token.
            SurfaceUnavailable: Telegram cannot be reached.
        """
        quiet_loggers()
        try:
            await self._bot.initialize()
        except InvalidToken:
            raise SettingsError([TOKEN_REFUSED]) from None  # PTB's text holds the token
        except TelegramError as exc:
            raise SurfaceUnavailable(f"Telegram at {self._config.api_url}: {exc.message}") from exc
        user = self._bot.bot
        self.me = Me(id=user.id, username=user.username or "")
        log.info("telegram_connected", bot=user.username, reads_groups=bool(user.can_read_all_group_messages))

    def routes(self) -> Sequence[BaseRoute]:
        """Return the webhook's route; none where we poll."""
        if not self._config.public_url:
            return ()
        return (Route(f"/telegram/{self._config.webhook_path}", self._receive, methods=["POST"]),)

    @property
    def single_poller(self) -> bool:
        """Whether only one replica at a time may be started: Telegram gives updates to one poll."""
        return not self._config.public_url

    async def start(self, ingest: Ingest) -> None:
        """Begin to take updates; what Telegram refuses meanwhile is logged and tried again."""
        self._ingest, self._stopping = ingest, False
        self._do_aside(self._register_commands())
        way_in = self._hook_once if self._config.public_url else self._poll_once
        self._ingress = asyncio.create_task(self._keep_on(way_in), name="telegram-ingress")

    async def stop(self) -> None:
        """Take no further update: an open poll ends at once, a store transaction is let finish."""
        self._stopping = True
        if self._ingress is None:
            return
        if self._idle:
            self._ingress.cancel()
        await asyncio.wait([self._ingress])
        self._ingress = None

    async def close(self) -> None:
        """Stop, and let go of every connection."""
        await self.stop()
        for task in list(self._aside):
            task.cancel()
        if self._aside:
            await asyncio.wait(self._aside)
        await self._bot.shutdown()

    # -- the ways in -------------------------------------------------------------------------

    async def _keep_on(self, way_in: Callable[[], Awaitable[bool]]) -> None:
        """Do ``way_in`` until it says that it is done or we are stopped, whatever goes wrong."""
        failures = 0
        while not self._stopping:
            try:
                if await way_in():
                    return
                failures = 0
            except Exception as exc:  # noqa: BLE001 - the task's boundary: nothing may end the way in
                failures += 1
                self._hooked = self._hooked or (isinstance(exc, Conflict) and says(exc, "webhook"))
                wait_s = max(_logged(exc), _backoff_s(failures))
                if not self._stopping:
                    await self._idly(self._clock.sleep(wait_s))

    async def _poll_once(self) -> bool:
        """Fetch updates and take them in order; the offset moves behind each that is stored."""
        if self._hooked:
            await self._idly(self._bot.delete_webhook(drop_pending_updates=False))
            self._hooked = False
        found = await self._idly(
            self._bot.raw_updates(
                offset=self._offset,
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

    async def _receive(self, request: Request) -> Response:
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
        except StoreUnavailable:
            log.error("store_unavailable", platform=PLATFORM)
            return Response(status_code=503, headers={"Retry-After": "1"})
        return Response(status_code=200)

    # -- one update ----------------------------------------------------------------------------

    async def _take(self, raw: Any) -> None:
        """Store one update, whatever it holds, and answer the button it may come from.

        Raises:
            StoreUnavailable: nothing was stored.
        """
        event = self._read(raw)
        if event is not None:
            await self._store(event, raw)
        match event, raw:
            case Moved(old_channel=old, new_channel=new), _:
                self.surface.moved(old, new)
            case _, {"callback_query": {"id": str(query)}}:
                self._do_aside(self._answer(query))
            case _, {"my_chat_member": {"chat": {"type": kind}, "new_chat_member": {"status": status}}}:
                log.info("telegram_membership", chat=kind, status=status)

    def _read(self, raw: Any) -> Event | None:
        try:
            return event_of(Update.de_json(raw, self._bot), self.me, received_at=datetime.now(UTC))
        except Exception as exc:  # noqa: BLE001 - an update of any shape must not block those behind it
            return self._unparsed(raw, exc)

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
        text = json.dumps(raw, default=str)[:RAW_LIMIT]
        known = raw.get("update_id") if isinstance(raw, dict) else None
        return Unparsed(
            delivery_id=f"update:{known or hashlib.sha256(text.encode()).hexdigest()[:32]}",
            platform=PLATFORM,
            tenant=str(self.me.id),
            raw=text,
            fault=fault,
        )

    # -- beside --------------------------------------------------------------------------------

    async def _register_commands(self) -> None:
        try:
            await register_commands(self._bot)
        except SurfaceError as exc:
            log.warning("telegram_commands_not_registered", error=type(exc).__name__)

    async def _answer(self, query: str) -> None:
        """Take the waiting mark off a pressed button."""
        try:
            await self._bot.answer_callback_query(query)
        except TelegramError as exc:  # too old, or pressed twice: the button works all the same
            log.debug("telegram_button_unanswered", error=type(exc).__name__)

    def _do_aside(self, work: Coroutine[Any, Any, None]) -> None:
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


def _backoff_s(failures: int) -> float:
    """Return 1, 2, 4 … 30 s, each shortened by chance so that replicas do not come together."""
    return min(BACKOFF_MAX_S, 2.0 ** min(failures - 1, 6)) * random.uniform(0.7, 1.0)  # noqa: S311


def _logged(error: Exception) -> float:
    """Log why updates do not come in, and return how many seconds Telegram asks us to wait."""
    match error:
        case RetryAfter():
            wait_s = retry_after_s(error) + 0.5
            log.warning("telegram_rate_limited", wait_s=wait_s)
            return wait_s
        case Conflict():
            log.warning(
                "telegram_conflict",
                advice="another process takes this bot's updates, or a webhook is set; only one may",
            )
        case InvalidToken():
            log.error("telegram_token_refused", advice=TOKEN_REFUSED)
        case StoreUnavailable():
            log.error("store_unavailable", platform=PLATFORM)
        case TelegramError():
            log.warning("telegram_unreachable", error=type(error).__name__, text=error.message)
        case _:
            log.error("telegram_ingress_failed", exc_info=error)
    return 0.0


__all__ = ["TelegramApp", "TelegramConfig"]
