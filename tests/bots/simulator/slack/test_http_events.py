import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest
from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bots.simulator.slack import SlackSimulator
from bots.web_server import WebServer


@dataclass(slots=True)
class Site:
    """A request URL that answers as told and writes down what came."""

    url: str = ""
    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    hold: asyncio.Event | None = None  #: while set, nothing is answered

    async def take(self, request: Request) -> Response:
        """Answer one request."""
        body = await request.body()
        if b"url_verification" in body:
            return PlainTextResponse((await request.json())["challenge"])
        self.seen.append((dict(request.headers), body))
        if self.hold is not None:
            await self.hold.wait()
        return PlainTextResponse("", status_code=self.status, headers=self.headers)


Serve = Callable[[Callable[[Request], Awaitable[Response]]], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Return a function that serves an endpoint and returns its address."""
    async with AsyncExitStack() as stack:

        async def served(endpoint: Callable[[Request], Awaitable[Response]]) -> str:
            app = Starlette(routes=[Route("/slack/events", endpoint, methods=["POST"])])
            return f"{(await stack.enter_async_context(WebServer(app))).url}/slack/events"

        yield served


@pytest.fixture
async def site(slack: SlackSimulator, serve: Serve) -> Site:
    """Serve a site that the stand-in delivers to."""
    made = Site()
    made.url = await serve(made.take)
    await slack.deliver_to(made.url)
    return made


async def test_bolt_takes_signed_events_commands_and_presses(slack: SlackSimulator, serve: Serve) -> None:
    """A real Bolt app verifies the signature, the challenge, and forms as well as JSON."""
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    app = AsyncApp(client=client, signing_secret=slack.signing_secret)
    heard: list[str] = []

    @app.event("app_mention")
    async def mention(event: dict[str, Any]) -> None:
        heard.append(event["text"])

    @app.event("message")
    async def message() -> None:
        heard.append("message")

    @app.command("/kimi")
    async def command(ack: Any, command: dict[str, Any], respond: Any) -> None:
        await ack(f"got {command['text']}")
        await respond("later")

    @app.action("go")
    async def action(ack: Any, body: dict[str, Any]) -> None:
        await ack()
        heard.append(body["actions"][0]["value"])

    handler = AsyncSlackRequestHandler(app)
    await slack.deliver_to(await serve(handler.handle))
    ada = slack.add_person("Ada")
    channel = slack.add_channel("general", [ada])
    await slack.say(channel, ada, "<@U0BOT> hi & bye")
    await slack.settled()
    assert sorted(heard) == ["<@U0BOT> hi &amp; bye", "message"]

    ts = await slack.slash("/kimi", "new & old", channel, ada)
    assert slack.screen.messages[channel, ts].text == "got new & old"
    assert slack.screen.messages[channel, ts].visible_to == ada

    button = {
        "type": "button",
        "action_id": "go",
        "value": "v1",
        "text": {"type": "plain_text", "text": "Go"},
    }
    blocks = [{"type": "actions", "elements": [button]}]
    posted = await client.chat_postMessage(channel=channel, text="x", blocks=blocks)
    assert await slack.press(channel, posted["ts"], "go", None, ada)
    assert "v1" in heard
    assert "later" in [shown.text for shown in slack.screen.in_channel(channel)]


async def test_a_wrong_secret_is_seen_at_the_challenge(slack: SlackSimulator, serve: Serve) -> None:
    """An app that cannot verify our signature does not get its URL saved."""
    client = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url)
    handler = AsyncSlackRequestHandler(AsyncApp(client=client, signing_secret="another"))
    url = await serve(handler.handle)
    with pytest.raises(ValueError, match="challenge"):
        await slack.deliver_to(url)


async def test_nobody_there_is_seen_at_the_challenge(slack: SlackSimulator) -> None:
    """A URL that nothing listens at is refused."""
    with pytest.raises(ValueError, match="didn't respond"):
        await slack.deliver_to("http://127.0.0.1:9/slack/events")


async def test_a_refused_event_is_retried_with_its_number_and_reason(
    slack: SlackSimulator, site: Site, clock: Any
) -> None:
    """Three retries come at once, after one and after five minutes; then it is lost."""
    ada = slack.add_person("Ada")
    await slack.say(slack.open_dm(ada), ada, "hello")
    for wait_s in (60.0, 300.0):
        await clock.asked(wait_s)
        await clock.advance(wait_s)
    await slack.settled()
    numbers = [headers.get("x-slack-retry-num") for headers, _ in site.seen]
    reasons = {headers.get("x-slack-retry-reason") for headers, _ in site.seen[1:]}
    assert (numbers, reasons) == ([None, "1", "2", "3"], {"http_error"})
    assert len({body for _, body in site.seen}) == 1
    assert len(slack.lost) == 1


async def test_an_app_can_decline_retries(slack: SlackSimulator, site: Site) -> None:
    """x-slack-no-retry ends it after the first attempt."""
    site.headers = {"x-slack-no-retry": "1"}
    ada = slack.add_person("Ada")
    await slack.say(slack.open_dm(ada), ada, "hello")
    await slack.settled()
    assert len(site.seen) == len(slack.lost) == 1


async def test_a_slow_answer_is_a_timeout(slack: SlackSimulator, site: Site, clock: Any) -> None:
    """After three seconds the event is sent again, and a quick answer then ends it."""
    site.status, site.hold = 200, asyncio.Event()
    ada = slack.add_person("Ada")
    await slack.say(slack.open_dm(ada), ada, "hello")
    while not site.seen:  # noqa: ASYNC110 - the site has no event for "a request came"
        await asyncio.sleep(0.005)
    hold, site.hold = site.hold, None
    await clock.advance(3.0)
    await slack.settled()
    hold.set()
    assert [headers.get("x-slack-retry-reason") for headers, _ in site.seen] == [None, "http_timeout"]
    assert [delivery.acked for delivery in slack.deliveries] == [False, True]
