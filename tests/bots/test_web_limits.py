"""What strangers can make the HTTP port hold: through real sockets, with small bounds."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from bots import web_limits
from bots.web_limits import MAX_BODY_BYTES, BodyLimit, RefusalLog
from bots.web_server import WebServer


async def length(request: Request) -> Response:
    """Respond with the body's length."""
    return PlainTextResponse(str(len(await request.body())))


async def forbid(request: Request) -> Response:
    """Respond without reading anything."""
    return Response(status_code=403, headers={"Connection": "close"})


@pytest.fixture
async def web(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WebServer]:
    """A server that gives clients a fraction of a second."""
    monkeypatch.setattr(web_limits, "HEADER_TIMEOUT_S", 0.3)
    app = Starlette(routes=[Route("/", length, methods=["POST"])])
    async with WebServer(app, max_body_bytes=MAX_BODY_BYTES) as server:
        yield server


async def exchange(web: WebServer, *pieces: bytes) -> bytes:
    """Send pieces and return everything that comes back until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    with contextlib.suppress(ConnectionError):  # the server may close before it has read everything
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
    response = b""
    with contextlib.suppress(ConnectionError):
        while chunk := await reader.read(65_536):
            response += chunk
    writer.close()
    return response


def request(body_bytes: int) -> bytes:
    """The headers of a request that announces a body."""
    return f"POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {body_bytes}\r\n\r\n".encode()


async def test_a_body_within_the_bound_reaches_the_app(web: WebServer) -> None:
    """The app reads the body as it was sent."""
    response = await exchange(web, request(MAX_BODY_BYTES), b"x" * MAX_BODY_BYTES)
    assert response.startswith(b"HTTP/1.1 200")
    assert response.endswith(str(MAX_BODY_BYTES).encode())


async def test_a_body_that_announces_too_much_is_refused_unread(web: WebServer) -> None:
    """413 comes before any of 200 MB is sent."""
    assert (await exchange(web, request(200_000_000))).startswith(b"HTTP/1.1 413")


async def test_a_chunked_body_is_counted_while_it_is_read(web: WebServer) -> None:
    """A body without a length is refused once it passes the bound."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    assert (await exchange(web, head, *[chunk] * 20)).startswith(b"HTTP/1.1 413")


async def test_half_sent_headers_are_not_waited_for(web: WebServer) -> None:
    """A client that never ends its headers is disconnected."""
    async with asyncio.timeout(100):
        assert await exchange(web, b"POST / HTTP/1.1\r\nHost: x\r\n") == b""


async def test_a_silent_client_is_disconnected(web: WebServer) -> None:
    """A connection on which nothing is sent is closed."""
    async with asyncio.timeout(100):
        assert await exchange(web) == b""


async def test_a_client_that_keeps_its_connection_is_served_again(web: WebServer) -> None:
    """A second request on the same connection is answered."""
    twice = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx" + request(2) + b"xy"
    assert (await exchange(web, twice)).count(b"HTTP/1.1 200") == 2


async def test_connections_beyond_the_bound_are_closed(
    web: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table of descriptors cannot be filled; those who are there go on."""
    monkeypatch.setattr(web_limits, "MAX_CONNECTIONS", 1)
    reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
    assert await exchange(web, request(1), b"x") == b""
    writer.write(request(1) + b"x")
    assert (await reader.read(100)).startswith(b"HTTP/1.1 200")
    writer.close()


async def test_a_body_that_never_arrives_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """408 after the time that a body may take."""
    monkeypatch.setattr(web_limits.BodyLimit.__init__, "__kwdefaults__", {"timeout_s": 0.2})
    app = Starlette(routes=[Route("/", length, methods=["POST"])])
    async with WebServer(app, max_body_bytes=10) as web, asyncio.timeout(100):
        assert (await exchange(web, request(5), b"x")).startswith(b"HTTP/1.1 408")


@pytest.mark.virtual_time
async def test_a_body_that_arrives_steadily_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file over a slow line is not given up while enough of it arrives; half of that is too slow."""
    monkeypatch.setattr(web_limits, "MIN_BODY_BYTES_PER_S", 10)
    received: list[float] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            received.append(asyncio.get_running_loop().time())

    def body(piece: bytes, *, every_s: float) -> Any:
        async def receive() -> Any:
            await asyncio.sleep(every_s)
            return {"type": "http.request", "body": piece, "more_body": len(received) < 100}

        return receive

    limit = BodyLimit(app, max_bytes=10_000, timeout_s=5.0)
    await limit({"type": "http", "headers": []}, body(b"x" * 20, every_s=2.0), None)  # type: ignore[arg-type]
    assert received[-1] - received[0] == pytest.approx(198.0)
    received.clear()
    with pytest.raises(HTTPException) as refused:
        await limit({"type": "http", "headers": []}, body(b"x" * 10, every_s=2.0), None)  # type: ignore[arg-type]
    assert refused.value.status_code == 408


async def test_a_body_that_the_app_does_not_want_is_not_read() -> None:
    """A request without a secret is refused before its body arrives."""
    app = Starlette(routes=[Route("/", forbid, methods=["POST"])])
    async with WebServer(app, max_body_bytes=10) as web, asyncio.timeout(100):
        assert (await exchange(web, request(5))).startswith(b"HTTP/1.1 403")


async def test_what_is_no_http_is_one_line_a_minute(
    web: WebServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """400 for each, and neither uvicorn nor we fill the log."""
    monkeypatch.setattr(web_limits.BoundedProtocol, "refusals", RefusalLog())
    with capture_logs() as lines:
        for _ in range(10):
            assert (await exchange(web, b"\x16\x03\x01 hello\r\n\r\n")).startswith(b"HTTP/1.1 400")
    assert lines == [
        {"event": "web.request_refused", "reason": "malformed HTTP", "omitted": 0, "log_level": "warning"}
    ]
    assert caplog.records == []


def test_refusals_are_counted_between_two_lines() -> None:
    """The next minute's line says how many were left out."""
    times = [0.0, 1.0, 59.0, 60.0]
    refusals = RefusalLog(iter(times).__next__)
    with capture_logs() as lines:
        for _ in times:
            refusals.note("why")
    assert [line["omitted"] for line in lines] == [0, 2]
