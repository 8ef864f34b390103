"""The endpoint of chat completions: key, rules, limits, script, response."""

import asyncio
import time
from dataclasses import dataclass, field, replace
from uuid import uuid4

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from bots.simulator.kimi.account import Account, Meter
from bots.simulator.kimi.files import Shelf
from bots.simulator.kimi.host import STRICT_KIMI, Host
from bots.simulator.kimi.models import ACE_SERVED
from bots.simulator.kimi.plan import compose
from bots.simulator.kimi.prefix_cache import PrefixCache
from bots.simulator.kimi.refusal import BAD_KEY, NO_KEY, Refusal, Refused, invalid
from bots.simulator.kimi.rules import Order, read_order
from bots.simulator.kimi.script import (
    RawReply,
    Script,
    ScriptedReply,
    SeenRequest,
    UsageShape,
    as_reply,
)
from bots.simulator.kimi.stream import Cut, Headers, Responder, respond, send_raw, watched
from bots.simulator.kimi.wire import Dialect, Wire
from core.domain.clock import Clock


@dataclass(slots=True, kw_only=True)
class Desk:
    """What all endpoints of one stand-in share."""

    clock: Clock
    meter: Meter
    script: Script
    shelf: Shelf
    host: Host = STRICT_KIMI
    cache: PrefixCache = field(default_factory=PrefixCache)
    requests: list[SeenRequest] = field(default_factory=list)
    refusals: list[tuple[int, str]] = field(default_factory=list)  #: (status, type or Ace's code)
    running: set[asyncio.Task[None]] = field(default_factory=set)

    def check_key(self, key: str) -> None:
        """Let a valid bearer key pass.

        Raises:
            Refused: it is missing or not one of the account's.
        """
        if not key:
            raise Refused(NO_KEY)
        if key not in self.meter.account.keys:
            raise Refused(BAD_KEY)

    async def refuse(self, send: Send, refusal: Refusal, dialect: Dialect, headers: Headers) -> None:
        """Answer with ``refusal`` and record it."""
        status, kind, body = refusal.status, refusal.type, refusal.moonshot_body()
        if dialect == "ace":
            status, kind, body = refusal.ace_status(), refusal.ace_code(), refusal.ace_body()
        self.refusals.append((status, kind))
        own = [(name.encode(), value.encode()) for name, value in refusal.headers]
        content_type = (b"content-type", refusal.content_type.encode())
        await respond(send, status, body, [content_type, *own, *headers])


class Completions:
    """``POST …/chat/completions`` in one dialect. An ASGI app: it must see the client leave."""

    def __init__(self, desk: Desk, dialect: Dialect) -> None:
        self._desk, self._dialect = desk, dialect

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        desk = self._desk
        request = Request(scope, receive)
        headers = account_headers(desk.meter.account)
        seen = SeenRequest(
            at=desk.clock.time(),
            path=request.url.path,
            key=bearer_key(request),
            request_id=headers[0][1].decode(),
        )
        desk.requests.append(seen)
        try:
            order = await self._admit(request, seen)
            place = _Place(desk.meter)
            try:
                seen.reply = reply = as_reply(desk.script(seen))
                if isinstance(reply, RawReply):
                    await self._send_raw(reply, seen, receive, send, headers)
                else:
                    await self._reply(order, reply, seen, place, receive, send, headers)
            finally:
                place.release()
        except ClientDisconnect:
            seen.disconnected = True
        except Refused as exc:
            seen.refusal = exc.refusal
            await desk.refuse(send, exc.refusal, self._dialect, headers)
        finally:
            seen.ended.set()

    async def _admit(self, request: Request, seen: SeenRequest) -> Order:
        """Return the order where the key, every rule and every limit let it pass."""
        raw = await request.body()
        self._desk.check_key(seen.key)
        body = parsed(raw)
        if isinstance(body, dict):
            seen.body = body
        self._desk.host.check(seen.body)
        models = self._desk.meter.account.models if self._dialect == "moonshot" else ACE_SERVED
        order = read_order(body, models)
        self._desk.shelf.check(order.messages)
        refusal = self._desk.meter.admit(order.counted_tokens, seen.at)
        if refusal is not None:
            raise Refused(refusal)
        seen.order = order
        return order

    async def _reply(
        self,
        order: Order,
        reply: ScriptedReply,
        seen: SeenRequest,
        place: "_Place",
        receive: Receive,
        send: Send,
        headers: Headers,
    ) -> None:
        if reply.faults.refuse is not None:
            waiting = self._desk.clock.sleep(reply.first_after_s)
            await watched(waiting, receive, seen, self._desk.running)
            if seen.disconnected:
                return
            raise Refused(reply.faults.refuse)
        kind = f"{order.model.id} {seen.body.get('reasoning_effort')}"
        cached = self._desk.cache.cached_tokens(kind, order.messages, order.prompt_tokens)
        plan = replace(compose(order, reply), cached_tokens=cached)
        seen.pieces = plan.pieces
        responder = Responder(
            clock=self._desk.clock,
            seen=seen,
            generated=place.release,
            reply=reply,
            plan=plan,
            wire=self._wire(order, reply),
            headers=headers,
        )
        sending = responder.stream(send) if order.stream else responder.whole(send)
        try:
            await watched(sending, receive, seen, self._desk.running)
        except Cut:
            return  # the server drops a connection whose response was not completed

    async def _send_raw(
        self, reply: RawReply, seen: SeenRequest, receive: Receive, send: Send, headers: Headers
    ) -> None:
        sending = send_raw(reply, self._desk.clock, seen, send, headers)
        try:
            await watched(sending, receive, seen, self._desk.running)
        except Cut:
            return

    def _wire(self, order: Order, reply: ScriptedReply) -> Wire:
        usage: UsageShape = "C" if order.include_usage or self._dialect == "ace" else "A"
        prefix = "cmpl" if self._dialect == "moonshot" else "msg"
        return Wire(
            id=f"{prefix}-{uuid4().hex[:24]}",
            model=order.model.id,
            created=int(time.time()),
            dialect=self._dialect,
            usage=reply.faults.usage or usage,
            faults=reply.faults,
        )


class _Place:
    """One request's place among those that run at once; given back once, however it ends."""

    def __init__(self, meter: Meter) -> None:
        self._meter: Meter | None = meter

    def release(self) -> None:
        """Give the place back, unless that was done."""
        if self._meter is not None:
            self._meter.release()
            self._meter = None


def bearer_key(request: Request) -> str:
    """Return the key of the ``Authorization`` header; "" where there is none."""
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def parsed(raw: bytes) -> object:
    """Return a request's JSON.

    Raises:
        Refused: it is none.
    """
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as exc:
        raise Refused(invalid("Invalid request: the body is not valid JSON")) from exc


def account_headers(account: Account) -> Headers:
    """Return what stands on every response; the request id, which support asks for, is first."""
    return [
        (b"msh-request-id", str(uuid4()).encode()),
        (b"x-msh-trace-id", uuid4().hex.encode()),
        (b"msh-org-id", account.organization.encode()),
        (b"msh-gid", f"tier{account.tier_number}".encode()),
    ]
