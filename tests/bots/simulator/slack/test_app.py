import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias

import httpx
import pytest
from aiohttp import ServerDisconnectedError
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient

from bots.simulator.slack import Limits, SlackSimulator

Refusal: TypeAlias = Callable[[Awaitable[Any]], Awaitable[str]]


@pytest.fixture
async def raw(slack: SlackSimulator) -> AsyncIterator[httpx.AsyncClient]:
    """Return a plain HTTP client of the Web API with the bot's token."""
    headers = {"Authorization": f"Bearer {slack.bot_token}"}
    async with httpx.AsyncClient(base_url=slack.api_url, headers=headers, trust_env=False) as client:
        yield client


async def test_every_way_to_send_arguments_is_understood(raw: httpx.AsyncClient, office: Any) -> None:
    """JSON, form, POST query and GET query all post."""
    said = {"channel": office.channel, "text": "hi", "unfurl_links": "false"}
    replies = [
        await raw.post("chat.postMessage", json={**said, "unfurl_links": False}),
        await raw.post("chat.postMessage", data=said),
        await raw.post("chat.postMessage", params=said),
        await raw.get("chat.postMessage", params=said),
    ]
    assert [reply.json()["ok"] for reply in replies] == [True] * 4


async def test_a_form_may_carry_blocks_as_text(
    slack: SlackSimulator, raw: httpx.AsyncClient, office: Any
) -> None:
    """Structures in a form are JSON texts."""
    blocks = '[{"type": "section", "text": {"type": "mrkdwn", "text": "hi"}}]'
    await raw.post("chat.postMessage", data={"channel": office.channel, "text": "x", "blocks": blocks})
    assert slack.screen.in_channel(office.channel, by_bot=True)[0].blocks[0]["type"] == "section"


async def test_bad_json_is_refused(raw: httpx.AsyncClient) -> None:
    """A body that is no JSON object has its own code."""
    headers = {"Content-Type": "application/json"}
    broken = await raw.post("chat.postMessage", content=b"{", headers=headers)
    array = await raw.post("chat.postMessage", content=b"[]", headers=headers)
    assert (broken.json()["error"], array.json()["error"]) == ("invalid_json", "json_not_object")


async def test_tokens_are_told_apart(slack: SlackSimulator, refusal: Refusal) -> None:
    """No token, a wrong one and the wrong kind are three different refusals."""
    for token, error in (
        (None, "not_authed"),
        ("xoxb-wrong", "invalid_auth"),
        (slack.app_token, "not_allowed_token_type"),
    ):
        assert await refusal(AsyncWebClient(token=token, base_url=slack.api_url).auth_test()) == error
    opened = AsyncWebClient(base_url=slack.api_url).apps_connections_open(app_token=slack.bot_token)
    assert await refusal(opened) == "not_allowed_token_type"


async def test_auth_test_names_the_bot_and_its_scopes(slack: SlackSimulator, web: AsyncWebClient) -> None:
    """Ids come in the body, scopes in a header."""
    slack.scopes = frozenset({"chat:write", "users:read"})
    reply = await web.auth_test()
    assert (reply["user_id"], reply["bot_id"], reply["team_id"]) == ("U0BOT", "B0BOT", "T1")
    assert reply.headers["x-oauth-scopes"] == "chat:write,users:read"


async def test_a_missing_scope_is_named(slack: SlackSimulator, office: Any, web: AsyncWebClient) -> None:
    """The refusal tells the scope that is needed for this kind of channel, and those there are."""
    slack.scopes = frozenset({"chat:write", "groups:history"})
    for call, needed in (
        (web.users_info(user=office.ada), "users:read"),
        (web.conversations_replies(channel=office.channel, ts=office.root), "channels:history"),
    ):
        with pytest.raises(SlackApiError) as caught:
            await call
        assert caught.value.response["error"] == "missing_scope"
        assert caught.value.response["needed"] == needed
        assert caught.value.response["provided"] == "chat:write,groups:history"


async def test_unknown_methods_are_unknown(web: AsyncWebClient, refusal: Refusal) -> None:
    """A method outside the table is unknown_method."""
    assert await refusal(web.api_call("chat.shout")) == "unknown_method"


async def test_a_spent_budget_is_a_429_on_the_clock(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, clock: Any
) -> None:
    """The 51st update in a minute waits as long as Retry-After says, and changes nothing."""
    ts = (await web.chat_postMessage(channel=office.channel, text="0"))["ts"]
    for number in range(50):
        await web.chat_update(channel=office.channel, ts=ts, text=f"n{number}")
    await clock.advance(20)
    with pytest.raises(SlackApiError) as caught:
        await web.chat_update(channel=office.channel, ts=ts, text="too soon")
    assert caught.value.response.status_code == 429
    assert caught.value.response.headers["Retry-After"] == "40"
    assert slack.screen.messages[office.channel, ts].text == "n49"
    assert [call.method for call in slack.refused] == ["chat.update"]
    await clock.advance(40)
    assert (await web.chat_update(channel=office.channel, ts=ts, text="now"))["ok"]


async def test_limits_can_be_off(clock: Any) -> None:
    """Without limits a hundred posts pass at once."""
    async with SlackSimulator(clock=clock, limits=Limits(enabled=False)) as slack:
        ada = slack.add_person("Ada")
        dm = slack.open_dm(ada)
        headers = {"Authorization": f"Bearer {slack.bot_token}"}
        async with httpx.AsyncClient(base_url=slack.api_url, headers=headers, trust_env=False) as client:
            for number in range(100):
                await client.post("chat.postMessage", json={"channel": dm, "text": str(number)})
        assert len(slack.screen.in_channel(dm)) == 100
        assert slack.refused == []


async def test_a_flood_and_an_ordered_429_are_refused(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, clock: Any, refusal: Refusal
) -> None:
    """A flood lasts its seconds; an ordered 429 strikes once, so the SDK's own retry passes."""
    slack.flood("chat.postMessage", 5)
    assert await refusal(web.chat_postMessage(channel=office.channel, text="x")) == "ratelimited"
    await clock.advance(5)
    assert (await web.chat_postMessage(channel=office.channel, text="x"))["ok"]

    slack.faults.next("chat.postMessage", "429", 0)
    web.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    assert (await web.chat_postMessage(channel=office.channel, text="y"))["ok"]
    assert [call.error for call in slack.calls[-2:]] == ["ratelimited", ""]


@pytest.mark.parametrize(("kind", "shown"), [("reset", 0), ("lost_reply", 2)])
async def test_a_broken_connection_is_retried_by_the_sdk(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, kind: Any, shown: int
) -> None:
    """Broken twice: nothing is shown where it broke before the effect, else the SDK's retry doubles it."""
    slack.faults.next("chat.postMessage", kind, times=2)
    with pytest.raises((ServerDisconnectedError, ConnectionError)):
        await web.chat_postMessage(channel=office.channel, text="x")
    assert len(slack.screen.in_channel(office.channel, by_bot=True)) == shown


async def test_other_faults_strike_the_call_they_were_ordered_for(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, refusal: Refusal
) -> None:
    """A condition picks the call; 503 is no JSON; any error code can be ordered."""
    slack.faults.next("chat.postMessage", "503", when=lambda params: params["text"] == "b")
    slack.faults.refuse("chat.update", "update_failed")
    ts = (await web.chat_postMessage(channel=office.channel, text="a"))["ts"]
    with pytest.raises(SlackApiError, match="status: 503"):
        await web.chat_postMessage(channel=office.channel, text="b")
    assert await refusal(web.chat_update(channel=office.channel, ts=ts, text="c")) == "update_failed"
    slack.faults.next("*", "reset")
    slack.faults.clear()
    assert (await web.auth_test())["ok"]
    assert [shown.text for shown in slack.screen.in_channel(office.channel, by_bot=True)] == ["a"]


async def test_a_stall_and_latency_pass_on_the_clock(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, clock: Any
) -> None:
    """A call waits for latency and stall, then takes effect."""
    slack.latency_s = 2.0
    slack.faults.next("chat.postMessage", "stall", 10)
    call = asyncio.ensure_future(web.chat_postMessage(channel=office.channel, text="x"))
    for seconds in (2.0, 10.0):
        await clock.asked(seconds)
        assert slack.screen.in_channel(office.channel, by_bot=True) == []
        await clock.advance(seconds)
    assert (await call)["ok"]


async def test_closing_breaks_a_stalled_call(clock: Any) -> None:
    """The stand-in closes at once although a call waits; the call's connection breaks."""
    async with SlackSimulator(clock=clock) as slack:
        slack.faults.next("auth.test", "stall", 10)
        web = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, retry_handlers=[])
        call = asyncio.ensure_future(web.auth_test())
        await clock.asked(10.0)
    with pytest.raises(ServerDisconnectedError):
        await call


async def test_files_want_the_token(slack: SlackSimulator, office: Any) -> None:
    """With it the bytes come, without it the login page."""
    ts = await slack.share_file(office.channel, office.ada, filename="a.txt", content=b"abc")
    url = slack.workspace.channels[office.channel].messages[ts].files[0]["url_private"]
    async with httpx.AsyncClient(trust_env=False) as client:
        page = await client.get(url)
        file = await client.get(url, headers={"Authorization": f"Bearer {slack.bot_token}"})
    assert page.headers["content-type"].startswith("text/html")
    assert file.content == b"abc"
