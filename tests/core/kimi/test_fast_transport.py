"""HTTP for streams: every failure is one of httpx's errors, and the pool has no limit."""

import asyncio
import socket
from typing import Any

import aiohttp
import httpx
import pytest

from core.kimi.fast_transport import FastTransport, build_transport
from core.kimi.transport import CONNECTION_LIMITS
from tests.core.kimi.conftest import RawServer


async def read(server_url: str) -> bytes:
    """Return the body of a response."""
    transport = FastTransport(limits=CONNECTION_LIMITS)
    async with (
        httpx.AsyncClient(transport=transport) as client,
        client.stream("POST", server_url, content=b"{}") as response,
    ):
        return b"".join([chunk async for chunk in response.aiter_raw()])


def sends(*pieces: bytes) -> Any:
    """Return a script that writes bytes and closes."""

    async def script(wire: Any, asked: Any) -> None:
        await wire.send(*pieces)

    return script


@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        pytest.param([], httpx.RemoteProtocolError, id="closed without a response"),
        pytest.param([b"hello\r\n\r\n"], httpx.RemoteProtocolError, id="no HTTP"),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"], httpx.RemoteProtocolError, id="cut body"
        ),
        pytest.param(
            [b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"],
            httpx.RemoteProtocolError,
            id="no chunk size",
        ),
    ],
)
async def test_a_response_that_is_no_http_is_a_protocol_error(
    server: RawServer, pieces: list[bytes], error: type[Exception]
) -> None:
    """As httpx's own transport says it; retries and notices depend on the kind."""
    server.will(sends(*pieces))
    with pytest.raises(error):
        await read(server.url)


async def test_a_refused_connection_is_no_slow_one() -> None:
    """The transport's own table takes it for a timeout."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: the port refuses
        with pytest.raises(httpx.ConnectError):
            await read(f"http://127.0.0.1:{held.getsockname()[1]}/v1")


async def test_a_host_without_an_address_is_a_connection_error() -> None:
    """RFC 6761: ``.invalid`` never resolves."""
    with pytest.raises(httpx.ConnectError):
        await read("http://kimi.invalid/v1")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (aiohttp.ConnectionTimeoutError(), httpx.ConnectTimeout),
        (aiohttp.SocketTimeoutError(), httpx.ReadTimeout),
        (aiohttp.ServerDisconnectedError(), httpx.RemoteProtocolError),
        (aiohttp.ClientOSError(104, "reset"), httpx.ReadError),
        (aiohttp.InvalidURL("x"), httpx.UnsupportedProtocol),
    ],
)
async def test_each_error_of_aiohttp_has_one_of_httpx(
    monkeypatch: pytest.MonkeyPatch, error: Exception, expected: type[Exception]
) -> None:
    """Only httpx's errors leave the transport."""

    async def fails(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(aiohttp.ClientSession, "_request", fails)
    with pytest.raises(httpx.TransportError) as caught:
        await read("http://127.0.0.1:9/v1")
    assert type(caught.value) is expected


async def test_a_hundred_and_fifty_streams_are_open_at_once(server: RawServer) -> None:
    """Aiohttp's pool holds a hundred connections; Kimi's account limits are the limit here."""
    everybody = asyncio.Event()
    here = 0

    async def script(wire: Any, asked: Any) -> None:
        nonlocal here
        here += 1
        if here == 150:
            everybody.set()
        await everybody.wait()
        await wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    server.will(script)
    async with httpx.AsyncClient(transport=FastTransport(limits=CONNECTION_LIMITS)) as client:
        answers = await asyncio.gather(*(client.post(server.url, content=b"{}") for _ in range(150)))
    assert {answer.content for answer in answers} == {b"ok"}


@pytest.mark.parametrize(
    ("environment", "direct"),
    [
        ({}, True),
        ({"https_proxy": "http://127.0.0.1:9"}, False),
        ({"all_proxy": "http://127.0.0.1:9"}, False),
        ({"http_proxy": "http://127.0.0.1:9"}, True),
        ({"https_proxy": "http://127.0.0.1:9", "no_proxy": "api.moonshot.ai"}, True),
    ],
)
async def test_httpx_finds_the_way_through_a_proxy(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], *, direct: bool
) -> None:
    """We chose: proxies of the environment, with their names and exceptions, stay httpx's."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert (build_transport("https://api.moonshot.ai/v1", CONNECTION_LIMITS) is not None) is direct
