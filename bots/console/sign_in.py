"""Signing in with a link that works once, and signing out."""

import time
from collections import deque
from collections.abc import Callable
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bots.console.cookies import SessionCookies
from bots.console.forms import is_genuine, read_form
from bots.console.site import ConsoleSite, browser_language, render
from core.store import console_access

log = structlog.get_logger(__name__)

COOKIE: Final = "moonthread_console"
MAX_FAILURES: Final = 10  #: wrong links in :data:`WINDOW_S`; further ones are refused without a log line
WINDOW_S: Final = 60.0


class FailureLimit:
    """Counts failures of all visitors in a sliding window.

    It spares the log, not the links: nobody guesses 256 bits, and somebody who tries must lock nobody out.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failures: deque[float] = deque()

    def add(self) -> None:
        """Count one failure."""
        self._failures.append(self._now())

    @property
    def reached(self) -> bool:
        """Whether so many failures happened lately that a further one is not logged."""
        while self._failures and self._failures[0] <= self._now() - WINDOW_S:
            self._failures.popleft()
        return len(self._failures) >= MAX_FAILURES


class SignIn:
    """Endpoints of signing in and out."""

    def __init__(self, site: ConsoleSite, cookies: SessionCookies) -> None:
        self._site = site
        self._cookies = cookies
        self._limit = FailureLimit()

    async def explain(self, request: Request) -> Response:
        """Return how to get a link."""
        return self._message(request, "sign_in_help")

    async def confirm(self, request: Request) -> Response:
        """Return a form with one button: programs that preview links do not press it."""
        return render(
            self._site, browser_language(request), "sign_in.html", token=request.path_params["token"]
        )

    async def redeem(self, request: Request) -> Response:
        """Exchange the link for a session; a wrong one costs a read, and never the database's only writer."""
        token, session = request.path_params["token"], None
        async with self._site.database.read() as tx:
            is_link = await console_access.is_link(tx, token)
        if is_link:
            async with self._site.database.begin() as tx:
                session = await console_access.redeem_link(tx, token)
        if session is None:
            if self._limit.reached:
                return self._message(request, "too_many", 429)
            self._limit.add()
            log.warning("console.link_refused")
            return self._message(request, "link_dead", 403)
        response = RedirectResponse(f"{self._site.base_path}/", status_code=303)
        response.set_cookie(
            COOKIE,
            await self._cookies.sign(session),
            max_age=int(console_access.SESSION_TTL.total_seconds()),
            path=f"{self._site.base_path}/",
            httponly=True,
            secure=self._site.secure,
            samesite="lax",
        )
        log.info("console.signed_in")
        return response

    async def sign_out(self, request: Request) -> Response:
        """End the session, if the form carries its token."""
        token = await self._cookies.token_of(request.cookies.get(COOKIE, ""))
        async with self._site.database.begin() as tx:
            session = await console_access.load_session(tx, token)
            if session is not None:
                if not is_genuine(await read_form(request), session):
                    return self._message(request, "not_found", 403)
                await console_access.end_session(tx, token)
        response = RedirectResponse(f"{self._site.base_path}/sign-in", status_code=303)
        response.delete_cookie(COOKIE, path=f"{self._site.base_path}/")
        return response

    def _message(self, request: Request, key: str, status_code: int = 200) -> Response:
        return render(self._site, browser_language(request), "message.html", key=key, status_code=status_code)
