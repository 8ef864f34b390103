"""Sends one response at the pace of its script, one write for each chunk."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine

from starlette.types import Receive, Send

from bots.simulator.kimi.plan import Break, Plan
from bots.simulator.kimi.script import Piece, RawReply, ScriptedReply, SeenRequest
from bots.simulator.kimi.wire import Wire, halves
from core.domain.clock import Clock

Headers = list[tuple[bytes, bytes]]
Write = Callable[[bytes], Awaitable[None]]

_YIELD_EVERY = 32  # chunks; a stream behind its time must let others run
_COMMENT_EVERY = 5
_SPLIT_PAUSE_S = 0.002


class Cut(Exception):
    """The connection is to be dropped; nothing more is sent."""


class Responder:
    """One admitted request on its way to being answered."""

    def __init__(
        self,
        *,
        clock: Clock,
        seen: SeenRequest,
        generated: Callable[[], None],
        reply: ScriptedReply,
        plan: Plan,
        wire: Wire,
        headers: Headers,
    ) -> None:
        self._clock, self._seen, self._reply = clock, seen, reply
        self._generated = generated  # told before the last bytes, so that the client may ask again
        self._plan, self._wire, self._headers = plan, wire, headers
        self._begin = clock.time() + reply.first_after_s
        self._gap_s = 1.0 / reply.chunks_per_s

    async def stream(self, send: Send) -> None:
        """Send the response as server-sent events.

        Raises:
            Cut: the script drops the connection here.
        """
        write = self._splitting(send) if self._reply.faults.split_utf8 else _plain(send)
        await self._until(self._begin)
        content_type = (b"content-type", b"text/event-stream; charset=utf-8")
        await send(_start(200, [content_type, *self._headers]))
        for event in self._wire.opening():
            await write(event)
        if not await self._pieces(write):
            await send(_LAST)
            return
        self._generated()
        for event in self._wire.closing(self._plan):
            await write(event)
        await send(_LAST)
        self._seen.finished = True

    async def whole(self, send: Send) -> None:
        """Send the response in one piece, when a stream of it would have ended.

        Raises:
            Cut: the script drops the connection here.
        """
        await self._until(self._begin + len(self._plan.pieces) * self._gap_s)
        body, cut = self._wire.whole(self._plan), False
        for fault in self._plan.breaks:
            if fault.kind == "stall":
                await self._stall()
            elif fault.kind == "error":
                error = self._reply.faults.error
                await respond(send, error.status, error.moonshot_body(), self._headers)
                return
            else:
                cut = True
        content_type = (b"content-type", b"application/json; charset=utf-8")
        length = (b"content-length", str(len(body)).encode())
        await send(_start(200, [content_type, length, *self._headers]))
        if cut:
            await send(_body(body[: len(body) // 2]))
            raise Cut
        self._generated()
        now = self._clock.time()
        self._seen.chunk_times = [now] * len(self._plan.pieces)
        await send({"type": "http.response.body", "body": body})
        self._seen.finished = True

    async def _pieces(self, write: Write) -> bool:
        """Write every piece at its time; False where an error event ended the stream."""
        clock, times, wire = self._clock, self._seen.chunk_times, self._wire
        pieces, breaks = self._plan.pieces, list(reversed(self._plan.breaks))
        due, carried = self._begin, _carried(pieces) if self._reply.faults.beside else -1
        comments = self._reply.faults.comments
        for index, piece in enumerate(pieces):
            while breaks and breaks[-1].index == index:
                if not await self._break(breaks.pop(), write):
                    return False
                due = max(due, clock.time())
            wait = due - clock.time()
            if wait > 0:
                await clock.sleep(wait)
            elif index % _YIELD_EVERY == 0:
                await asyncio.sleep(0)
            due += self._gap_s
            if comments and index % _COMMENT_EVERY == 0:
                await write(wire.comment())
            if index == carried:  # went with the piece before
                times.append(clock.time())
                continue
            await write(wire.piece(piece, pieces[carried].text if index == carried - 1 else ""))
            times.append(clock.time())
        for fault in reversed(breaks):
            if not await self._break(fault, write):
                return False
        return True

    async def _break(self, fault: Break, write: Write) -> bool:
        match fault.kind:
            case "cut":
                raise Cut
            case "stall":
                await self._stall()
                return True
            case _:
                await write(self._wire.error(self._reply.faults.error))
                return False

    async def _stall(self) -> None:
        if math.isinf(self._reply.faults.stall_s):
            await asyncio.Event().wait()  # until the client leaves or the stand-in closes
        await self._clock.sleep(self._reply.faults.stall_s)

    async def _until(self, due: float) -> None:
        wait = due - self._clock.time()
        if wait > 0:
            await self._clock.sleep(wait)

    def _splitting(self, send: Send) -> Write:
        async def write(event: bytes) -> None:
            first, second = halves(event)
            await send(_body(first))
            await self._clock.sleep(_SPLIT_PAUSE_S)
            await send(_body(second))

        return write


async def send_raw(reply: RawReply, clock: Clock, seen: SeenRequest, send: Send, headers: Headers) -> None:
    """Send exactly the bytes of ``reply``.

    Raises:
        Cut: it ends with a dropped connection.
    """
    own = [(name.encode(), value.encode()) for name, value in reply.headers]
    content_type = [(b"content-type", reply.content_type.encode())] if reply.content_type else []
    await send(_start(reply.status, [*content_type, *own, *headers]))
    for chunk in reply.chunks:
        if isinstance(chunk, bytes):
            await send(_body(chunk))
            await asyncio.sleep(0)
        else:
            await clock.sleep(chunk)
    if reply.cut:
        raise Cut
    await send(_LAST)
    seen.finished = True


async def watched(
    sending: Coroutine[None, None, None],
    receive: Receive,
    seen: SeenRequest,
    running: set[asyncio.Task[None]],
) -> None:
    """Run ``sending`` until it ends or the client leaves; whichever, nothing runs afterwards.

    While it runs it stands in ``running``; who cancels it there ends the response unfinished.
    """
    sender = asyncio.create_task(sending)
    running.add(sender)
    sender.add_done_callback(running.discard)
    leaving = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait({sender, leaving}, return_when=asyncio.FIRST_COMPLETED)
        seen.disconnected = not sender.done()
    finally:
        sender.cancel()
        leaving.cancel()
        await asyncio.gather(sender, leaving, return_exceptions=True)
    if not sender.cancelled():
        sender.result()


async def respond(send: Send, status: int, body: bytes, headers: Headers) -> None:
    """Send a whole response."""
    length = (b"content-length", str(len(body)).encode())
    await send(_start(status, [length, *headers]))
    await send({"type": "http.response.body", "body": body})


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _carried(pieces: list[Piece]) -> int:
    """Return the index of the first content piece where thinking stands before it, else -1."""
    at = next((index for index, piece in enumerate(pieces) if piece.kind == "text"), 0)
    return at if at > 0 else -1


def _plain(send: Send) -> Write:
    async def write(event: bytes) -> None:
        await send(_body(event))

    return write


def _start(status: int, headers: Headers) -> dict[str, object]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def _body(data: bytes) -> dict[str, object]:
    return {"type": "http.response.body", "body": data, "more_body": True}


_LAST: dict[str, object] = {"type": "http.response.body", "body": b"", "more_body": False}
