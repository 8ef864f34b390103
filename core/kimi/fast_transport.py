"""HTTP for streams: httpx's interface over aiohttp, which reads a chunk at a third of httpcore's cost.

``httpx-aiohttp`` brings the transport. This module adds what the clients rely on: a pool without a limit,
httpx's errors for every failure, and httpx's own transport behind a proxy.
"""

import ssl
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import cache, partial

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport


def build_transport(base_url: str, limits: httpx.Limits) -> httpx.AsyncBaseTransport | None:
    """Return the transport for requests to a host; None if httpx must find the way through a proxy."""
    return None if is_proxied(base_url) else FastTransport(limits=limits)


def is_proxied(base_url: str) -> bool:
    """Return whether the environment wants a proxy for requests to a host."""
    url = httpx.URL(base_url)
    proxies = urllib.request.getproxies()
    return (url.scheme in proxies or "all" in proxies) and not urllib.request.proxy_bypass(url.host)


@cache
def tls_context() -> ssl.SSLContext:
    """Return the trusted certificates, which take 30 ms to read, as httpx chooses them."""
    return httpx.create_ssl_context()


class FastTransport(AiohttpTransport):
    """A pool of connections that raises httpx's errors only."""

    def __init__(self, *, limits: httpx.Limits) -> None:
        """``limits``: ``max_connections`` None means no limit; ``keepalive_expiry`` in seconds."""
        super().__init__(verify=tls_context(), limits=limits)
        self.client = partial(self._open_session, limits)

    def _open_session(self, limits: httpx.Limits) -> aiohttp.ClientSession:
        """Return a session; it belongs to the running loop, so it is opened by the first request."""
        connector = aiohttp.TCPConnector(
            limit=limits.max_connections or 0,  # aiohttp's 0 is no limit
            keepalive_timeout=limits.keepalive_expiry or 0.0,
            ssl=self.ssl_context,
        )
        return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the head of a response; its body is read as it arrives.

        Raises:
            httpx.TransportError: there is none.
        """
        with _translated():
            response = await super().handle_async_request(request)
        if isinstance(response.stream, httpx.AsyncByteStream):
            response.stream = _Body(response.stream)
        return response


class _Body(httpx.AsyncByteStream):
    """The body of a response, with httpx's errors."""

    def __init__(self, stream: httpx.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated():
            async for chunk in self._stream:
                yield chunk

    async def aclose(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        await self._stream.aclose()


@contextmanager
def _translated() -> Iterator[None]:
    """Raise the httpx error that an error of aiohttp means.

    The transport's own table takes a refused connection for a slow one and leaves malformed responses out.
    """
    try:
        yield
    except (httpx.TransportError, aiohttp.ClientError) as exc:
        cause = exc.__cause__ if isinstance(exc, httpx.TransportError) else exc
        if not isinstance(cause, aiohttp.ClientError):
            raise
        raise _error_class(cause)(str(cause) or type(cause).__name__) from cause


def _error_class(error: aiohttp.ClientError) -> type[httpx.TransportError]:
    match error:
        case aiohttp.ConnectionTimeoutError():
            return httpx.ConnectTimeout
        case aiohttp.ServerTimeoutError():
            return httpx.ReadTimeout
        case aiohttp.InvalidURL():
            return httpx.UnsupportedProtocol
        case aiohttp.ClientConnectorError():
            return httpx.ConnectError
        case aiohttp.ClientOSError():
            return httpx.ReadError
        case _:  # disconnected, an incomplete body, a response that is no HTTP
            return httpx.RemoteProtocolError
