"""Who may see the console: links that work once, sessions, forms, headers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy import text as sql
from structlog.testing import capture_logs

from bots.console.app import FRAGMENTS, PAGES
from bots.console.sign_in import MAX_FAILURES, WINDOW_S, FailureLimit
from bots.console.site import ConsoleSite
from core.store import console_access, schema
from core.store.clock import utc_now
from tests.bots.console.conftest import browser_of


@pytest.mark.parametrize("path", [path.replace("{number}", "1") for path in PAGES])
async def test_no_page_is_shown_without_a_session(visitor: Any, path: str) -> None:
    """Every page leads to the explanation of how to sign in."""
    answer = await visitor.get(path)

    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    assert "moonthread console" in (await visitor.get("/sign-in")).text


@pytest.mark.parametrize("path", [path.replace("{number}", "1") for path in FRAGMENTS])
async def test_no_fragment_is_shown_without_a_session(visitor: Any, path: str) -> None:
    """The page's script is told that the session has ended."""
    assert (await visitor.get(path)).status_code == 401


async def test_a_link_works_once(visitor: Any, site: ConsoleSite) -> None:
    """Looking at the link uses nothing up, so that previews do no harm; the button does, once."""
    token = await visitor.link()
    assert (await visitor.get(f"/sign-in/{token}")).status_code == 200

    first = await visitor.post(f"/sign-in/{token}")
    second = await browser_of(site).post(f"/sign-in/{token}")

    assert (first.status_code, second.status_code) == (303, 403)
    assert (await visitor.get("/")).status_code == 200
    cookie = first.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=lax", "path=/"))


async def test_a_cookie_without_our_signature_is_none(browser: Any) -> None:
    """A cookie with a wrong signature, or the token alone, opens nothing; no query is made for it."""
    token, _, signature = browser.http.cookies["moonthread_console"].partition(".")
    for cookie in (token, f"{token}.", f"{token}.{signature[::-1]}", f"x{token}.{signature}", f"{token}.é"):
        browser.http.cookies.clear()
        answer = await browser.http.get("/", headers={"cookie": f"moonthread_console={cookie}".encode()})
        assert answer.status_code == 303


async def test_a_page_that_is_left_open_does_not_keep_its_session(browser: Any, site: ConsoleSite) -> None:
    """Opening a page counts as use, once a minute; what an open page fetches by itself does not."""
    for seen_at, path, counts in (
        (utc_now() - timedelta(minutes=29), "/live/now", False),
        (utc_now() - timedelta(minutes=29), "/", True),
        (utc_now() - timedelta(seconds=30), "/", False),
    ):
        async with site.database.begin() as tx:
            await tx.execute(update(schema.console_sessions).values(seen_at=seen_at))
        assert (await browser.get(path)).status_code == 200
        async with site.database.read() as tx:
            stored = (await tx.execute(select(schema.console_sessions.c.seen_at))).scalar_one()
        assert (stored > seen_at) is counts


async def test_a_link_that_is_too_old_is_refused(visitor: Any, site: ConsoleSite) -> None:
    """Ten minutes after it was made nothing comes of it."""
    token = await visitor.link()
    async with site.database.begin() as tx:
        await tx.execute(sql("UPDATE console_links SET expires_at = '2020-01-01 00:00:00'"))

    assert (await visitor.post(f"/sign-in/{token}")).status_code == 403


async def test_a_session_ends_by_its_time_and_by_command(browser: Any, site: ConsoleSite) -> None:
    """An old session and one that the operator ended lead to the sign-in page."""
    async with site.database.begin() as tx:
        await tx.execute(sql("UPDATE console_sessions SET expires_at = '2020-01-01 00:00:00'"))
    assert (await browser.get("/")).status_code == 303

    await browser.sign_in()
    async with site.database.begin() as tx:
        await tx.execute(sql("UPDATE console_sessions SET seen_at = '2020-01-01 00:00:00'"))
    assert (await browser.get("/")).status_code == 303  # idle for more than half an hour

    await browser.sign_in()
    async with site.database.begin() as tx:
        assert await console_access.end_all_sessions(tx) == 1
    assert (await browser.get("/")).status_code == 303


async def test_signing_out_needs_the_token_of_the_form(browser: Any) -> None:
    """Another site that posts the form without the token ends nothing."""
    assert (await browser.post("/sign-out", csrf="guessed")).status_code == 403
    assert (await browser.get("/")).status_code == 200

    assert (await browser.post("/sign-out", csrf=await browser.csrf_token())).status_code == 303
    assert (await browser.get("/")).status_code == 303


async def test_the_database_holds_no_token(browser: Any, site: ConsoleSite) -> None:
    """A copy of the database opens no console."""
    token = await browser.link()
    async with site.database.read() as tx:
        stored = [*await tx.execute(sql("SELECT token_hash FROM console_links"))]
        stored += [*await tx.execute(sql("SELECT token_hash FROM console_sessions"))]

    tokens = {token, *browser.http.cookies.values()}
    assert len(stored) == 2
    assert tokens.isdisjoint(row.token_hash for row in stored)


async def test_wrong_links_are_limited(visitor: Any) -> None:
    """Ten wrong links are logged in a minute; whoever sends more locks nobody else out."""
    with capture_logs() as lines:
        for _ in range(MAX_FAILURES):
            assert (await visitor.post("/sign-in/wrong")).status_code == 403
        assert (await visitor.post("/sign-in/wrong")).status_code == 429
    assert [line["event"] for line in lines] == ["console.link_refused"] * MAX_FAILURES

    assert (await visitor.post(f"/sign-in/{await visitor.link()}")).status_code == 303


def test_failures_are_forgotten_after_a_minute() -> None:
    """The window slides."""
    now = [0.0]
    limit = FailureLimit(lambda: now[0])
    for _ in range(MAX_FAILURES):
        limit.add()

    assert limit.reached
    now[0] = WINDOW_S
    assert not limit.reached


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nothing", "/static/console.css"])
async def test_every_response_has_the_headers(browser: Any, path: str) -> None:
    """No inline script, no foreign source, no frame, no cache, no referrer."""
    headers = (await browser.get(path)).headers

    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"


async def test_it_works_below_a_proxys_path(site: ConsoleSite) -> None:
    """Links, cookies and redirects carry the path, whether the proxy removes it from requests or not."""
    browser = browser_of(replace(site, base_path="/console", secure=True))
    signed_in = await browser.sign_in()
    page = await browser.get("/")
    stripped = await browser.http.get("/usage")

    assert signed_in.headers["location"] == "/console/"
    assert "path=/console/" in signed_in.headers["set-cookie"].lower()
    assert "secure" in signed_in.headers["set-cookie"].lower()
    assert 'href="/console/usage"' in page.text
    assert 'href="/usage"' not in page.text
    assert stripped.headers["location"] == "/console/sign-in"
