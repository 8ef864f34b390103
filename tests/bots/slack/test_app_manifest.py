"""The manifest asks for what the adapter uses, and for nothing else."""

import json

import pytest

from bots.slack.app_manifest import AGENT_SCOPES, SCOPES, build_manifest
from bots.slack.shortcuts import ASK, SUMMARIZE


def test_socket_mode_needs_no_address() -> None:
    """Without a URL the app uses Socket Mode and names no address anywhere."""
    made = build_manifest()
    assert made["settings"]["socket_mode_enabled"] is True
    assert "http" not in json.dumps(made)
    assert made["features"]["slash_commands"][0]["command"] == "/kimi"


def test_http_mode_names_one_address() -> None:
    """With a URL events, buttons and the command all come to the same path."""
    made = build_manifest(http_url="https://kimi.example/")
    url = "https://kimi.example/slack/events"
    assert made["settings"]["socket_mode_enabled"] is False
    assert made["settings"]["event_subscriptions"]["request_url"] == url
    assert made["settings"]["interactivity"] == {"is_enabled": True, "request_url": url}
    assert made["features"]["slash_commands"][0]["url"] == url


@pytest.mark.parametrize("agent_view", [False, True])
def test_both_manifests_have_shortcuts_and_the_home_tab(*, agent_view: bool) -> None:
    """They need no scope of their own; Slack takes 24 characters of a name, 150 of a description."""
    made = build_manifest(agent_view=agent_view)
    shortcuts = made["features"]["shortcuts"]
    assert {one["callback_id"] for one in shortcuts} == {SUMMARIZE, ASK}
    assert all(len(one["name"]) <= 24 and len(one["description"]) <= 150 for one in shortcuts)
    assert {one["type"] for one in shortcuts} == {"message"}
    assert made["features"]["app_home"]["home_tab_enabled"] is True
    assert "app_home_opened" in made["settings"]["event_subscriptions"]["bot_events"]


def test_new_apps_have_the_agent_view_unless_told_otherwise() -> None:
    """Slack ends the older assistant in February 2027; only with the agent view are its parts asked for."""
    plain, agent = build_manifest(agent_view=False), build_manifest()
    assert set(plain["oauth_config"]["scopes"]["bot"]) == set(SCOPES)
    assert set(agent["oauth_config"]["scopes"]["bot"]) == {*SCOPES, *AGENT_SCOPES}
    assert "agent_view" not in plain["features"]
    assert len(agent["features"]["agent_view"]["agent_description"]) <= 300
    assert "agent_session_stopped" in agent["settings"]["event_subscriptions"]["bot_events"]
    assert "agent_session_stopped" not in plain["settings"]["event_subscriptions"]["bot_events"]
