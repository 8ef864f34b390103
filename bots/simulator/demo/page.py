"""The page's web server: files, one stream of changes, and what a visitor does.

It listens on 127.0.0.1 only, and answers only requests that this machine's browser sends from the
page itself: other sites could otherwise read it (by DNS rebinding) or post to it.
"""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bots.console import DRAWING
from bots.simulator.demo.feed import Feed
from bots.simulator.demo.stage import NotSent, Stage, Visitor

FILES = Path(__file__).parent / "static"
BODY_LIMIT_BYTES = 2_000_000
BEAT_S = 15.0  #: a comment this often shows both sides that the stream is alive
LOCAL_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})

SECURITY: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

M = TypeVar("M", bound=BaseModel)


class _Act(BaseModel):
    model_config = ConfigDict(extra="forbid")

    visitor: int = Field(ge=0)
    platform: str = Field(pattern="^(slack|telegram)$")
    channel: str = Field(max_length=40)


class Saying(_Act):
    """What a visitor says, and where."""

    text: str = Field(max_length=400_000)
    thread: str = Field(default="", max_length=40)
    reply_to: str = Field(default="", max_length=40)


class Speaking(_Act):
    """Where a visitor sends the voice message."""

    thread: str = Field(default="", max_length=40)


class Pressing(_Act):
    """Which button a visitor presses."""

    message: str = Field(max_length=40)
    value: str = Field(max_length=2_000)


def page(stage: Stage, feed: Feed) -> ASGIApp:
    """Return the app to serve."""
    handlers = _Handlers(stage, feed)
    app = Starlette(
        routes=[
            Route("/", handlers.index),
            Route("/events", handlers.events),
            Route("/say", handlers.say, methods=["POST"]),
            Route("/speak", handlers.speak, methods=["POST"]),
            Route("/press", handlers.press, methods=["POST"]),
            Route("/kill", handlers.kill, methods=["POST"]),
            Route("/console", handlers.console),
            Mount("/static/drawing", StaticFiles(directory=DRAWING)),
            Mount("/static", StaticFiles(directory=FILES)),
        ],
        exception_handlers={NotSent: _not_sent},
    )
    return _LocalOnly(app)


class _Handlers:
    def __init__(self, stage: Stage, feed: Feed) -> None:
        self._stage, self._feed = stage, feed

    async def index(self, _: Request) -> Response:
        return FileResponse(FILES / "index.html")

    async def console(self, _: Request) -> Response:
        return RedirectResponse(await self._stage.console_link(), status_code=303)

    async def events(self, _: Request) -> Response:
        return StreamingResponse(self._changes(), media_type="text/event-stream")

    async def _changes(self) -> AsyncIterator[bytes]:
        with self._feed.subscribed() as (everything, subscription):
            yield _event({"kind": "snapshot", "world": self._stage.as_json(), **everything})
            while True:
                try:
                    change = await subscription.next(BEAT_S)
                except TimeoutError:
                    yield b": still here\n\n"
                    continue
                if change is None:
                    return
                yield _event(change)

    async def say(self, request: Request) -> Response:
        said = await _read(request, Saying)
        if not said.text.strip():
            raise NotSent("There is nothing to send yet.")
        visitor = self._visitor(said)
        if said.platform == "slack":
            number = await self._stage.say_in_slack(visitor, said.channel, said.thread, said.text)
        else:
            number = await self._stage.say_in_telegram(visitor, said.channel, said.reply_to, said.text)
        return _json({"id": number})

    async def speak(self, request: Request) -> Response:
        spoken = await _read(request, Speaking)
        visitor = self._visitor(spoken)
        number = await self._stage.speak(visitor, spoken.platform, spoken.channel, spoken.thread)
        return _json({"id": number})

    async def press(self, request: Request) -> Response:
        pressed = await _read(request, Pressing)
        visitor = self._visitor(pressed)
        await self._stage.press(pressed.platform, visitor, pressed.channel, pressed.message, pressed.value)
        return _json({})

    async def kill(self, _: Request) -> Response:
        await self._stage.kill_and_restart()
        return _json({})

    def _visitor(self, act: _Act) -> Visitor:
        if act.visitor >= len(self._stage.visitors):
            raise NotSent("There is no such visitor.")
        return self._stage.visitors[act.visitor]


async def _read(request: Request, shape: type[M]) -> M:
    """Return the body as ``shape``.

    Raises:
        NotSent: it is too long or not of that shape.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > BODY_LIMIT_BYTES:
            raise NotSent("That is too long for one message.")
    try:
        return shape.model_validate_json(body)
    except ValidationError as exc:
        raise NotSent("The page sent something that is no message.") from exc


async def _not_sent(_: Request, error: Exception) -> Response:
    return _json({"note": str(error)})  # an ordinary reply: the page shows it to the visitor


def _json(body: object) -> Response:
    return Response(orjson.dumps(body), media_type="application/json")


def _event(change: Mapping[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(change) + b"\n\n"


class _LocalOnly:
    """Refuses what does not come from the page itself, and marks every response as private."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        fault = _fault(scope["method"], Headers(scope=scope))

        async def send_private(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY)
            await send(message)

        app = PlainTextResponse(fault, 403) if fault else self._app
        await app(scope, receive, send_private)


def _fault(method: str, headers: Headers) -> str:
    """Return why a request is refused; "" where it is not."""
    host = headers.get("host", "")
    if urlsplit(f"//{host}").hostname not in LOCAL_NAMES:
        return "This page is only for this machine."
    if method in ("GET", "HEAD"):
        return ""
    if headers.get("origin", f"http://{host}") != f"http://{host}":
        return "Another site may not speak here."
    # A form of another site cannot send this type without asking first.
    if headers.get("content-type", "").partition(";")[0] != "application/json":
        return "Only JSON is taken here."
    return ""
