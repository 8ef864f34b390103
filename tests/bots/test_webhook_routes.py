"""Forms of a webhook's path."""

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from bots.webhook_routes import webhook_routes


async def accept(_: Request) -> Response:
    """Answer as a webhook does."""
    return PlainTextResponse("stored")


async def request(method: str, path: str) -> httpx.Response:
    """Return the response of an app with one webhook, without following redirects."""
    app = Starlette(routes=webhook_routes("/slack/events", accept))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bot") as client:
        return await client.request(method, path)


@pytest.mark.parametrize(
    "path", ["/slack/events", "/slack/events/", "/bots/slack/events", "/a/b/slack/events/"]
)
async def test_an_event_is_taken_with_a_slash_or_a_prefix(path: str) -> None:
    """We chose: people paste a slash, proxies pass their prefix on, and platforms follow no redirect."""
    assert (await request("POST", path)).text == "stored"


@pytest.mark.parametrize("path", ["/slack/events/other", "/events", "/slackevents"])
async def test_another_path_is_not_found(path: str) -> None:
    """Nothing but the webhook's path is answered."""
    assert (await request("POST", path)).status_code == 404


async def test_only_posts_are_taken() -> None:
    """A browser that opens the URL sees 405."""
    assert (await request("GET", "/slack/events")).status_code == 405
