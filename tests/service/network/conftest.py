"""A TCP relay of ours between the service and each of Kimi, Slack and Telegram, that fails to order."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import pytest

Kind = Literal["refused", "reset", "stalled", "slow", "lost"]

OUTAGE_S = 0.7  #: of the machine's clock, for which connections are refused
SLOW_BYTES, SLOW_EVERY_S = 64, 0.002  #: how a slow line trickles


@dataclass(slots=True)
class Fault:
    """What happens to the next request that holds ``needle``."""

    needle: bytes
    kind: Kind


class Relay:
    """Passes bytes to one server and back; a :class:`Fault` concerns the connection that it meets."""

    def __init__(self, url: str) -> None:
        """``url`` is the server's; :attr:`url` leads through the relay."""
        self._target = urlsplit(url)
        self._server: asyncio.Server | None = None
        self._port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: set[asyncio.StreamWriter] = set()
        self._faults: list[Fault] = []
        self.met: list[Kind] = []  #: what has happened

    @property
    def url(self) -> str:
        """The server's address with the relay's port."""
        return self._target._replace(netloc=f"127.0.0.1:{self._port}").geturl()

    def next(self, needle: str, kind: Kind) -> None:
        """Order a fault for the next request that holds ``needle``."""
        self._faults.append(Fault(needle.encode(), kind))

    async def open(self) -> None:
        """Listen; after a while without, on the same port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Drop everything."""
        if self._server is not None:
            self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._begin(self._relay(reader, writer))

    def _begin(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far = await asyncio.open_connection(self._target.hostname, self._target.port)
        ends = (writer, far)
        self._lines.update(ends)
        line = _Line(reader, writer, far_reader, far)
        try:
            ways = [asyncio.ensure_future(line.there(self._meet)), asyncio.ensure_future(line.back())]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            self._lines.difference_update(ends)
            for end in ends:
                end.transport.abort()

    def _meet(self, data: bytes) -> Kind | None:
        """Return what happens to a request with these bytes."""
        fault = next((one for one in self._faults if one.needle in data), None)
        if fault is None:
            return None
        self._faults.remove(fault)
        self.met.append(fault.kind)
        if fault.kind == "refused":
            self._begin(self._outage())
        return fault.kind

    async def _outage(self) -> None:
        assert self._server is not None
        self._server.close()
        for end in list(self._lines):
            _reset(end)
        await asyncio.sleep(OUTAGE_S)
        await self.open()


class _Line:
    """One connection through the relay."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        far_reader: asyncio.StreamReader,
        far: asyncio.StreamWriter,
    ) -> None:
        self._reader, self._writer = reader, writer
        self._far_reader, self._far = far_reader, far
        self._kind: Kind | None = None

    async def there(self, meet: Callable[[bytes], Kind | None]) -> None:
        """Pass what the service sends."""
        while data := await self._reader.read(65536):
            self._kind = self._kind or meet(data)
            match self._kind:
                case "refused":
                    return
                case "reset":
                    _reset(self._writer)
                    return
                case "stalled":
                    continue
                case _:
                    self._far.write(data)
                    await self._far.drain()

    async def back(self) -> None:
        """Pass what the server answers."""
        while data := await self._far_reader.read(65536):
            match self._kind:
                case "lost":
                    _reset(self._writer)
                    return
                case "slow":
                    for start in range(0, len(data), SLOW_BYTES):
                        self._writer.write(data[start : start + SLOW_BYTES])
                        await asyncio.sleep(SLOW_EVERY_S)
                case _:
                    self._writer.write(data)
                    await self._writer.drain()


def _reset(end: asyncio.StreamWriter) -> None:
    """Let the other end read "connection reset by peer"."""
    line = end.get_extra_info("socket")
    if line is not None and line.fileno() >= 0:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    end.transport.abort()


@dataclass(frozen=True, slots=True)
class Network:
    """The lines of one service."""

    kimi: Relay
    platform: Relay


@pytest.fixture
async def network(world: Any) -> AsyncIterator[Network]:
    """A network through which the world's service is led once it starts."""
    api_url = world.sim.api_url
    relays = Network(Relay(world.kimi.base_url), Relay(api_url))
    async with AsyncExitStack() as stack:
        for relay in (relays.kimi, relays.platform):
            await relay.open()
            stack.push_async_callback(relay.close)
        setting = "telegram_api_url" if world.name == "telegram" else "slack_api_url"
        world.given |= {"kimi_base_url": relays.kimi.url, setting: relays.platform.url.rstrip("/")}
        yield relays
        await world.stop()
