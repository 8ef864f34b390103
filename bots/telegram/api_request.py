"""HTTP for calls of the Bot API: aiohttp, which needs a quarter of the processor that httpx does.

Uploads, and calls behind a proxy, go python-telegram-bot's own way.
"""

from typing import Any, Final

import aiohttp
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, HTTPXRequest, RequestData

from core.kimi.fast_transport import is_proxied, tls_context

KEEPALIVE_S: Final = 5.0  #: that a connection rests before it is closed, as with httpx


class ApiRequest(HTTPXRequest):
    """Connections to a Bot API server."""

    def __init__(
        self, api_url: str, *, connections: int, call_timeout_s: float, connect_timeout_s: float
    ) -> None:
        super().__init__(
            connection_pool_size=connections,
            read_timeout=call_timeout_s,
            write_timeout=call_timeout_s,
            connect_timeout=connect_timeout_s,
            pool_timeout=connect_timeout_s,
            httpx_kwargs={"verify": tls_context()},
        )
        self._is_proxied = is_proxied(api_url)
        self._connections = connections
        self._connect_timeout_s = connect_timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def shutdown(self) -> None:
        """Close every connection."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        await super().shutdown()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Return a response's status and body.

        Raises:
            TimedOut: the server did not answer in time; the cause says whether it was reached.
            NetworkError: there is no response. Its text has no address, which holds the token.
        """
        has_files = request_data is not None and request_data.contains_files
        if has_files or self._is_proxied:
            return await super().do_request(
                url, method, request_data, read_timeout, write_timeout, connect_timeout, pool_timeout
            )
        if read_timeout is BaseRequest.DEFAULT_NONE:
            read_timeout = self.read_timeout
        try:
            async with self._open().request(
                method,
                url,
                data=request_data.json_parameters if request_data is not None else None,
                headers={"User-Agent": self.USER_AGENT},
                timeout=aiohttp.ClientTimeout(connect=self._connect_timeout_s, sock_read=read_timeout),
                allow_redirects=False,
            ) as response:
                return response.status, await response.read()
        except aiohttp.ServerTimeoutError as exc:
            raise TimedOut from exc
        except aiohttp.ClientError as exc:
            reason = str(exc) if isinstance(exc, aiohttp.ClientConnectorError) else ""
            raise NetworkError(": ".join(filter(None, (type(exc).__name__, reason)))) from exc

    def _open(self) -> aiohttp.ClientSession:
        """Return the session; it belongs to the running loop, so it is opened by the first call."""
        if self._session is None:
            connector = aiohttp.TCPConnector(
                limit=self._connections, keepalive_timeout=KEEPALIVE_S, ssl=tls_context()
            )
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session
