"""Bounds on what anybody who reaches the HTTP port can make it hold: bodies, slow clients, connections."""

import asyncio
import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, ClassVar, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

log = structlog.get_logger(__name__)

MAX_BODY_BYTES: Final = 1024 * 1024  #: Slack's and Telegram's largest events are a tenth of it
BODY_TIMEOUT_S: Final = 10.0  #: for a whole body, and longer only as long as it arrives quickly enough:
MIN_BODY_BYTES_PER_S: Final = 16 * 1024
HEADER_TIMEOUT_S: Final = 10.0  #: from a connection's first byte, or from the last response, to whole headers
MAX_CONNECTIONS: Final = 512  #: half of the descriptors that a process has by default
LOG_EVERY_S: Final = 60.0
_ERRORS_ONLY = logging.getLogger("moonthread.web")
_ERRORS_ONLY.setLevel(logging.ERROR)


class RefusalLog:
    """Logs refused requests: one line a minute, with the number of those that were not logged."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """``now`` returns seconds."""
        self._now = now
        self._logged_at = float("-inf")
        self._omitted = 0

    def note(self, reason: str) -> None:
        """Log one refusal, or count it; ``reason`` is one of ours and quotes nothing of the request."""
        now = self._now()
        if now - self._logged_at < LOG_EVERY_S:
            self._omitted += 1
            return
        log.warning("web.request_refused", reason=reason, omitted=self._omitted)
        self._logged_at, self._omitted = now, 0


class BodyLimit:
    """ASGI middleware that counts a request's body while the app reads it.

    The app's read raises an :class:`HTTPException`, which Starlette's routes turn into a response: 413 for a
    body of too many bytes, 408 for one that arrives too slowly. What the app does not read is not read.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int, timeout_s: float = BODY_TIMEOUT_S) -> None:
        """Wrap ``app``."""
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._refusals = RefusalLog()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "http":
            receive = self._counted(scope, receive)
        await self._app(scope, receive, send)

    def _counted(self, scope: Scope, receive: Receive) -> Receive:
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        read_bytes = int(announced[:20]) if announced.isdigit() else 0
        read_bytes = read_bytes if read_bytes > self._max_bytes else 0
        began_at: float | None = None
        arrived_bytes = 0
        is_complete = False

        async def receive_counted() -> Message:
            nonlocal read_bytes, arrived_bytes, began_at, is_complete
            if is_complete:
                return await receive()
            if read_bytes > self._max_bytes:
                raise self._refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            began_at = began_at or asyncio.get_running_loop().time()
            allowed_s = self._timeout_s + arrived_bytes / MIN_BODY_BYTES_PER_S
            try:
                async with asyncio.timeout_at(began_at + allowed_s):
                    message = await receive()
            except TimeoutError as exc:
                raise self._refused(HTTPStatus.REQUEST_TIMEOUT) from exc
            arrived_bytes += len(message.get("body", b""))
            read_bytes = max(read_bytes, arrived_bytes)
            if read_bytes > self._max_bytes:
                raise self._refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            is_complete = message["type"] != "http.request" or not message.get("more_body", False)
            return message

        return receive_counted

    def _refused(self, status: HTTPStatus) -> HTTPException:
        self._refusals.note(status.phrase)
        return HTTPException(status, headers={"Connection": "close"})


class BoundedProtocol(H11Protocol):
    """uvicorn's protocol with a time limit for headers, which it has not, and a bound on connections."""

    refusals: ClassVar = RefusalLog()
    _header_timer: asyncio.TimerHandle | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take uvicorn's arguments; its line for each malformed request becomes one a minute."""
        super().__init__(*args, **kwargs)
        self.logger = _ERRORS_ONLY

    def send_400_response(self, msg: str) -> None:
        """Refuse requests that are no HTTP."""
        self.refusals.note("malformed HTTP")
        super().send_400_response(msg)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            self.refusals.note("too many connections")
            transport.abort()
            return
        self._start_header_timer()

    def data_received(self, data: bytes) -> None:
        """Pass bytes on; stop the timer once a request is being handled."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_header_timer()
        elif self._header_timer is None:
            self._start_header_timer()

    def on_response_complete(self) -> None:
        """Let the client begin another request."""
        super().on_response_complete()
        if self._header_timer is None and not self.transport.is_closing():
            self._start_header_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_header_timer()
        super().connection_lost(exc)

    def _start_header_timer(self) -> None:
        self._header_timer = self.loop.call_later(HEADER_TIMEOUT_S, self._close_slow_client)

    def _stop_header_timer(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _close_slow_client(self) -> None:
        self._header_timer = None
        if self.transport.is_closing():
            return
        if self.conn.trailing_data[0]:  # else a client that only keeps a connection, as browsers do
            self.refusals.note("no headers in time")
        self.transport.close()
