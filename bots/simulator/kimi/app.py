"""A strict local stand-in for Kimi's API, in Moonshot's and in Ace Data Cloud's dialect."""

import time
from collections.abc import Awaitable, Callable
from types import TracebackType

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bots.simulator.kimi.account import Account, Meter
from bots.simulator.kimi.demo_script import demo_script
from bots.simulator.kimi.endpoint import Completions, Desk, account_headers, bearer_key, parsed
from bots.simulator.kimi.files import Shelf
from bots.simulator.kimi.formulas import Formulas
from bots.simulator.kimi.host import Host
from bots.simulator.kimi.messages import check_messages, estimate_tokens
from bots.simulator.kimi.refusal import Refused
from bots.simulator.kimi.rules import model_of
from bots.simulator.kimi.script import Script, SeenRequest
from bots.web_server import WebServer
from core.domain.clock import Clock, SystemClock

Handler = Callable[[Request], Awaitable[dict[str, object] | Response]]


class KimiSimulator:
    """Kimi's API on a free port of 127.0.0.1, answering by script.

    It refuses what the real one refuses, in the same words, and keeps what it saw. Every wait
    and every limit is measured on ``clock``::

        async with KimiSimulator(script=answer_with("Hello!")) as kimi:
            ...  # base URL kimi.base_url, key "sk-test"
    """

    def __init__(
        self, *, clock: Clock | None = None, account: Account | None = None, script: Script = demo_script
    ) -> None:
        clock = clock or SystemClock()
        self._desk = Desk(clock=clock, meter=Meter(account or Account()), script=script, shelf=Shelf(clock))
        self.formulas = Formulas()
        self.counted = 0  #: how often tokens were counted
        self.app = self._made_app()
        self._server: WebServer | None = None

    @property
    def url(self) -> str:
        """The server's address, without a path.

        Raises:
            RuntimeError: it is not running.
        """
        if self._server is None:
            raise RuntimeError("the stand-in for Kimi is not running")
        return self._server.url

    @property
    def base_url(self) -> str:
        """The base URL in Moonshot's dialect, ending in ``/v1``."""
        return f"{self.url}/v1"

    @property
    def ace_url(self) -> str:
        """The base URL in Ace Data Cloud's dialect, ending in ``/kimi``."""
        return f"{self.url}/kimi"

    @property
    def requests(self) -> list[SeenRequest]:
        """Every chat completion request, in order of arrival, those that were refused too."""
        return self._desk.requests

    @property
    def refusals(self) -> list[tuple[int, str]]:
        """Every error that was answered, as (status, type)."""
        return self._desk.refusals

    @property
    def shelf(self) -> Shelf:
        """The account's files."""
        return self._desk.shelf

    @property
    def account(self) -> Account:
        """The account; a new one may be set at any time, what was counted stays."""
        return self._desk.meter.account

    @account.setter
    def account(self, account: Account) -> None:
        self._desk.meter.account = account

    @property
    def script(self) -> Script:
        """What it says; a new script may be set at any time."""
        return self._desk.script

    @script.setter
    def script(self, script: Script) -> None:
        self._desk.script = script

    @property
    def host(self) -> Host:
        """What the host refuses; may be replaced at any time."""
        return self._desk.host

    @host.setter
    def host(self, host: Host) -> None:
        self._desk.host = host

    async def start(self, *, port: int = 0) -> None:
        """Begin to serve."""
        self._server = WebServer(self.app, port=port)
        await self._server.start()

    async def close(self) -> None:
        """End all running responses and stop serving."""
        for task in tuple(self._desk.running):
            task.cancel()
        if self._server is not None:
            await self._server.close()
            self._server = None

    async def __aenter__(self) -> "KimiSimulator":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _made_app(self) -> Starlette:
        routes = [
            Route("/v1/chat/completions", Completions(self._desk, "moonshot"), methods=["POST"]),
            Route("/v1/models", self._keyed(self._models)),
            Route("/v1/users/me/balance", self._keyed(self._balance)),
            Route("/v1/tokenizers/estimate-token-count", self._keyed(self._token_count), methods=["POST"]),
            Route("/v1/files", self._keyed(self.shelf.upload), methods=["POST"]),
            Route("/v1/files", self._keyed(self.shelf.all)),
            Route("/v1/files/{file}", self._keyed(self.shelf.get)),
            Route("/v1/files/{file}", self._keyed(self.shelf.delete), methods=["DELETE"]),
            Route("/v1/files/{file}/content", self._keyed(self.shelf.content)),
            Route("/v1/formulas/{uri:path}/tools", self._keyed(self.formulas.tools)),
            Route("/v1/formulas/{uri:path}/fibers", self._keyed(self.formulas.fiber), methods=["POST"]),
            Route("/kimi/chat/completions", Completions(self._desk, "ace"), methods=["POST"]),
        ]
        return Starlette(routes=routes, exception_handlers={404: _no_such_url, 405: _no_such_url})

    def _keyed(self, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
        """Return the endpoint around ``handler``: the key checked, refusals answered."""

        async def endpoint(request: Request) -> Response:
            headers = account_headers(self.account)
            try:
                self._desk.check_key(bearer_key(request))
                answered = await handler(request)
                response = answered if isinstance(answered, Response) else _json(200, answered)
            except Refused as exc:
                refusal = exc.refusal
                self.refusals.append((refusal.status, refusal.type))
                response = _json(refusal.status, orjson.loads(refusal.moonshot_body()))
            for name, value in headers:
                response.headers[name.decode()] = value.decode()
            return response

        return endpoint

    async def _balance(self, request: Request) -> dict[str, object]:
        account = self.account
        data = {
            "available_balance": account.balance,
            "voucher_balance": account.voucher,
            "cash_balance": account.cash,
        }
        return {"code": 0, "data": data, "scode": "0x0", "status": True}

    async def _models(self, request: Request) -> dict[str, object]:
        return {"object": "list", "data": [card.listed() for card in self.account.models.values()]}

    async def _token_count(self, request: Request) -> dict[str, object]:
        body = parsed(await request.body())
        fields = body if isinstance(body, dict) else {}
        model = model_of(fields, self.account.models)
        messages = check_messages(fields.get("messages"), model=model, thinking=False)
        self.counted += 1
        return {"data": {"total_tokens": estimate_tokens(messages)}}


async def _no_such_url(request: Request, exc: Exception) -> Response:
    """Answer a wrong address: Ace's ``no_api``, or the body of Moonshot's front."""
    status = exc.status_code if isinstance(exc, HTTPException) else 404
    if request.url.path.startswith("/kimi"):
        error = {"code": "no_api", "message": "The API does not exist"}
        return _json(404, {"success": False, "error": error, "trace_id": f"trace-{time.time_ns()}"})
    fault = {"code": 5, "error": "url.not_found", "message": "没找到对象", "scode": "0x5", "status": False}
    return _json(status, fault | {"method": request.method, "url": request.url.path})


def _json(status: int, body: object) -> Response:
    return Response(orjson.dumps(body), status_code=status, media_type="application/json; charset=utf-8")
