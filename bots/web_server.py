"""Serves an ASGI app on the running event loop."""

import asyncio
import contextlib
import socket
from types import TracebackType

import uvicorn
from starlette.types import ASGIApp

from bots.web_limits import BodyLimit, BoundedProtocol


class _EmbeddedServer(uvicorn.Server):
    """A uvicorn server that leaves signals to its host process and stops at once when requested."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stop_requested = asyncio.Event()

    async def main_loop(self) -> None:
        """Tick once a second; uvicorn's own loop polls for its end ten times a second."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stop_requested.wait(), timeout=1.0)

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


class WebServer:
    """Serves ``app`` on ``host:port`` until closed; port 0 chooses a free port."""

    def __init__(
        self, app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0, max_body_bytes: int | None = None
    ) -> None:
        """Serve nothing yet.

        Args:
            app: the ASGI app.
            host: an address of this machine.
            port: 0 chooses a free one.
            max_body_bytes: bounds bodies, slow clients and connections, for a port that strangers reach;
                None bounds nothing, for stand-ins on this machine.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        # asyncio sets TCP_NODELAY only if the protocol is named; without it each response on a
        # kept-alive connection waits 40 ms for the other side's delayed acknowledgement.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._host, self._requested_port = host, port
        self._server = _EmbeddedServer(
            uvicorn.Config(
                app if max_body_bytes is None else BodyLimit(app, max_bytes=max_body_bytes),
                http="auto" if max_body_bytes is None else BoundedProtocol,
                ws="auto" if max_body_bytes is None else "none",
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_graceful_shutdown=1,
            )
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The bound port."""
        return int(self._socket.getsockname()[1])

    @property
    def url(self) -> str:
        """The base address without a trailing slash."""
        return f"http://{self._host}:{self.port}"

    async def start(self) -> None:
        """Bind the address and begin to serve.

        Raises:
            OSError: the address is in use or not permitted.
        """
        self._socket.bind((self._host, self._requested_port))
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]), name="web-server")
        while not self._server.started:
            if self._task.done():
                await self._task
                raise OSError(f"the web server on {self._host}:{self._requested_port} did not start")
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        """Stop serving; open connections get one second to finish."""
        self._server.should_exit = True
        self._server.stop_requested.set()
        if self._task is not None:
            await self._task
        self._socket.close()

    async def __aenter__(self) -> "WebServer":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
