"""The manifest asks for what the adapter uses, and for nothing else."""

import json

from bots.slack.app_manifest import AGENT_SCOPES, SCOPES, build_manifest


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


def test_new_apps_have_the_agent_view_unless_told_otherwise() -> None:
    """Slack ends the older assistant in February 2027; only with the agent view are its parts asked for."""
    plain, agent = build_manifest(agent_view=False), build_manifest()
    assert set(plain["oauth_config"]["scopes"]["bot"]) == set(SCOPES)
    assert set(agent["oauth_config"]["scopes"]["bot"]) == {*SCOPES, *AGENT_SCOPES}
    assert "agent_view" not in plain["features"]
    assert len(agent["features"]["agent_view"]["agent_description"]) <= 300
    assert "agent_session_stopped" in agent["settings"]["event_subscriptions"]["bot_events"]
    assert "agent_session_stopped" not in plain["settings"]["event_subscriptions"]["bot_events"]
