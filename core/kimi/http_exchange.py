"""One HTTP exchange of the asynchronous client: limits every wait, raises only Kimi's errors."""

import contextlib
from collections.abc import AsyncIterator, Awaitable
from types import TracebackType
from typing import TypeVar

import httpx

from core.domain.clock import Clock
from core.kimi.api_errors import KimiError, Phase
from core.kimi.deadline_timer import DeadlineTimer
from core.kimi.endpoint import Endpoint
from core.kimi.error_mapping import EndpointKind, error_from_response, request_id_from
from core.kimi.retry_policy import Timeouts
from core.kimi.transport import DRAIN_S, MAX_ERROR_BYTES, connection_error, is_compressed, timeout_error

T = TypeVar("T")


class HttpExchange:
    """Sends one request and reads its response; leaving the block releases the connection.

    The phase names the current wait: "first_byte" becomes "idle" with the first byte of the body,
    "whole" stays.
    """

    def __init__(
        self, http: httpx.AsyncClient, endpoint: Endpoint, clock: Clock, timeouts: Timeouts, phase: Phase
    ) -> None:
        self.response: httpx.Response
        self.request_id = ""
        self._http = http
        self._endpoint = endpoint
        self._timer = DeadlineTimer(clock)
        self._phase = phase
        self._limit_s = timeouts.whole_s if phase == "whole" else timeouts.first_byte_s
        self._idle_s = timeouts.idle_s
        self._deadline = self._timer.deadline_in(self._limit_s)
        self._chunks: AsyncIterator[bytes]
        self._exit_stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> "HttpExchange":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.stop()
        await self._exit_stack.aclose()

    async def send(self, request: httpx.Request, *, endpoint_kind: EndpointKind) -> None:
        """Send the request and wait for the head of a successful response.

        Raises:
            KimiError: there is none.
        """
        self.response = await self._wait(self._http.send(request, stream=True))
        self._exit_stack.push_async_callback(self.response.aclose)
        self.request_id = request_id_from(self.response.headers)
        self._chunks = (
            self.response.aiter_bytes() if is_compressed(self.response) else self.response.aiter_raw()
        )
        if not self.response.is_success:
            raise error_from_response(
                self.response.status_code,
                self.response.headers,
                await self._error_body(),
                endpoint_kind=endpoint_kind,
                secrets=self._endpoint.secrets,
            )

    async def read(self) -> bytes:
        """Return the next bytes of the body as they arrived; b"" at its end.

        Raises:
            KimiError: nothing came in time, or the connection broke.
        """
        if self._phase == "idle":
            self._deadline = self._timer.deadline_in(self._idle_s)
        chunk = await self._wait(anext(self._chunks, b""))
        if chunk and self._phase == "first_byte":
            self._phase, self._limit_s = "idle", self._idle_s
        return chunk

    async def read_all(self) -> bytes:
        """Return the rest of the body.

        Raises:
            KimiError: nothing came in time, or the connection broke.
        """
        body = bytearray()
        while chunk := await self.read():
            body += chunk
        return bytes(body)

    def limit_idle(self, idle_s: float) -> None:
        """Wait at most ``idle_s`` seconds for each further read."""
        self._idle_s = self._limit_s = min(self._idle_s, idle_s)

    async def drain(self) -> None:
        """Wait a moment for the end of the body, so that the connection can serve the next call."""
        self._phase, self._idle_s = "idle", DRAIN_S
        with contextlib.suppress(KimiError):
            while await self.read():
                pass

    async def _error_body(self) -> bytes:
        body = bytearray()
        with contextlib.suppress(KimiError):  # the status alone says enough
            while len(body) < MAX_ERROR_BYTES and (chunk := await self.read()):
                body += chunk
        return bytes(body)

    async def _wait(self, awaited: Awaitable[T]) -> T:
        try:
            return await self._timer.wait(awaited, deadline=self._deadline)
        except TimeoutError as exc:
            raise timeout_error(self._phase, self._limit_s, request_id=self.request_id) from exc
        except httpx.RequestError as exc:
            raise connection_error(exc, self._phase, self._endpoint, request_id=self.request_id) from exc
