"""The page's web server: who may ask it what."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import pytest_asyncio

from bots.simulator.demo import opened

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def page() -> AsyncIterator[httpx.AsyncClient]:
    """A client that sends what the page sends, to one demo for all tests here."""
    async with opened() as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        client.headers["Origin"] = url
        yield client


@asynccontextmanager
async def changes(client: httpx.AsyncClient) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """Open the page's stream and hand out what it is told, from the snapshot on."""
    async with client.stream("GET", "/events") as response:
        lines = response.aiter_lines()
        yield (json.loads(line.removeprefix("data: ")) async for line in lines if line.startswith("data: "))


async def snapshot_of(client: httpx.AsyncClient) -> dict[str, Any]:
    """Return everything as it stands."""
    async with changes(client) as following:
        return await anext(following)


async def test_every_response_forbids_foreign_code_and_frames(page: httpx.AsyncClient) -> None:
    """The page, its files and a refusal carry the policy that keeps everything else out."""
    for path in ("/", "/static/main.js", "/static/nothing.js"):
        response = await page.get(path)
        assert response.headers["content-security-policy"].startswith("default-src 'self'; ")
        assert "frame-ancestors 'none'" in response.headers["content-security-policy"]
        assert response.headers["x-content-type-options"] == "nosniff"


async def test_all_that_the_page_loads_comes_from_itself(page: httpx.AsyncClient) -> None:
    """No file of the page names another server, so that it works without a network."""
    names = {"/static/main.js", "/static/drawing/moon.svg"}
    html = (await page.get("/")).text
    names |= {part.split('"')[0] for part in html.split('"')[1::2] if part.startswith("/static/")}

    for name in sorted(names):
        response = await page.get(name)
        assert response.status_code == 200, name
        text = response.text.replace("http://www.w3.org/2000/svg", "").replace("https?://", "")
        assert "http://" not in text, name
        assert "//cdn" not in text, name


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:8765", "Origin": "http://evil.example:8765"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Content-Type": "text/plain"},
    ],
    ids=["rebound", "rebound origin", "other site", "sandboxed frame", "plain form"],
)
async def test_other_sites_can_neither_read_nor_post(
    page: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """A request that another site made the browser send is refused and says nothing in any chat."""
    said = {"visitor": 0, "platform": "telegram", "channel": "1001", "text": "from elsewhere"}

    response = await page.post("/say", json=said, headers=headers)

    assert response.status_code == 403
    if "Host" in headers:
        assert (await page.get("/", headers=headers)).status_code == 403
        assert (await page.get("/events", headers=headers)).status_code == 403
    snapshot = await snapshot_of(page)
    assert "from elsewhere" not in [message["text"] for message in snapshot["messages"]]


@pytest.mark.parametrize(
    "body",
    [
        "no json",
        "{}",
        '{"visitor": 9, "platform": "slack", "channel": "C1", "text": "x"}',
        '{"visitor": 0, "platform": "slack", "channel": "C1", "text": "x"}',
        '{"visitor": 0, "platform": "telegram", "channel": "1002", "text": "x"}',
        '{"visitor": 0, "platform": "telegram", "channel": "1001", "text": "  "}',
    ],
    ids=["no json", "nothing", "stranger", "no such channel", "the other's chat", "blanks"],
)
async def test_what_cannot_be_said_is_answered_with_a_note(page: httpx.AsyncClient, body: str) -> None:
    """The visitor reads why nothing was sent."""
    response = await page.post("/say", content=body, headers={"Content-Type": "application/json"})

    assert set(response.json()) == {"note"}


async def test_a_paste_of_any_length_reaches_telegram_in_parts(page: httpx.AsyncClient) -> None:
    """100,000 characters become as many messages as Telegram's client would send."""
    said = {"visitor": 0, "platform": "telegram", "channel": "1001", "text": "moon " * 20_000}

    assert "id" in (await page.post("/say", json=said)).json()

    snapshot = await snapshot_of(page)
    parts = [message["text"] for message in snapshot["messages"] if not message["byBot"]]
    assert "".join(parts).count("moon") >= 19_900
    assert all(len(part) <= 4096 for part in parts)


async def test_a_page_that_comes_later_sees_all_and_then_each_change(page: httpx.AsyncClient) -> None:
    """The snapshot holds what was said before; what the bot does afterwards arrives change by change."""
    said = {"visitor": 1, "platform": "telegram", "channel": "1002", "text": "Hello"}
    await page.post("/say", json=said)
    kinds = set()

    async with asyncio.timeout(100), changes(page) as following:
        snapshot = await anext(following)
        async for change in following:
            kinds.add(change["kind"])
            if change["kind"] == "message" and change["message"]["channel"] == "1002":
                break

    assert "Hello" in [message["text"] for message in snapshot["messages"]]
    assert [visitor["name"] for visitor in snapshot["world"]["visitors"]] == ["Alice", "小明", "Lin"]
    assert snapshot["world"]["kimi"] == {"real": False, "model": "kimi-k2.6"}
    assert kinds <= {"message", "status"}


async def test_the_console_is_one_click_away(page: httpx.AsyncClient) -> None:
    """The link signs in to the service's own console, which shows its health."""
    link = (await page.get("/console")).headers["location"]
    async with httpx.AsyncClient(trust_env=False, follow_redirects=True) as browser:
        shown = await browser.post(link)

    assert shown.status_code == 200
    assert "database: ok" in shown.text
    assert "slack: ok" in shown.text


@pytest.mark.parametrize("platform", ["slack", "telegram"])
async def test_a_voice_message_is_heard_at_a_press(page: httpx.AsyncClient, platform: str) -> None:
    """The answer begins with what the stand-in of a transcription service heard."""
    async with changes(page) as following:
        world = (await anext(following))["world"]
        channel = world["visitors"][0]["telegram"]
        if platform == "slack":
            channel = world["slack"]["channels"][0]["id"]
        where = {"visitor": 0, "platform": platform, "channel": channel}
        assert (await page.post("/speak", json=where)).json()["id"]
        async for change in following:
            message = change.get("message", {})
            if message.get("platform") != platform or not message.get("byBot"):
                continue
            if "🎤 When does the shop open on Sunday?" in message["text"].replace("\\", ""):
                break


async def test_the_desk_takes_no_voice_message(page: httpx.AsyncClient) -> None:
    """The page shows why."""
    world = (await snapshot_of(page))["world"]
    where = {"visitor": 0, "platform": "slack", "channel": world["slack"]["desk"]}
    answer = await page.post("/speak", json=where)
    assert answer.json() == {"note": "Voice messages are for the other channels here."}
