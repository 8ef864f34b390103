"""A raw HTTP server whose every byte and pause a test decides, and requests to send to it.

``reply_decoder``, ``finish_reasons``, ``wire_text`` and ``optional_fields`` are covered by
``test_host_bytes``, ``usage_decoding`` by ``test_stream``.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from core.kimi import ChatRequest, Message


@dataclass
class Asked:
    """One request as it came over the wire."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's value."""
        return json.loads(self.body)


@dataclass
class Wire:
    """One connection, seen from the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    stays_open: bool = False  #: a script sets it to serve another request on this connection

    async def send(self, *pieces: bytes) -> None:
        """Write each piece as one network write, and let the client read it before the next."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()
            for _ in range(3):
                await asyncio.sleep(0)

    async def head(self, status: str = "200 OK", **headers: str) -> None:
        """Begin a response; its body lasts until the connection closes unless told otherwise."""
        lines = [f"HTTP/1.1 {status}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.send("\r\n".join([*lines, "", ""]).encode())

    async def stream(self, *pieces: bytes, **headers: str) -> None:
        """Answer with an event stream and close."""
        await self.head(content_type="text/event-stream", connection="close", **headers)
        await self.send(*pieces)

    async def answer(self, body: bytes, status: str = "200 OK", **headers: str) -> None:
        """Answer with a whole body; the connection stays open."""
        headers = {"content_type": "application/json", "content_length": str(len(body))} | headers
        self.stays_open = True
        await self.head(status, **headers)
        await self.send(body)

    async def gone(self) -> None:
        """Wait until the client has closed the connection."""
        while await self.reader.read(1024):
            pass


Script = Callable[[Any, Any], Awaitable[None]]  # of a Wire and an Asked


@dataclass
class RawServer:
    """Answers the n-th request with the n-th script; the last one serves all that follow."""

    scripts: list[Script] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    url: str = ""
    _tasks: list[Any] = field(default_factory=list)

    def will(self, *scripts: Script) -> None:
        """Set what happens to the coming requests."""
        self.scripts = list(scripts)

    async def close(self) -> None:
        """End what still runs."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until a script or the client closes it."""
        self.connections += 1
        self._tasks.append(asyncio.current_task())
        wire = Wire(reader, writer)
        try:
            while asked := await _read_request(reader):
                self.asked.append(asked)
                script = self.scripts[min(len(self.asked), len(self.scripts)) - 1]
                await script(wire, asked)
                if not wire.stays_open:
                    break
                wire.stays_open = False
        except ConnectionError:
            pass  # the client went away, which some tests are about
        finally:
            writer.close()


async def _read_request(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return None
    line, *rest = head.strip().split("\r\n")
    headers = {name.lower(): value for name, value in (item.split(": ", 1) for item in rest)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(line, headers, body)


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    """A raw server on 127.0.0.1."""
    raw = RawServer()
    listener = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
    raw.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1"
    yield raw
    listener.close()
    await raw.close()


@pytest.fixture
def question() -> ChatRequest:
    """The simplest request."""
    return ChatRequest(
        messages=(Message(role="user", content="Hello?"),), model="kimi-k2.6", max_completion_tokens=100
    )
