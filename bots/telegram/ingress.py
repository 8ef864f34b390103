"""Receives Telegram's updates: each is stored before it is confirmed.

PTB's Updater confirms updates before they are handled, and stops at one that it cannot parse. Here
polling advances its offset past an update once that is stored, and the webhook then responds with 200
(https://core.telegram.org/bots/api#getting-updates).
"""

import asyncio
import hashlib
import hmac
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import structlog
from starlette.requests import Request
from starlette.responses import Response
from telegram.error import Conflict

from bots.telegram.addressing import PLATFORM
from bots.telegram.batches import group_messages
from bots.telegram.bot_name import BotNameWatch
from bots.telegram.credentials import RawBot, TelegramConfig
from bots.telegram.errors import backoff_s, description_contains
from bots.telegram.events import ALLOWED_UPDATES, parse_events
from bots.telegram.outage_log import IngressOutageLog
from bots.telegram.people import BotAccount
from bots.telegram.press_answers import PressAnswers
from bots.telegram.tolerant_parsing import decode_body, encode_raw, parse_update
from core.concurrency.task_set import TaskSet
from core.domain.clock import Clock
from core.domain.errors import StoreUnavailable
from core.domain.events import ButtonPressed, ChannelMigrated, Event, UnparsedEvent
from core.ports.platform import EventSink

T = TypeVar("T")
log = structlog.get_logger(__name__)

BODY_LIMIT_BYTES: Final = 1_048_576
RESTART_TIMEOUT_S: Final = 5.0  #: a call that does not end within this when cancelled is abandoned
HEAD_START_S: Final = 0.01  #: of the requests to Kimi that updates cause, before the next poll takes its time


class Ingress:
    """Receives the updates of one bot, by polling or webhook."""

    def __init__(
        self,
        bot: RawBot,
        config: TelegramConfig,
        clock: Clock,
        account: BotAccount,
        *,
        on_chat_migrated: Callable[[str, str], None],
        on_group_title: Callable[[str, str], None],
    ) -> None:
        """Receive nothing yet.

        ``on_chat_migrated`` is called with the old and new id of a group, ``on_group_title`` with its id and
        the title that each of its messages carries.
        """
        self._bot, self._config, self._clock, self._account = bot, config, clock, account
        self._bot_name = BotNameWatch(bot, account, clock)
        self._on_chat_migrated, self._on_group_title = on_chat_migrated, on_group_title
        self._event_sink: EventSink | None = None
        self.press_answers: Final = PressAnswers(bot)
        self._task: asyncio.Task[None] | None = None
        self._background_tasks = TaskSet()
        self._stopping = False
        self._offset: int | None = None  # one past the last update that is stored
        self._webhook_maybe_set = True  # Telegram refuses polls while a webhook is set
        self._cancellable = False  # whether the loop may be cancelled without losing anything
        self._call_started_at: float | None = None  # of the call that is under way
        self._failing = False  # whether the latest call failed
        self._outage_log = IngressOutageLog(clock.time)

    async def start(self, event_sink: EventSink) -> None:
        """Begin to receive updates; a call that Telegram refuses is logged and retried."""
        self._event_sink, self._stopping = event_sink, False
        self._start_loop()

    def _start_loop(self) -> None:
        step = self._set_webhook_once if self._config.public_url else self._poll_once
        self._failing = False
        self._task = asyncio.create_task(self._run_loop(step), name="telegram-ingress")

    @property
    def connected(self) -> bool:
        """Whether updates can arrive: the loop runs, and its latest call succeeded."""
        return self._task is not None and not self._stopping and not self._failing

    def silence_s(self) -> float | None:
        """Return the age in seconds of the call that is under way; None if there is none."""
        return None if self._call_started_at is None else self._clock.time() - self._call_started_at

    async def restart(self) -> None:
        """Cancel a call that never returns, and call again; an update being stored is left alone."""
        loop = self._task
        if loop is None or not self._cancellable:
            return
        loop.cancel()
        await asyncio.wait([loop], timeout=RESTART_TIMEOUT_S)
        if self._task is loop and not self._stopping:
            self._start_loop()

    async def stop(self) -> None:
        """Receive no further update: cancel an open poll, let a store transaction finish."""
        self._stopping = True
        if self._task is None:
            return
        if self._cancellable:
            self._task.cancel()
        await asyncio.wait([self._task])
        self._task = None

    async def close(self) -> None:
        """Stop, and cancel the background tasks."""
        await self.stop()
        await self._background_tasks.close()

    async def handle_request(self, request: Request) -> Response:
        """Receive one update from the webhook; Telegram repeats it after any response but 200."""
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
            raw = decode_body(body)
            await self._bot_name.look_at([raw])
            await self._handle(raw, self._parse(raw))
        except StoreUnavailable as exc:
            log.debug("store.unavailable", platform=PLATFORM, error=str(exc))
            return Response(status_code=503, headers={"Retry-After": "1"})
        return Response(status_code=200)

    # -- polling and webhook ---------------------------------------------------------------------

    async def _run_loop(self, step: Callable[[], Awaitable[bool]]) -> None:
        """Run ``step`` until it returns True or we are stopped, with a backoff after each failure."""
        failures = 0
        while not self._stopping:
            self._call_started_at = self._clock.time()
            try:
                if await step():
                    return
                failures, self._failing = 0, False
                self._outage_log.record_success()
            except Exception as exc:  # noqa: BLE001 - a task's boundary: no failure may end the loop
                failures += 1
                self._call_started_at, self._failing = None, True
                self._webhook_maybe_set = self._webhook_maybe_set or (
                    isinstance(exc, Conflict) and description_contains(exc, "webhook")
                )
                wait_s = max(self._outage_log.record_failure(exc), backoff_s(failures))
                if not self._stopping:
                    await self._run_cancellable(self._clock.sleep(wait_s))
            finally:
                self._call_started_at = None

    async def _poll_once(self) -> bool:
        """Fetch updates and store them in order; the offset advances past each that is stored."""
        if self._webhook_maybe_set:
            await self._run_cancellable(self._bot.delete_webhook(drop_pending_updates=False))
            self._webhook_maybe_set = False
        updates = await self._run_cancellable(
            self._bot.get_raw_updates(
                offset=self._offset,
                allowed_updates=ALLOWED_UPDATES,
                timeout_s=self._config.poll_timeout_s,
                read_margin_s=self._config.call_timeout_s,
            )
        )
        await self._run_cancellable(self._bot_name.look_at(updates))
        batch = group_messages([self._parse(raw) for raw in updates])
        for raw, events in zip(updates, batch, strict=True):
            if self._stopping:
                return True
            await self._handle(raw, events)
            self._offset = int(raw["update_id"]) + 1
        if updates:
            await self._run_cancellable(self._clock.sleep(HEAD_START_S))
        return False

    async def _set_webhook_once(self) -> bool:
        """Set the webhook; returns True once Telegram accepts it."""
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

    async def _handle(self, raw: Any, events: Sequence[Event]) -> None:
        """Store the events of an update.

        Raises:
            StoreUnavailable: nothing was stored.
        """
        match raw:
            case {"message": {"chat": {"id": int(chat), "title": str(title)}}}:
                self._on_group_title(str(chat), title)
        for event in events:
            await self._store(event, raw)
        self._run_side_effects(events, raw)

    def _run_side_effects(self, events: Sequence[Event], raw: Any) -> None:
        """Do what an update requires besides being stored."""
        match events, raw:
            case [ChannelMigrated(old_channel=old, new_channel=new)], _:
                self._on_chat_migrated(old, new)
            case [ButtonPressed() as pressed], {"callback_query": {"id": str(query)}}:
                self.spawn(self.press_answers.answer(query, pressed))
            case _, {"callback_query": {"id": str(query)}}:
                self.spawn(self.press_answers.answer(query, None))
            case _, {"my_chat_member": {"chat": {"type": kind}, "new_chat_member": {"status": status}}}:
                log.info("telegram.membership_changed", chat=kind, status=status)

    def _parse(self, raw: Any) -> Sequence[Event]:
        try:
            update = parse_update(raw, self._bot)
            return parse_events(update, self._account.identity, received_at=datetime.now(UTC))
        except Exception as exc:  # noqa: BLE001 - an update of any shape must not block those behind it
            return [self._unparsed(raw, exc)]

    async def _store(self, event: Event, raw: Any) -> None:
        """Store one event; if its handling fails, store it as unparsed, so that it blocks no other.

        Raises:
            StoreUnavailable: nothing was stored.
        """
        if self._event_sink is None:
            raise StoreUnavailable("not started")
        try:
            await self._event_sink(event)
        except StoreUnavailable:
            raise
        except Exception as exc:  # a defect of ours, of any type: retrying it would stop polling for good
            log.exception("telegram.event_failed")
            if isinstance(event, UnparsedEvent):
                raise
            await self._event_sink(self._unparsed(raw, exc))

    def _unparsed(self, raw: Any, error: Exception) -> UnparsedEvent:
        """Return the update as an unparsed event; the error's text is left out, as it may quote a person."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        fault = f"{type(error).__name__} at {frame.name}:{frame.lineno}"
        log.warning("telegram.event_unparsed", fault=fault)
        text = encode_raw(raw)
        update_id = raw.get("update_id") if isinstance(raw, dict) else None
        return UnparsedEvent(
            delivery_id=f"update:{update_id or hashlib.sha256(text.encode()).hexdigest()[:32]}",
            platform=PLATFORM,
            tenant=self._account.tenant,
            raw=text,
            error=fault,
        )

    # -- background ----------------------------------------------------------------------------

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run ``work`` in the background; :meth:`close` cancels it."""
        self._background_tasks.spawn(work)

    async def _run_cancellable(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work``, which :meth:`stop` and :meth:`restart` may cancel."""
        self._cancellable = True
        try:
            return await work
        finally:
            self._cancellable = False
