"""The stand-in itself: an HTTP server that speaks the Bot API on 127.0.0.1."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from bots.simulator.screen import Screen
from bots.simulator.telegram.account_calls import AccountCalls
from bots.simulator.telegram.calls import ChatCalls
from bots.simulator.telegram.chats import Bot, World
from bots.simulator.telegram.errors import ApiError, too_many_requests
from bots.simulator.telegram.faults import Fault, Faults
from bots.simulator.telegram.file_calls import FileCalls
from bots.simulator.telegram.limits import Limits
from bots.simulator.telegram.params import Params, read_params
from bots.simulator.telegram.people import People
from bots.simulator.telegram.topic_calls import TopicCalls
from bots.simulator.telegram.webhook import WebhookCalls
from bots.web_server import WebServer
from core.domain.clock import Clock, SystemClock

Method: TypeAlias = Callable[[Bot, Params], Any]
BAD_GATEWAY = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>nginx</body>\r\n</html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenCall:
    """One call of a bot, as it was understood."""

    method: str  #: as the caller spelt it
    params: Mapping[str, Any]  #: JSON, numbers and flags decoded
    at: float  #: seconds of the stand-in's clock when it was decided
    status: int  #: the HTTP status it got, or would have got
    description: str = ""  #: of the refusal
    bot_id: int = 0


class TelegramSimulator(People):
    """Telegram for one test or one demo: the Bot API for bots, verbs for people, one screen.

    ``token`` is that of the first bot and begins with its id. ``latency_s`` lets that much time pass before
    each call takes effect; it may be changed later.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
        latency_s: float = 0.0,
        token: str = "1:test",  # noqa: S107 (known to nobody else)
    ) -> None:
        self.clock = clock or SystemClock()
        self.screen = Screen()
        self.faults = Faults()
        self.calls: list[SeenCall] = []
        self.latency_s = latency_s
        super().__init__(World(self.clock, limits or Limits(), self.screen))
        self.add_bot(token, "moonthread_bot", "Moonthread")
        self._webhooks = WebhookCalls(self._world)
        chat = ChatCalls(self._world)
        self._methods = {
            **_methods(chat, AccountCalls(self._world), self._webhooks),
            **FileCalls(self._world, chat).methods(),
            **TopicCalls(self._world, chat).methods(),
        }
        self._server = WebServer(self)
        self._closing = asyncio.Event()

    @property
    def api_url(self) -> str:
        """What ``TELEGRAM_API_URL`` is set to; python-telegram-bot's base_url is this + "/bot"."""
        return self._server.url

    @property
    def rich_available(self) -> bool:
        """Whether rich messages exist; a server that has none ignores the parameter."""
        return self._world.rich_available

    @rich_available.setter
    def rich_available(self, available: bool) -> None:
        self._world.rich_available = available

    @property
    def drafts_available(self) -> bool:
        """Whether ``sendMessageDraft`` exists."""
        return self._world.drafts_available

    @drafts_available.setter
    def drafts_available(self, available: bool) -> None:
        self._world.drafts_available = available

    @property
    def refused(self) -> list[SeenCall]:
        """The calls that went over a budget or fell into a penalty."""
        return [call for call in self.calls if call.status == 429]

    def flood(self, chat_id: int, seconds: float, bot: Bot | None = None) -> None:
        """Refuse every call to a chat for ``seconds``; calls meanwhile make it longer."""
        (bot or self.bot).budgets.chat(chat_id).punish(seconds, self.clock.time())

    async def __aenter__(self) -> "TelegramSimulator":
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        for bot in self._world.bots.values():
            bot.updates.close()
        await self._webhooks.close()
        await self._world.statuses.close()
        await self._server.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request (ASGI)."""
        if scope["type"] != "http":
            return
        response = await self._answer(Request(scope, receive))
        if response is None:
            await _hang_up(receive, send)
        else:
            await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response | None:
        """Return the reply; None where the connection is to be closed without one."""
        match str(request.scope["path"]).removeprefix("/").split("/"):
            case ["file", head, *rest] if bot := self._world.bots.get(head.removeprefix("bot")):
                return self._download("/".join(rest))
            case [head, method] if head.startswith("bot"):
                bot = self._world.bots.get(head.removeprefix("bot"))
            case _:
                return _refusal(ApiError(404, "Not Found"))
        if bot is None:
            return _refusal(ApiError(401, "Unauthorized"))
        handler = self._methods.get(method.lower())
        if handler is None or not self._known(method.lower()):
            return _refusal(ApiError(404, "Not Found"))
        try:
            params = await read_params(request)
        except ApiError as refused:
            return _refusal(refused)
        return await self._call(bot, method, params, handler)

    def _known(self, method: str) -> bool:
        """Tell whether this version of the server has a method."""
        available = {
            "sendrichmessage": self._world.rich_available,
            "sendmessagedraft": self._world.drafts_available,
        }
        return available.get(method, True)

    async def _call(self, bot: Bot, method: str, params: Params, handler: Method) -> Response | None:
        """Let the latency and the fault that was ordered happen around one call."""
        fault = self.faults.take(method, params)
        wait_s = self.latency_s + (fault.seconds if fault and fault.kind == "stall" else 0.0)
        if wait_s > 0:
            await self._pass(wait_s)
        match fault:
            case Fault(kind="reset"):
                self._note(bot, method, params, 0, "connection reset")
                return None
            case Fault(kind="502"):
                self._note(bot, method, params, 502, "Bad Gateway")
                return Response(BAD_GATEWAY, 502, media_type="text/html")
            case Fault(kind="429", seconds=seconds):
                refused = too_many_requests(max(1, round(seconds)))
                self._note(bot, method, params, 429, refused.description)
                return _refusal(refused)
        response = await self._run(bot, method, params, handler)
        return None if fault and fault.kind == "lost_reply" else response

    async def _run(self, bot: Bot, method: str, params: Params, handler: Method) -> Response:
        try:
            result = handler(bot, params)
            if isinstance(result, Awaitable):
                result = await result
        except ApiError as refused:
            self._note(bot, method, params, refused.code, refused.description)
            return _refusal(refused)
        self._note(bot, method, params, 200, "")
        return JSONResponse({"ok": True, "result": result})

    def _note(self, bot: Bot, method: str, params: Params, status: int, description: str) -> None:
        seen = SeenCall(
            method=method,
            params=params,
            at=self.clock.time(),
            status=status,
            description=description,
            bot_id=bot.id,
        )
        self.calls.append(seen)

    async def _pass(self, seconds: float) -> None:
        """Let time pass, but never hold up the end of the stand-in."""
        tasks = [
            asyncio.create_task(self.clock.sleep(seconds)),
            asyncio.create_task(self._closing.wait()),
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def _download(self, path: str) -> Response:
        for stored, content in self._world.files.values():
            if stored == path:
                return Response(content, media_type="application/octet-stream")
        return _refusal(ApiError(404, "Not Found"))


def _refusal(error: ApiError) -> Response:
    return JSONResponse(error.body(), error.code)


async def _hang_up(receive: Receive, send: Send) -> None:
    """Close the connection without a byte of reply.

    ASGI has no word for it. ``send`` is a method of uvicorn's request cycle, which holds the
    transport; the disconnect is awaited so that uvicorn asks for no reply any more.
    """
    transport: asyncio.Transport = send.__self__.transport  # type: ignore[attr-defined]
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass


def _methods(chat: ChatCalls, account: AccountCalls, webhook: WebhookCalls) -> dict[str, Method]:
    """Return every method by its lower-case name; the Bot API ignores case."""
    return {
        "answercallbackquery": chat.answer_callback_query,
        "deletemessage": chat.delete_message,
        "deletemycommands": account.delete_my_commands,
        "deletewebhook": webhook.delete_webhook,
        "editmessagereplymarkup": chat.edit_message_reply_markup,
        "editmessagetext": chat.edit_message_text,
        "getchat": account.get_chat,
        "getchatadministrators": account.get_chat_administrators,
        "getchatmember": account.get_chat_member,
        "getfile": account.get_file,
        "getme": account.get_me,
        "getmycommands": account.get_my_commands,
        "getupdates": account.get_updates,
        "getwebhookinfo": webhook.get_webhook_info,
        "sendchataction": chat.send_chat_action,
        "sendmessage": chat.send_message,
        "sendmessagedraft": chat.send_message_draft,
        "sendrichmessage": chat.send_rich_message,
        "setmessagereaction": chat.set_message_reaction,
        "setmycommands": account.set_my_commands,
        "setwebhook": webhook.set_webhook,
    }
