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
from core.kimi.transport import (
    DRAIN_S,
    ERROR_BODY_S,
    MAX_BODY_BYTES,
    MAX_ERROR_BYTES,
    body_too_large,
    connection_error,
    read_chunks,
    timeout_error,
)

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
        self._idle_s, self._whole_s = timeouts.idle_s, timeouts.whole_s
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
        self._chunks = read_chunks(self.response)
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
        """Return the rest of the body, of at most ``MAX_BODY_BYTES``.

        Raises:
            KimiError: it is larger, it did not come in time, or the connection broke.
        """
        body = bytearray()
        async for chunk in self._read_within(self._whole_s):
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise body_too_large(MAX_BODY_BYTES, request_id=self.request_id)
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
            async for chunk in self._read_within(ERROR_BODY_S):
                body += chunk
                if len(body) >= MAX_ERROR_BYTES:
                    break
        return bytes(body)

    async def _read_within(self, total_s: float) -> AsyncIterator[bytes]:
        """Yield the chunks of a body that has to end within some seconds, however steadily it arrives.

        Raises:
            KimiTimeout: it does not.
        """
        ends_at = self._timer.deadline_in(total_s)
        while chunk := await self.read():
            yield chunk
            if self._timer.deadline_in(0.0) > ends_at:
                raise timeout_error("whole", total_s, request_id=self.request_id)

    async def _wait(self, awaited: Awaitable[T]) -> T:
        try:
            return await self._timer.wait(awaited, deadline=self._deadline)
        except TimeoutError as exc:
            raise timeout_error(self._phase, self._limit_s, request_id=self.request_id) from exc
        except httpx.RequestError as exc:
            raise connection_error(exc, self._phase, self._endpoint, request_id=self.request_id) from exc
