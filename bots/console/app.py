"""The console's ASGI app: routes, who may see them, and the headers of every response."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bots.console import (
    actions_conversation,
    actions_knowledge,
    pages_activity,
    pages_chats,
    pages_knowledge,
    pages_operation,
    pages_personas,
    pages_team,
)
from bots.console.cookies import SessionCookies
from bots.console.forms import is_genuine, read_form
from bots.console.sign_in import COOKIE, SignIn
from bots.console.site import NAVIGATION, ConsoleSite, Page, Visit, browser_language, render
from core.domain.errors import StoreUnavailable
from core.inbound.console_rights import ConsoleRole
from core.store import console_access
from core.store.clock import utc_now
from core.store.console_access import ConsoleSession

log = structlog.get_logger(__name__)

PAGES: Final[Mapping[str, Page]] = MappingProxyType(
    {
        "/": pages_activity.now,
        "/conversations": pages_activity.conversations,
        "/conversations/{number}": pages_activity.conversation,
        "/turn/{number}": pages_activity.turn,
        "/desk": pages_team.desk,
        "/knowledge": pages_knowledge.knowledge_sets,
        "/knowledge/{number}": pages_knowledge.document,
        "/chats": pages_chats.chats,
        "/chats/edit": pages_chats.edit,
        "/personas": pages_personas.personas,
        "/usage": pages_operation.usage,
        "/settings": pages_operation.settings,
        "/audit": pages_operation.audit,
    }
)
ACTIONS: Final[Mapping[str, Page]] = MappingProxyType(
    {
        "/conversations/{number}/stop": actions_conversation.stop,
        "/conversations/{number}/retry": actions_conversation.retry,
        "/conversations/{number}/take": actions_conversation.take,
        "/conversations/{number}/back": actions_conversation.back,
        "/conversations/{number}/close": actions_conversation.close,
        "/conversations/{number}/answer": actions_conversation.answer,
        "/conversations/{number}/forget": actions_conversation.forget,
        "/knowledge/upload": actions_knowledge.upload,
        "/knowledge/text": actions_knowledge.add_text,
        "/knowledge/{number}/remove": actions_knowledge.remove_document,
        "/knowledge/gaps/{number}": actions_knowledge.close_gap,
        "/chats/save": pages_chats.save,
        "/chats/drop": pages_chats.drop,
        "/chats/block": pages_chats.block,
        "/chats/unblock": pages_chats.unblock,
        "/personas/save": pages_personas.save,
        "/personas/remove": pages_personas.remove,
        "/audit/end-sessions": pages_operation.end_sessions,
    }
)
"""Changes; each is a form with the session's CSRF token."""

FRAGMENTS: Final[Mapping[str, Page]] = MappingProxyType(
    {
        "/live/now": pages_activity.now_fragment,
        "/live/conversations/{number}": pages_activity.conversation_fragment,
    }
)
"""Parts of pages, fetched by the page's script; without a session they answer 401 instead of a redirect."""

CSRF_HEADER: Final = "x-csrf-token"
"""Carries the form's token if the body is a file; no other site can set it."""

_AREAS: Final[Mapping[str, str]] = MappingProxyType({"": "now", "turn": "conversations", "live": "now"})
"""Area of the console by the first part of a path, where its name is another."""

_CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = (
    ("content-security-policy", _CONTENT_SECURITY_POLICY),
    ("cache-control", "no-store"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
)

Endpoint = Callable[[Request], Awaitable[Response]]


def build_console(site: ConsoleSite) -> ASGIApp:
    """Return the app; everything but signing in and its own styles and script needs a session."""
    cookies = SessionCookies(site.database)
    sign_in, guard = SignIn(site, cookies), partial(_signed_in, site, cookies)
    routes = [
        *(Route(path, guard(path, page)) for path, page in PAGES.items()),
        *(Route(path, guard(path, page), methods=["POST"]) for path, page in ACTIONS.items()),
        *(Route(path, guard(path, page, is_fragment=True)) for path, page in FRAGMENTS.items()),
        Route("/sign-in", sign_in.explain),
        Route("/sign-in/{token}", sign_in.confirm),
        Route("/sign-in/{token}", sign_in.redeem, methods=["POST"]),
        Route("/sign-out", sign_in.sign_out, methods=["POST"]),
        Mount("/static", StaticFiles(directory=Path(__file__).with_name("static"))),
    ]

    async def not_found(request: Request, exc: Exception) -> Response:
        status = exc.status_code if isinstance(exc, HTTPException) else 404
        key = "no_right" if status == 403 else "not_found"
        return render(site, browser_language(request), "message.html", key=key, status_code=status)

    async def store_down(request: Request, exc: Exception) -> Response:
        log.warning("store.unavailable", error=str(exc))
        return render(site, browser_language(request), "message.html", key="store_down", status_code=503)

    handlers = {HTTPException: not_found, StoreUnavailable: store_down}
    return _Outermost(Starlette(routes=routes, exception_handlers=handlers), site.base_path)


def _signed_in(
    site: ConsoleSite, cookies: SessionCookies, path: str, page: Page, *, is_fragment: bool = False
) -> Endpoint:
    """Return the endpoint of a page that only people with a session and a fitting role see.

    A fragment is fetched by a page that stays open, and does not keep the session from being idle.
    """
    first = path.split("/")[1]
    roles = NAVIGATION[_AREAS.get(first, first)]

    async def endpoint(request: Request) -> Response:
        token = await cookies.token_of(request.cookies.get(COOKIE, ""))
        session = await _load_session(site, token, is_used=not is_fragment) if token else None
        if session is None:
            if is_fragment:
                return PlainTextResponse("sign in", status_code=401)
            return RedirectResponse(f"{site.base_path}/sign-in", status_code=303)
        rights = await site.load_rights(session.person)
        if rights is None:
            return render(site, browser_language(request), "message.html", key="no_rights", status_code=403)
        visit = Visit(site=site, request=request, session=session, rights=rights)
        changes = request.method == "POST"
        if rights.role not in roles or (changes and rights.role is ConsoleRole.VIEWER):
            return visit.render("message.html", key="no_right", status_code=403)
        if changes:
            sent = request.headers.get(CSRF_HEADER)
            form = await read_form(request) if sent is None else {"csrf": sent}
            if not is_genuine(form, session):
                return visit.render("message.html", key="form_stale", status_code=403)
            visit = replace(visit, form=form)
        return await page(visit)

    return endpoint


async def _load_session(site: ConsoleSite, token: str, *, is_used: bool) -> ConsoleSession | None:
    """Return the session of a token, and record that it is used."""
    async with site.database.read() as tx:
        session = await console_access.load_session(tx, token)
    if is_used and session is not None and utc_now() - session.seen_at > console_access.SEEN_EVERY:
        async with site.database.begin() as tx:
            await console_access.record_seen(tx, token)
    return session


class _Outermost:
    """Adds the headers to every response and removes a proxy's path from requests."""

    def __init__(self, app: ASGIApp, base_path: str) -> None:
        self._app, self._base_path = app, base_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if self._base_path and (path == self._base_path or path.startswith(f"{self._base_path}/")):
            scope = dict(scope, path=path[len(self._base_path) :] or "/")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in HEADERS]
                message = dict(message, headers=[*message["headers"], *added])
            await send(message)

        await self._app(scope, receive, send_with_headers)
