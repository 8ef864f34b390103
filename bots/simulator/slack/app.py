"""The ASGI app: decodes a call, checks token, rate and scope, applies faults, and replies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from bots.simulator.slack.faults import Fault, Faults
from bots.simulator.slack.limits import Meter
from bots.simulator.slack.methods import APP_SCOPES, BOT_SCOPES, METHODS, Method, check_scopes
from bots.simulator.slack.params import Params, params_of
from bots.simulator.slack.records import Json
from bots.simulator.slack.response_urls import ResponseUrls
from bots.simulator.slack.rules import SlackRefusal
from bots.simulator.slack.socket_mode import SocketMode
from bots.simulator.slack.workspace import APP_ID, Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCall:
    """One Web API call as it came in and what became of it."""

    method: str
    team: str
    params: Mapping[str, Any]
    at: float  #: seconds of the stand-in's clock
    error: str = ""  #: Slack's error code; "" for a success, "503", "reset", "lost_reply" for faults


@dataclass(slots=True, kw_only=True)
class Account:
    """The app's credentials and grants."""

    bot_token: str = "xoxb-test"  # noqa: S105 - a made-up token of the stand-in
    app_token: str = "xapp-test"  # noqa: S105
    signing_secret: str = "signing-test"  # noqa: S105
    scopes: frozenset[str] = BOT_SCOPES


@dataclass(slots=True)
class SlackApp:
    """The stand-in's HTTP side."""

    workspace: Workspace
    account: Account
    meter: Meter
    faults: Faults
    sockets: SocketMode
    replies: ResponseUrls
    latency_s: float = 0.0
    base_url: str = ""
    calls: list[SeenCall] = field(default_factory=list)
    refused: list[SeenCall] = field(default_factory=list)

    def asgi(self) -> "_Edge":
        """Return the app to serve."""
        return _Edge(
            Starlette(
                routes=[
                    Route("/api/{method}", self._call, methods=["GET", "POST"]),
                    Route("/response/{key}", self._respond, methods=["POST"]),
                    Route("/files/{file}", self._file, methods=["GET"]),
                    Route("/upload/{secret}", self._upload, methods=["POST"]),
                    WebSocketRoute("/link", self.sockets.serve),
                ]
            )
        )

    async def _call(self, request: Request) -> Response:
        method = request.path_params["method"]
        try:
            params = await params_of(request)
        except SlackRefusal as refusal:
            return _json({"ok": False, "error": refusal.error})
        fault = self.faults.take(method, params.values)
        if self.latency_s and not await self.workspace.pause(self.latency_s):
            return _Dropped()
        if fault is not None and fault.kind != "lost_reply":
            early = await self._strike(fault, method, params)
            if early is not None:
                return early
        response = self._answer(method, _token(request, params), params)
        if fault is not None and fault.kind == "lost_reply":
            return _Dropped()
        return response

    async def _strike(self, fault: Fault, method: str, params: Params) -> Response | None:
        """Do what a fault does before the call; None where the call goes on."""
        match fault.kind:
            case "stall":
                return None if await self.workspace.pause(fault.seconds) else _Dropped()
            case "429":
                return self._limited(method, params, int(fault.seconds))
            case "error":
                self._note(method, params, fault.error)
                return _json({"ok": False, "error": fault.error})
            case "reset":
                self._note(method, params, "reset")
                return _Dropped()
            case _:
                self._note(method, params, "503")
                return PlainTextResponse("upstream connect error", status_code=503)

    def _answer(self, method: str, token: str, params: Params) -> Response:
        """Run one call and note it."""
        try:
            known = self._known(method)
            granted = self._granted(method, token)
            channel = params.text("channel") or params.text("channel_id") or ""
            wait_s = self.meter.refuse_for_s(
                method, self.workspace.team, channel, self.workspace.clock.time()
            )
            if wait_s:
                return self._limited(method, params, wait_s)
            if known is None:
                body = self._open_connection()
            else:
                check_scopes(method, known.scopes, granted, params, self.workspace)
                body = known.run(self.workspace, params)
        except SlackRefusal as refusal:
            self._note(method, params, refusal.error)
            return _json({"ok": False, "error": refusal.error, **refusal.extra})
        self._note(method, params, "")
        return _json({"ok": True, **body}, {"x-oauth-scopes": ",".join(sorted(granted))})

    def _open_connection(self) -> Json:
        """apps.connections.open."""
        address = self.base_url.replace("http", "ws", 1)
        return {"url": f"{address}/link?ticket={self.sockets.ticket()}&app_id={APP_ID}"}

    def _known(self, method: str) -> Method | None:
        """Return the method; None for apps.connections.open, which is about the server itself."""
        if method == "apps.connections.open":
            return None
        streams = method in ("chat.startStream", "chat.appendStream", "chat.stopStream")
        if method not in METHODS or (streams and not self.workspace.streaming_available):
            raise SlackRefusal("unknown_method", req_method=method)
        if method.startswith("assistant.threads.") and not self.workspace.assistant_threads_available:
            raise SlackRefusal("method_deprecated")
        return METHODS[method]

    def _granted(self, method: str, token: str) -> frozenset[str]:
        """Return the token's scopes."""
        if not token and method != "api.test":
            raise SlackRefusal("not_authed")
        if method == "api.test":
            return self.account.scopes
        wants_app_token = method == "apps.connections.open"
        match token:
            case self.account.app_token if wants_app_token:
                return APP_SCOPES
            case self.account.bot_token if not wants_app_token:
                return self.account.scopes
            case self.account.app_token | self.account.bot_token:
                raise SlackRefusal("not_allowed_token_type")
        raise SlackRefusal("invalid_auth")

    def _limited(self, method: str, params: Params, wait_s: int) -> Response:
        self.refused.append(self._note(method, params, "ratelimited"))
        return _json({"ok": False, "error": "ratelimited"}, {"Retry-After": str(wait_s)}, status=429)

    def _note(self, method: str, params: Params, error: str) -> SeenCall:
        shown = {key: value for key, value in params.values.items() if key != "token"}
        seen = SeenCall(
            method=method,
            team=self.workspace.team,
            params=shown,
            at=self.workspace.clock.time(),
            error=error,
        )
        self.calls.append(seen)
        return seen

    async def _respond(self, request: Request) -> Response:
        """A response_url: accepts JSON, answers "ok"."""
        try:
            params = await params_of(request)
            self.replies.use(request.path_params["key"], params)
        except SlackRefusal as refusal:
            return _json({"ok": False, "error": refusal.error}, status=404)
        return PlainTextResponse("ok")

    async def _upload(self, request: Request) -> Response:
        """Take the bytes of a file at the address that was given out for it."""
        upload = self.workspace.uploads.get(request.path_params["secret"])
        fault = self.faults.take("upload", {"name": upload.name if upload else ""})
        if fault is not None:
            return PlainTextResponse("try again", status_code=429 if fault.kind == "429" else 503)
        content = await request.body()
        if upload is None or len(content) != upload.length:
            return PlainTextResponse("no such upload, or another length", status_code=400)
        upload.content = content
        return PlainTextResponse(f"OK - {len(content)}")

    async def _file(self, request: Request) -> Response:
        """A file's url_private: without a good token Slack shows its login page."""
        found = self.workspace.files.get(request.path_params["file"])
        if found is None:
            return PlainTextResponse("not found", status_code=404)
        allowed = "files:read" in self.account.scopes
        if not allowed or _token(request, Params({})) != self.account.bot_token:
            return HTMLResponse("<!DOCTYPE html><html><title>Sign in | Slack</title></html>")
        return Response(found[1], media_type=found[0]["mimetype"])


def _token(request: Request, params: Params) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    return "" if params.from_json else params.text("token") or ""


def _json(body: Json, headers: Mapping[str, str] | None = None, *, status: int = 200) -> Response:
    return JSONResponse(body, status_code=status, headers=headers)


class _Dropped(Response):
    """No answer at all: the connection breaks."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["transport"].abort()
        while (await receive())["type"] != "http.disconnect":
            pass


class _Edge:
    """The outermost app: keeps hold of the connection, so that a fault can break it."""

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # ASGI has no word for "drop the connection"; uvicorn's cycle, which owns send, has.
        transport = getattr(getattr(send, "__self__", None), "transport", None)
        scope.setdefault("state", {})["transport"] = transport
        await self._app(scope, receive, send)
