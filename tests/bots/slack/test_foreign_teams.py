"""Events of a Slack team that the service has no token for."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from bots.simulator.slack import SlackSimulator
from bots.slack.addressing import tenant_of
from bots.slack.app import SlackApp
from bots.slack.credentials import SlackConfig
from bots.slack.people import BotIdentity
from tests.virtual_time import LoopClock


@pytest.fixture
async def app(slack: SlackSimulator, config: SlackConfig, inbox: Any) -> AsyncIterator[SlackApp]:
    """The platform, connected as the team that has the app installed."""
    platform = SlackApp(config, clock=LoopClock())
    await platform.connect()
    await platform.start(inbox)
    await slack.connected()
    yield platform
    await platform.close()


@pytest.mark.usefixtures("app")
async def test_events_of_a_foreign_team_are_refused_with_one_warning(
    slack: SlackSimulator, inbox: Any
) -> None:
    """Without a token nobody could be answered there, so nothing is stored."""
    ada = slack.add_person("Ada")
    channel = slack.add_channel("general", [ada])
    slack.workspace.team = "T9"
    with capture_logs() as lines:
        for number in range(3):
            await slack.say(channel, ada, f"<@{slack.bot_user}> {number}")
        await slack.slash("/kimi", "hello", channel, ada)
        await slack.settled()
    assert inbox.taken == []
    assert [one.acked for one in slack.deliveries] == [True] * len(slack.deliveries)
    refused = [line["team"] for line in lines if line["event"] == "slack.foreign_team_refused"]
    assert refused == ["T9"]


@pytest.mark.parametrize(
    ("body", "is_org_wide", "tenant"),
    [
        ({"authorizations": [{"team_id": "T9"}], "team_id": "T1"}, False, "T9"),
        ({"authorizations": [{"team_id": "T9"}], "team_id": "T9"}, True, "T1"),
        ({"type": "block_actions", "team": {"id": "T9"}}, False, "T1"),
        ({"command": "/kimi", "team_id": "T9"}, False, "T9"),
        ({}, False, "T1"),
    ],
)
def test_the_tenant_is_the_team_with_the_app(body: dict[str, Any], is_org_wide: bool, tenant: str) -> None:
    """A press in Slack Connect names the person's team; we chose: an organisation is one tenant."""
    identity = BotIdentity(team_id="T1", user_id="U0BOT", bot_id="B1", is_org_wide=is_org_wide)
    assert tenant_of(body, identity) == tenant
