"""What is logged about Slack's SDK: no false alarms; one line when a socket fails, one when it is back."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient
from structlog.testing import capture_logs

from bots.slack.credentials import SlackConfig
from bots.slack.ingress import _quiet_logger
from bots.slack.socket_mode import SocketModeConnection
from bots.slack.socket_outage import SocketOutage


async def authorize() -> AuthorizeResult:
    """Authorize nobody."""
    raise AssertionError


def build_app() -> AsyncApp:
    """Return Bolt's app as the ingress builds it."""
    return AsyncApp(
        client=AsyncWebClient(token="xoxb-own"),
        logger=_quiet_logger(),
        authorize=authorize,
        signing_secret="s",
    )


async def test_an_app_with_a_client_of_its_own_starts_without_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Bolt warns that it ignores SLACK_BOT_TOKEN of the environment, which is what we want; others stay."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-of-the-environment")

    build_app().logger.warning("something else")

    assert [record.getMessage() for record in caplog.records] == ["something else"]


async def test_attempts_to_reach_slack_are_one_outage(caplog: pytest.LogCaptureFixture) -> None:
    """The SDK logs each failed attempt with its stack; we log the begin and, with their number, the end."""
    config = cast("Any", SimpleNamespace(app_token="xapp-1", api_url="https://slack.com/api/"))
    seconds = iter((100.0, 112.5))
    outage = SocketOutage(lambda: next(seconds))
    connection = SocketModeConnection(build_app(), cast("SlackConfig", config), outage, lambda: None)
    client = connection._client

    async def refuse() -> str:
        if len(attempts) == 2:
            client.closed = True  # the SDK stops trying then
        attempts.append(1)
        raise ConnectionRefusedError

    attempts: list[int] = []
    client.issue_new_wss_url = refuse
    client.ping_interval = 0
    with capture_logs() as logged:
        await client.connect()
        outage.record_connected()
        outage.record_connected()

    assert caplog.records == []
    assert logged == [
        {"event": "slack.unreachable", "error": "ConnectionRefusedError", "log_level": "warning"},
        {"event": "slack.still_failing", "error": "ConnectionRefusedError", "log_level": "debug"},
        {"event": "slack.recovered", "down_s": 12.5, "failed": 2, "log_level": "info"},
    ]
    client.closed = False
    await connection.close()
