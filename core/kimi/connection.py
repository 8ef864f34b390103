"""Connections to one provider, shared by its chat and its files API."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx

from core.domain.clock import Clock
from core.kimi.api_errors import KimiError, Phase
from core.kimi.endpoint import Endpoint
from core.kimi.error_mapping import EndpointKind
from core.kimi.fast_transport import build_transport
from core.kimi.http_exchange import HttpExchange
from core.kimi.retry_policy import RetryPolicy, Timeouts
from core.kimi.transport import CONNECTION_LIMITS, OnRetry, Retries

T = TypeVar("T")


class Connection:
    """A pool of HTTP connections with the key, the timeouts and the clock of one client."""

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        timeouts: Timeouts,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.clock = clock
        self._timeouts = timeouts
        self._http = httpx.AsyncClient(
            headers=endpoint.headers,
            timeout=httpx.Timeout(None, connect=timeouts.connect_s),
            limits=CONNECTION_LIMITS,
            transport=transport or build_transport(endpoint.base_url, CONNECTION_LIMITS),
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    def build_request(self, method: str, url: str, **content: Any) -> httpx.Request:
        """Return a request; ``content`` are httpx's arguments for body and headers."""
        return self._http.build_request(method, url, **content)

    def exchange(self, phase: Phase) -> HttpExchange:
        """Return an exchange of one request, to be used as a block; ``phase`` names its first wait."""
        return HttpExchange(self._http, self.endpoint, self.clock, self._timeouts, phase)

    async def fetch(
        self, request: httpx.Request, *, endpoint_kind: EndpointKind, phase: Phase = "first_byte"
    ) -> tuple[bytes, str]:
        """Send a request once; return the body of the response and the id of the request.

        Raises:
            KimiError: there is no successful response.
        """
        async with self.exchange(phase) as exchange:
            await exchange.send(request, endpoint_kind=endpoint_kind)
            return await exchange.read_all(), exchange.request_id

    async def with_retries(
        self, operation: Callable[[], Awaitable[T]], policy: RetryPolicy, on_retry: OnRetry | None = None
    ) -> T:
        """Return what ``operation`` returns, tried again while ``policy`` allows it.

        Raises:
            KimiError: the failure was final.
        """
        retries = self.retries(policy, on_retry)
        while True:
            try:
                return await operation()
            except KimiError as error:
                await self.clock.sleep(retries.wait_s(error))

    def retries(self, policy: RetryPolicy, on_retry: OnRetry | None) -> Retries:
        """Return the retries of one call that begins now."""
        return Retries(policy, self.clock.time, on_retry)
