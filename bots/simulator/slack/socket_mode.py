"""Socket Mode: up to ten WebSocket connections, each payload over one of them.

Follows docs.slack.dev/apis/events-api/using-socket-mode.
"""

import asyncio
import contextlib
import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from starlette.websockets import WebSocket, WebSocketDisconnect

from bots.simulator.slack.delivery import Envelope, Outcome, within
from bots.simulator.slack.records import Json
from bots.simulator.slack.workspace import APP_ID, Workspace

GRACE_S = 10.0  #: how long a connection that is to be refreshed stays open


@dataclass(eq=False, slots=True)
class _Connection:
    """One open WebSocket and the envelopes it has not acknowledged."""

    socket: WebSocket
    refreshing: bool = False
    waiting: dict[str, asyncio.Future[Outcome]] = field(default_factory=dict)


class SocketMode:
    """The connections of one app. A :class:`~bots.simulator.slack.delivery.Route`."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._tickets: set[str] = set()
        self._connections: list[_Connection] = []
        self._turn = 0
        self._changed = asyncio.Event()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    def ticket(self) -> str:
        """Return a ticket that opens one connection."""
        ticket = uuid.uuid4().hex
        self._tickets.add(ticket)
        return ticket

    async def connected(self, count: int = 1, *, fresh: bool = False) -> None:
        """Wait until ``count`` connections are open; with ``fresh``, that need no refresh."""
        await self._until(lambda: count <= sum(not (fresh and one.refreshing) for one in self._connections))

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._changed.clear()
            await self._changed.wait()

    async def serve(self, socket: WebSocket) -> None:
        """Run one connection until it closes; the ASGI endpoint."""
        ticket = socket.query_params.get("ticket", "")
        if ticket not in self._tickets:
            await socket.close(code=1008)
            return
        self._tickets.discard(ticket)
        await socket.accept()
        if self.connections >= self._workspace.limits.connections:
            await socket.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await socket.close()
            return
        await self._listen(_Connection(socket))

    async def _listen(self, connection: _Connection) -> None:
        self._connections.append(connection)
        try:
            await connection.socket.send_json(self._hello())
            self._changed.set()
            while True:
                _take_ack(connection, await connection.socket.receive_text())
        except (WebSocketDisconnect, RuntimeError):
            pass  # closed by either side; Starlette raises RuntimeError once we closed it ourselves
        finally:
            self._connections.remove(connection)
            self._changed.set()
            for waiting in connection.waiting.values():
                if not waiting.done():
                    waiting.set_result(Outcome(acked=False, reason="connection_failed"))

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": self.connections,
            "debug_info": {
                "host": "applink-stand-in",
                "build_number": 1,
                "approximate_connection_time": 3600,
            },
            "connection_info": {"app_id": APP_ID},
        }

    async def deliver(self, envelope: Envelope, *, attempt: int, reason: str) -> Outcome:
        """Send one envelope over the next connection in turn and wait for its acknowledgement."""
        connection = self._next()
        if connection is None:
            return Outcome(acked=False, reason="connection_failed")
        envelope_id = str(uuid.uuid4())
        body: Json = {
            "envelope_id": envelope_id,
            "type": envelope.kind,
            "payload": envelope.payload,
            "accepts_response_payload": envelope.kind != "events_api",
        }
        if envelope.kind == "events_api":
            body |= {"retry_attempt": attempt, "retry_reason": reason}
        waiting: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        connection.waiting[envelope_id] = waiting
        try:
            await connection.socket.send_text(json.dumps(body))
            return await within(self._workspace.clock, self._workspace.limits.ack_within_s, _result(waiting))
        except (WebSocketDisconnect, RuntimeError):
            return Outcome(acked=False, reason="connection_failed")
        except TimeoutError:
            return Outcome(acked=False, reason="timeout")
        finally:
            connection.waiting.pop(envelope_id, None)

    def _next(self) -> _Connection | None:
        able = [one for one in self._connections if not one.refreshing] or self._connections
        if not able:
            return None
        self._turn += 1
        return able[self._turn % len(able)]

    async def refresh(self) -> None:
        """Ask every connection to be replaced, and close each some seconds later."""
        for connection in list(self._connections):
            connection.refreshing = True
            await connection.socket.send_json(
                {
                    "type": "disconnect",
                    "reason": "refresh_requested",
                    "debug_info": {"host": "applink-stand-in"},
                }
            )
            self._workspace.background(self._close_after(connection, GRACE_S))

    async def drop(self) -> None:
        """Break every connection without a word, as a failing network does."""
        for connection in list(self._connections):
            connection.socket.scope["state"]["transport"].abort()
        await self._until(lambda: not self._connections)

    def freeze(self, *, frozen: bool = True) -> None:
        """Keep every connection open and read nothing on it, not even a ping; or go on."""
        for connection in self._connections:
            transport = connection.socket.scope["state"]["transport"]
            (transport.pause_reading if frozen else transport.resume_reading)()

    async def close(self) -> None:
        """Say goodbye on every connection; one that does not answer within a second is broken."""
        for connection in list(self._connections):
            await self._close_after(connection, 0)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._until(lambda: not self._connections), timeout=1.0)
        await self.drop()

    async def _close_after(self, connection: _Connection, delay_s: float) -> None:
        if delay_s:
            await self._workspace.clock.sleep(delay_s)
        if connection in self._connections:
            with contextlib.suppress(RuntimeError):  # the other side closed first
                await connection.socket.close(code=1001)


async def _result(waiting: asyncio.Future[Outcome]) -> Outcome:
    return await waiting


def _take_ack(connection: _Connection, text: str) -> None:
    match json.loads(text):
        case {"envelope_id": str(envelope_id), **rest}:
            waiting = connection.waiting.get(envelope_id)
            payload = rest.get("payload")
            if waiting is not None and not waiting.done():
                waiting.set_result(Outcome(acked=True, reply=payload if isinstance(payload, dict) else None))
