"""Dialogs and home tabs: what Slack takes, and what it refuses."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bots.simulator.slack import SlackSimulator
from bots.slack.shortcuts import build_dialog
from tests.bots.simulator.slack.conftest import HandClock

Refusal: TypeAlias = Callable[[Awaitable[Any]], Awaitable[str]]


def dialog(**changes: Any) -> dict[str, Any]:
    """Return the product's own dialog, with changes."""
    shortcut = {
        "message": {"ts": "1.2"},
        "channel": {"id": "C1"},
        "response_url": "https://hooks.example/1",
        "trigger_id": "1",
    }
    return build_dialog(shortcut, "en") | changes


def trigger_of(slack: SlackSimulator, office: Any) -> str:
    """Return the trigger_id of something that a person has just done."""
    slack.workspace.triggers["1.abc"] = (office.ada, slack.clock.time())
    return "1.abc"


async def test_a_dialog_opens_within_three_seconds_and_once(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, clock: HandClock, refusal: Refusal
) -> None:
    """Slack: "the trigger_id expires in three seconds" and is good for one view."""
    trigger = trigger_of(slack, office)
    assert await refusal(web.views_open(trigger_id="1.2", view=dialog())) == "invalid_trigger_id"
    await web.views_open(trigger_id=trigger, view=dialog())
    assert await refusal(web.views_open(trigger_id=trigger, view=dialog())) == "exchanged_trigger_id"
    clock.now += 3.1
    assert await refusal(web.views_open(trigger_id=trigger, view=dialog())) == "expired_trigger_id"


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "home"},
        {"title": {"type": "plain_text", "text": "x" * 25}},
        {"title": {"type": "mrkdwn", "text": "x"}},
        {"title": None},
        {"submit": None},
        {"private_metadata": "x" * 3_001},
        {"blocks": []},
        {"blocks": [{"type": "input", "label": {"type": "plain_text", "text": "x"}}]},
        {"blocks": dialog()["blocks"] * 2},
    ],
)
async def test_a_dialog_that_slack_would_not_show_is_refused(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, refusal: Refusal, changes: dict[str, Any]
) -> None:
    """Documented limits of modal views."""
    trigger = trigger_of(slack, office)
    assert await refusal(web.views_open(trigger_id=trigger, view=dialog(**changes))) == "invalid_arguments"


async def test_a_home_tab_needs_to_be_in_the_app(
    slack: SlackSimulator, office: Any, web: AsyncWebClient, refusal: Refusal
) -> None:
    """Its blocks are bounded, and it has no title."""
    block = {"type": "divider"}
    await web.views_publish(user_id=office.ada, view={"type": "home", "blocks": [block] * 100})
    for view in ({"type": "home", "blocks": [block] * 101}, {"type": "home", "blocks": [], "title": {}}):
        assert await refusal(web.views_publish(user_id=office.ada, view=view)) == "invalid_arguments"
    slack.workspace.home_tab_enabled = False
    empty = {"type": "home", "blocks": []}
    assert await refusal(web.views_publish(user_id=office.ada, view=empty)) == "not_enabled"
