"""The Socket Mode connection of one app, and its replacement when it has gone silent.

The SDK keeps a connection up by itself: it pings, and replaces a socket that does not answer. Slack
allows an app up to ten sockets at once (https://docs.slack.dev/apis/events-api/using-socket-mode), so
a new one is opened before the old one is closed.
"""

import asyncio
import logging
import re
import time
from collections.abc import Callable
from typing import Final

import structlog
from aiohttp import WSMessage
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

from bots.slack.credentials import SlackConfig, is_loopback
from bots.slack.socket_outage import SocketOutage
from core.concurrency.task_set import TaskSet

log = structlog.get_logger(__name__)

_HELLO: Final = re.compile(r'\s*\{\s*"type"\s*:\s*"hello"')  #: Slack's first message over a socket
CONNECT_TIMEOUT_S: Final = 10.0  #: open() waits this long for the socket, which then connects by itself
PING_INTERVAL_S: Final = 5.0  #: a socket that broke silently is noticed and replaced after about this


class SocketModeConnection:
    """One socket, which the SDK keeps up."""

    def __init__(
        self, bolt: AsyncApp, config: SlackConfig, outage: SocketOutage, on_connected: Callable[[], None]
    ) -> None:
        """Build the client; nothing is opened yet. ``on_connected`` is called for each socket."""
        self._outage, self._on_connected = outage, on_connected
        logger = logging.Logger(f"{bolt.logger.name}.socket", logging.WARNING)  # noqa: LOG001 (of this client alone)
        logger.parent = bolt.logger
        logger.addFilter(outage)
        self._handler = AsyncSocketModeHandler(
            bolt, config.app_token, logger=logger, ping_interval=PING_INTERVAL_S
        )
        self._client = self._handler.client
        if is_loopback(config.api_url):
            self._client.proxy = None
        self._client.on_message_listeners.append(self._on_message)
        self._last_message_at = time.monotonic()
        self._connecting: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect. A connection that fails is retried forever, also after this returns."""
        connecting = self._handler.connect_async()  # type: ignore[no-untyped-call]
        self._connecting = asyncio.create_task(connecting, name="slack-connect")
        await asyncio.wait([self._connecting], timeout=CONNECT_TIMEOUT_S)

    async def is_open(self) -> bool:
        """Return whether the SDK considers the socket open."""
        return bool(await self._client.is_connected())

    def silence_s(self) -> float:
        """Return the seconds since the last message or answer to a ping."""
        silence_s = time.monotonic() - self._last_message_at
        if (pong_at := self._client.last_ping_pong_time) is not None:
            silence_s = min(silence_s, time.time() - pong_at)  # the SDK records wall-clock time
        return silence_s

    async def close(self) -> None:
        """Close the socket; one that does not answer delays this by some seconds."""
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        await self._handler.close_async()  # type: ignore[no-untyped-call]

    async def _on_message(self, message: WSMessage) -> None:
        self._last_message_at = time.monotonic()
        if isinstance(message.data, str) and _HELLO.match(message.data):
            self._outage.record_connected()
            self._on_connected()


class SocketModeReceiver:
    """Receives events over one socket at a time; :meth:`restart` replaces the socket."""

    def __init__(
        self, bolt: AsyncApp, config: SlackConfig, *, on_connected: Callable[[], None] = lambda: None
    ) -> None:
        """Build the receiver; nothing is opened yet. ``on_connected`` is called for each new socket."""
        self._bolt, self._config, self._on_connected = bolt, config, on_connected
        self._connection: SocketModeConnection | None = None
        self._outage = SocketOutage()
        self._closing = TaskSet()  # replaced sockets

    async def start(self) -> None:
        """Open a socket. A connection that fails is retried forever, also after this returns."""
        self._connection = SocketModeConnection(self._bolt, self._config, self._outage, self._on_connected)
        await self._connection.open()

    async def restart(self) -> None:
        """Open another socket, then close the present one; does nothing if there is none."""
        previous = self._connection
        if previous is not None:
            self._closing.spawn(_close_silently(previous), name="slack-close-socket")
            await self.start()

    async def stop(self) -> None:
        """Close the present socket, and wait until replaced ones are closed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()
        await self._closing.wait_idle()

    async def is_open(self) -> bool:
        """Return whether events can arrive."""
        return self._connection is not None and await self._connection.is_open()

    def silence_s(self) -> float | None:
        """Return the seconds since anything was received; None if there is no socket."""
        return None if self._connection is None else self._connection.silence_s()


async def _close_silently(connection: SocketModeConnection) -> None:
    try:
        await connection.close()
    except Exception as exc:  # noqa: BLE001 - a task's boundary: closing a dead socket may fail in any way
        log.info("slack.socket_close_failed", error=type(exc).__name__)
