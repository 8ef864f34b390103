"""Delivery to a webhook."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import telegram
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from telegram.error import BadRequest, Conflict

from bots.simulator.telegram import TelegramSimulator
from bots.web_server import WebServer


@dataclass
class Receiver:
    """Takes updates; answers with ``statuses`` first, then 200."""

    statuses: list[int] = field(default_factory=list)
    got: list[dict[str, Any]] = field(default_factory=list)
    secrets: set[str | None] = field(default_factory=set)
    running: dict[int, int] = field(default_factory=dict)
    most_at_once: int = 0
    most_in_all: int = 0
    url: str = ""
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one delivery (ASGI)."""
        request = Request(scope, receive)
        body = await request.json()
        chat = body["message"]["chat"]["id"]
        self.running[chat] = self.running.get(chat, 0) + 1
        self.most_at_once = max(self.most_at_once, self.running[chat])
        self.most_in_all = max(self.most_in_all, sum(self.running.values()))
        await asyncio.sleep(0.02)
        self.running[chat] -= 1
        self.got.append(body)
        self.secrets.add(request.headers.get("X-Telegram-Bot-Api-Secret-Token"))
        status = self.statuses.pop(0) if self.statuses else 200
        await Response(status_code=status)(scope, receive, send)
        async with self.arrived:
            self.arrived.notify_all()

    async def has(self, count: int) -> list[str]:
        """Wait for ``count`` deliveries and return their texts."""
        async with asyncio.timeout(5), self.arrived:
            await self.arrived.wait_for(lambda: len(self.got) >= count)
        return [body["message"]["text"] for body in self.got]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A webhook on a port of its own."""
    app = Receiver()
    async with WebServer(app) as server:
        app.url = f"{server.url}/telegram"
        yield app


async def test_a_webhook_gets_updates_in_order_with_the_secret(
    sim: TelegramSimulator, bot: telegram.Bot, receiver: Receiver
) -> None:
    """One update of a chat is in flight, chats go side by side, and each carries the secret."""
    ann, ben = sim.private_chat(sim.add_person("Ann")), sim.private_chat(sim.add_person("Ben"))
    await sim.say(ann, ann, "a0")
    await bot.set_webhook(receiver.url, secret_token="s-3_cret", allowed_updates=["message"])
    for number in (1, 2):
        await sim.say(ann, ann, f"a{number}")
        await sim.say(ben, ben, f"b{number}")
    texts = await receiver.has(5)
    assert [text for text in texts if text[0] == "a"] == ["a0", "a1", "a2"]
    assert [text for text in texts if text[0] == "b"] == ["b1", "b2"]
    assert (receiver.most_at_once, receiver.most_in_all, receiver.secrets) == (1, 2, {"s-3_cret"})


async def test_a_refused_update_is_tried_again_before_the_next(
    sim: TelegramSimulator, bot: telegram.Bot, receiver: Receiver
) -> None:
    """After a 503 the same update comes until it is taken; its fault is told by getWebhookInfo."""
    receiver.statuses = [503, 500]
    ann = sim.private_chat(sim.add_person("Ann"))
    await bot.set_webhook(receiver.url)
    await sim.say(ann, ann, "one")
    await sim.say(ann, ann, "two")
    assert await receiver.has(4) == ["one", "one", "one", "two"]
    info = await bot.get_webhook_info()
    assert info.last_error_message == "Wrong response from the webhook: 500 Internal Server Error"


async def test_polling_and_a_webhook_exclude_each_other(
    sim: TelegramSimulator, bot: telegram.Bot, receiver: Receiver
) -> None:
    """Setting a webhook ends a poll, polling is refused meanwhile, and works again after."""
    poll = asyncio.create_task(bot.get_updates(timeout=50))
    await asyncio.sleep(0.05)
    await bot.set_webhook(receiver.url)
    with pytest.raises(Conflict, match="terminated by setWebhook request"):
        await poll
    with pytest.raises(Conflict, match="can't use getUpdates method while webhook is active"):
        await bot.get_updates()
    await bot.delete_webhook()
    assert (await bot.get_webhook_info()).url == ""
    assert await bot.get_updates() == ()


async def test_an_update_survives_a_webhook_that_is_down(sim: TelegramSimulator, bot: telegram.Bot) -> None:
    """What no webhook took is still there for polling, unless dropped."""
    ann = sim.private_chat(sim.add_person("Ann"))
    await bot.set_webhook("http://127.0.0.1:9/nobody")
    await sim.say(ann, ann, "one")
    for _ in range(100):
        info = await bot.get_webhook_info()
        if info.last_error_message:
            break
        await asyncio.sleep(0.01)
    assert (info.pending_update_count, info.last_error_message) == (1, "Connection refused")
    await bot.delete_webhook()
    assert len(await bot.get_updates()) == 1
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()


async def test_bad_webhooks_are_refused(bot: telegram.Bot) -> None:
    """An address that is none and a secret with a space are refused."""
    with pytest.raises(BadRequest, match=r"^Bad webhook"):
        await bot.set_webhook("ftp://example.com")
    with pytest.raises(BadRequest, match=r"^Secret token contains unallowed characters$"):
        await bot.set_webhook("https://example.com", secret_token="a b")
