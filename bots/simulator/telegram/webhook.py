"""Delivery by webhook, and the three methods that govern it.

One update of a lane (a chat, a kind of its own) is in flight; the next goes out after a 2xx. A
failure is tried again with doubling waits until the update is a day old
(tdlib/telegram-bot-api ``WebhookActor.cpp``). Like a local Bot API server, this one takes plain
http addresses. A method call in the body of the webhook's reply is not carried out.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from bots.simulator.telegram.chats import Bot, World
from bots.simulator.telegram.errors import bad_request
from bots.simulator.telegram.params import Params
from bots.simulator.telegram.updates import REPLACED, Pending
from core.domain.clock import Clock

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 (a header's name)
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
TIMEOUT_S = 60.0  #: of one delivery, on the machine's clock
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
LONGEST_ASKED_S = 3600.0  #: what a Retry-After may ask for
CONNECTIONS = 40


@dataclass(slots=True, kw_only=True, eq=False)
class Webhook:
    """One bot's webhook while it is set."""

    bot: Bot
    clock: Clock
    now_date: Callable[[], int]  #: in Unix seconds
    url: str
    secret: str
    max_connections: int
    last_error: str = ""
    last_error_date: int = 0
    task: asyncio.Task[None] | None = None
    _busy: set[str] = field(default_factory=set)

    async def run(self) -> None:
        """Deliver what is pending and what comes, until cancelled."""
        slots = asyncio.Semaphore(self.max_connections)
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as client, asyncio.TaskGroup() as lanes:
            while True:
                changed = self.bot.updates.changed
                for lane in {update.lane for update in self.bot.updates.fresh()} - self._busy:
                    self._busy.add(lane)
                    lanes.create_task(self._drain(lane, client, slots))
                await changed.wait()

    async def _drain(self, lane: str, client: httpx.AsyncClient, slots: asyncio.Semaphore) -> None:
        """Deliver one lane in order until it is empty."""
        wait_s = FIRST_WAIT_S
        while (update := self._first(lane)) is not None:
            async with slots:
                asked_s = await self._deliver(update, client)
            if asked_s is None:
                self.bot.updates.confirm(update.update_id)
                wait_s = FIRST_WAIT_S
            else:
                await self.clock.sleep(asked_s or wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
        self._busy.discard(lane)

    def _first(self, lane: str) -> Pending | None:
        return next((update for update in self.bot.updates.fresh() if update.lane == lane), None)

    async def _deliver(self, update: Pending, client: httpx.AsyncClient) -> float | None:
        """Post one update; None where it was taken, else the wait that was asked for (0: none)."""
        headers = {SECRET_HEADER: self.secret} if self.secret else {}
        try:
            response = await client.post(self.url, json=update.json(), headers=headers)
        except httpx.ConnectError:
            return self._failed("Connection refused")
        except httpx.TransportError:
            return self._failed("Read timeout expired")
        if response.is_success:
            return None
        self._failed(f"Wrong response from the webhook: {response.status_code} {response.reason_phrase}")
        asked = response.headers.get("retry-after", "")
        return min(float(asked), LONGEST_ASKED_S) if asked.isdigit() else 0.0

    def _failed(self, why: str) -> float:
        self.last_error, self.last_error_date = why, self.now_date()
        return 0.0


class WebhookCalls:
    """``setWebhook``, ``deleteWebhook``, ``getWebhookInfo`` on one world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._set: dict[int, Webhook] = {}

    async def set_webhook(self, bot: Bot, params: Params) -> bool:
        """``setWebhook``; an empty url takes it away."""
        url = str(params.get("url") or "")
        if not url:
            return await self.delete_webhook(bot, params)
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise bad_request("bad webhook: invalid webhook URL specified")
        secret = str(params.get("secret_token") or "")
        if secret and not SECRET.fullmatch(secret):
            raise bad_request("secret token contains unallowed characters")
        await self._stop(bot)
        self._prepare(bot, params)
        bot.updates.webhook_active = True
        bot.updates.end_poll(REPLACED)
        hook = Webhook(
            bot=bot,
            clock=self._world.clock,
            now_date=self._world.now,
            url=url,
            secret=secret,
            max_connections=min(max(params.get("max_connections") or CONNECTIONS, 1), 100),
        )
        hook.task = asyncio.create_task(hook.run(), name=f"webhook-{bot.id}")
        self._set[bot.id] = hook
        return True

    async def delete_webhook(self, bot: Bot, params: Params) -> bool:
        """``deleteWebhook``."""
        await self._stop(bot)
        if params.get("drop_pending_updates"):
            bot.updates.drop()
        return True

    def get_webhook_info(self, bot: Bot, _params: Params) -> dict[str, Any]:
        """``getWebhookInfo``."""
        hook = self._set.get(bot.id)
        info: dict[str, Any] = {
            "url": hook.url if hook else "",
            "has_custom_certificate": False,
            "pending_update_count": len(bot.updates.fresh()),
        }
        if hook is not None:
            info |= {"max_connections": hook.max_connections, "ip_address": "127.0.0.1"}
            if hook.last_error:
                info |= {"last_error_date": hook.last_error_date, "last_error_message": hook.last_error}
        return info | ({"allowed_updates": list(bot.updates.allowed)} if bot.updates.allowed else {})

    async def close(self) -> None:
        """Stop every delivery."""
        for bot in self._world.bots.values():
            await self._stop(bot)

    def _prepare(self, bot: Bot, params: Params) -> None:
        bot.updates.allow(params.get("allowed_updates"))
        if params.get("drop_pending_updates"):
            bot.updates.drop()

    async def _stop(self, bot: Bot) -> None:
        hook = self._set.pop(bot.id, None)
        bot.updates.webhook_active = False
        if hook is not None and hook.task is not None:
            hook.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await hook.task
