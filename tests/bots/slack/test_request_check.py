"""Requests to Slack's webhook that are malformed, with and without a signature."""

import time
from collections.abc import AsyncIterator

import httpx
import pytest
from slack_sdk.signature import SignatureVerifier
from starlette.applications import Starlette
from structlog.testing import capture_logs

from bots.simulator.slack import SlackSimulator
from bots.slack.app import SlackApp
from bots.slack.credentials import SlackConfig
from core.domain.events import Event
from tests.virtual_time import LoopClock

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

GARBAGE = [
    pytest.param(b"{", JSON, id="cut JSON"),
    pytest.param(b"[" * 200_000, JSON, id="deep JSON"),
    pytest.param(b"{" * 1_000 + b"\0", JSON, id="NUL"),
    pytest.param(b"\xff\xfe{}", JSON, id="no UTF-8"),
    pytest.param(b"[1]", JSON, id="a list"),
    pytest.param(b'"word"', JSON, id="a string"),
    pytest.param(b"{", FORM, id="cut JSON as a form"),
    pytest.param(b"payload=%7B", FORM, id="cut payload"),
    pytest.param(b"payload=" + b"[" * 100_000, FORM, id="deep payload"),
    pytest.param(b"payload=[]", "", id="payload of a list, no type"),
]

pytestmark = pytest.mark.filterwarnings("error")


async def refuse(event: Event) -> None:
    """An event sink that must not be reached."""
    raise AssertionError(event)


@pytest.fixture
async def client(slack: SlackSimulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the platform's webhook."""
    config = SlackConfig(
        bot_token=slack.bot_token, signing_secret=slack.signing_secret, api_url=slack.api_url
    )
    platform = SlackApp(config, clock=LoopClock())
    await platform.connect()
    await platform.start(refuse)
    transport = httpx.ASGITransport(app=Starlette(routes=list(platform.routes())))
    async with httpx.AsyncClient(transport=transport, base_url="http://bot") as made:
        yield made
    await platform.close()


def signed(slack: SlackSimulator, body: bytes, content_type: str) -> dict[str, str]:
    """Return Slack's headers for a body; of one that is no UTF-8, for a text instead."""
    timestamp = str(int(time.time()))
    verifier = SignatureVerifier(slack.signing_secret)
    signature = verifier.generate_signature(timestamp=timestamp, body=body.decode("utf-8", "replace"))
    return {
        "content-type": content_type,
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": signature or "",
    }


@pytest.mark.parametrize(("body", "content_type"), GARBAGE)
async def test_garbage_is_refused_without_a_traceback(
    client: httpx.AsyncClient, slack: SlackSimulator, body: bytes, content_type: str
) -> None:
    """We chose: 401 without Slack's signature, 400 with it, never 500, and one line in the log for both."""
    with capture_logs() as lines:
        unsigned = await client.post("/slack/events", content=body, headers={"content-type": content_type})
        own = await client.post("/slack/events", content=body, headers=signed(slack, body, content_type))
    assert unsigned.status_code in {400, 401}
    assert own.status_code == 400
    assert [line["event"] for line in lines] == ["web.request_refused"]


@pytest.mark.parametrize("timestamp", ["", "abc", "nan", "-1", "1e9", "9" * 5_000, "0", "\u0663"])
@pytest.mark.parametrize("signature", ["", "v0=00", "v0=\u00fc"])
async def test_malformed_headers_are_refused(
    client: httpx.AsyncClient, timestamp: str, signature: str
) -> None:
    """A time or a signature that Slack cannot have sent is 401."""
    headers = {
        b"content-type": JSON.encode(),
        b"x-slack-request-timestamp": timestamp.encode(),
        b"x-slack-signature": signature.encode(),
    }
    response = await client.post("/slack/events", content=b"{}", headers=headers)
    assert response.status_code == 401


async def test_a_flood_of_garbage_is_one_line_a_minute(client: httpx.AsyncClient) -> None:
    """A stranger cannot fill the log."""
    with capture_logs() as lines:
        for _ in range(50):
            await client.post("/slack/events", content=b"{", headers={"content-type": JSON})
    assert len(lines) == 1


EVENT = b'{"type":"url_verification","challenge":"plum-7","team_id":"T1"}'


@pytest.mark.parametrize(
    ("secret", "age_s", "signed_body"),
    [
        pytest.param("another", 0, EVENT, id="another secret"),
        pytest.param("", 400, EVENT, id="too old"),
        pytest.param("", -400, EVENT, id="of the future"),
        pytest.param("", 0, b"{}", id="another body"),
    ],
)
async def test_what_slack_did_not_sign_is_refused(
    client: httpx.AsyncClient, slack: SlackSimulator, secret: str, age_s: int, signed_body: bytes
) -> None:
    """Nothing of it is echoed. Slack's own time window is five minutes (docs.slack.dev)."""
    timestamp = str(int(time.time()) - age_s)
    signature = SignatureVerifier(secret or slack.signing_secret).generate_signature(
        timestamp=timestamp, body=signed_body
    )
    headers = {
        "content-type": JSON,
        "x-slack-request-timestamp": timestamp,
        "x-slack-signature": f"{signature}",
    }
    response = await client.post("/slack/events", content=EVENT, headers=headers)
    assert response.status_code == 401
    assert "plum-7" not in response.text


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (EVENT, JSON),
        (b'{"ssl_check":1,"type":"event_callback","challenge":"plum-7"}', JSON),
        (b"ssl_check=1&token=plum-7&command=%2Fkimi&text=plum-7", FORM),
        (b"ssl_check=1&payload=%7B%22type%22%3A%22block_actions%22%2C%22token%22%3A%22plum-7%22%7D", FORM),
    ],
)
async def test_a_check_of_slacks_is_no_way_around_the_signature(
    client: httpx.AsyncClient, body: bytes, content_type: str
) -> None:
    """Bolt answers ssl_check and url_verification itself; unsigned ones reach nobody and are not echoed."""
    response = await client.post("/slack/events", content=body, headers={"content-type": content_type})
    assert "plum-7" not in response.text
