"""Calls of the Bot API over aiohttp: what a failure means, and which way uploads and proxies go."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from telegram import Bot
from telegram.error import NetworkError, TelegramError, TimedOut

from bots.telegram.api_request import ApiRequest
from bots.telegram.errors import to_platform_error
from core.domain.errors import PlatformError, PlatformOutcomeUnknown, PlatformUnavailable
from tests.core.kimi.conftest import RawServer

TOKEN = "123:its-token"
SENT = b'{"ok": true, "result": {"message_id": 5, "date": 1, "chat": {"id": 7, "type": "private"}}}'


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    """A Bot API server whose bytes the test decides."""
    raw = RawServer()
    async with await asyncio.start_server(raw.serve, "127.0.0.1", 0) as listening:
        raw.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/bot"
        yield raw
        await raw.close()


@asynccontextmanager
async def bot_at(url: str, *, timeout_s: float = 10) -> AsyncIterator[Bot]:
    """Yield a bot that calls a server."""
    request = ApiRequest(url, connections=2, call_timeout_s=timeout_s, connect_timeout_s=timeout_s)
    yield Bot(TOKEN, base_url=url, request=request)
    await request.shutdown()


async def failed_call(url: str, *, timeout_s: float = 10) -> tuple[TelegramError, type[PlatformError]]:
    """Send a message; return the error, and what it means for sending again."""
    async with bot_at(url, timeout_s=timeout_s) as bot:
        with pytest.raises(NetworkError) as caught:
            await bot.send_message(7, "hello")
    return caught.value, type(to_platform_error(caught.value, idempotent=False))


async def sends(wire: Any, asked: Any) -> None:
    """Answer as Telegram does."""
    await wire.answer(SENT)


async def test_words_arrive_as_they_are_and_the_connection_is_used_again(server: RawServer) -> None:
    """Form fields in UTF-8, as the Bot API takes them."""
    server.will(sends)
    async with bot_at(server.url) as bot:
        for _ in range(2):
            assert (await bot.send_message(7, "你好 & a=b+c")).message_id == 5

    assert server.asked[0].line == f"POST /bot{TOKEN}/sendMessage HTTP/1.1"
    assert server.asked[0].body == b"chat_id=7&text=%E4%BD%A0%E5%A5%BD+%26+a%3Db%2Bc"
    assert server.connections == 1


async def test_a_request_that_was_shut_down_can_be_used_again(server: RawServer) -> None:
    """A platform that is stopped and started again keeps its bot."""
    server.will(sends)
    request = ApiRequest(server.url, connections=2, call_timeout_s=10, connect_timeout_s=10)
    for _ in range(2):
        await request.initialize()
        assert (await request.do_request(server.url, "POST"))[0] == 200
        await request.shutdown()


@pytest.mark.parametrize(
    "answer",
    [b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", b"HTTP/1.1 200 OK\r\nx"],
)
async def test_whether_a_message_arrived_is_unknown_without_a_response(
    server: RawServer, answer: bytes
) -> None:
    """The server had the request; the text of the error, which is logged, does not hold the token."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.send(answer)

    server.will(script)
    error, meaning = await failed_call(server.url)

    assert meaning is PlatformOutcomeUnknown
    assert TOKEN not in error.message


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"])
async def test_a_server_that_falls_silent_is_given_up(server: RawServer, head: bytes) -> None:
    """Before its response or within it; the message may have been sent."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.send(head)
        await wire.gone()

    server.will(script)
    error, meaning = await failed_call(server.url, timeout_s=0.2)

    assert isinstance(error, TimedOut)
    assert meaning is PlatformOutcomeUnknown


async def test_a_refused_connection_has_sent_nothing() -> None:
    """The call may be repeated."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: the port refuses
        _, meaning = await failed_call(f"http://127.0.0.1:{held.getsockname()[1]}/bot")

    assert meaning is PlatformUnavailable


async def test_a_file_is_uploaded(server: RawServer) -> None:
    """As multipart/form-data, by python-telegram-bot's own way, which limits each write in time."""
    server.will(sends)
    async with bot_at(server.url) as bot:
        await bot.send_document(7, b"content", filename="a.txt", caption="你好")

    assert "multipart/form-data" in server.asked[0].headers["content-type"]
    assert b"content" in server.asked[0].body


async def test_calls_go_through_the_environments_proxy(
    server: RawServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever needs a proxy to reach Telegram sets HTTPS_PROXY or ALL_PROXY."""
    server.will(sends)
    monkeypatch.setenv("all_proxy", server.url.removesuffix("/bot"))
    async with bot_at("http://telegram.invalid/bot") as bot:
        await bot.send_message(7, "hello")

    assert server.asked[0].line.startswith("POST http://telegram.invalid/bot")
