"""The manifest of the Slack app, to be pasted when the app is created.

Field names and scopes: https://docs.slack.dev/reference/app-manifest and
https://docs.slack.dev/reference/scopes
"""

from typing import Any

from bots.slack.credentials import AGENT_SCOPE
from bots.slack.shortcuts import SHORTCUTS
from core.domain.command_names import CommandName

EVENTS_PATH = "/slack/events"
"""Path that Slack posts events, button presses and commands to, in HTTP mode."""

SCOPES = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "files:read",
    "files:write",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "mpim:history",
    "mpim:read",
    "reactions:read",
    "reactions:write",
    "usergroups:read",
    "users:read",
)
"""Scopes that the bot token needs."""

AGENT_SCOPES = (AGENT_SCOPE,)
"""Scopes that the agent view needs in addition to :data:`SCOPES`."""

BOT_EVENTS = (
    "app_home_opened",
    "app_mention",
    "channel_id_changed",
    "member_joined_channel",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "reaction_added",
    "reaction_removed",
)
AGENT_EVENTS = ("agent_session_stopped",)

_DESCRIPTION = "Kimi, Moonshot AI's model, answers in threads and direct messages."


def build_manifest(*, http_url: str = "", agent_view: bool = True, command: str = "/kimi") -> dict[str, Any]:
    """Return the manifest, ready to be written as JSON.

    Args:
        http_url: public URL of the service without a path, for HTTP mode; "" for Socket Mode.
        agent_view: add the agent view. Slack cannot remove it from an app, and guests cannot use such an app.
        command: name of the slash command.
    """
    events_url = http_url.rstrip("/") + EVENTS_PATH if http_url else ""
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": "Kimi",
            "description": _DESCRIPTION,
            "background_color": "#1a1a2e",
        },
        "features": _features(events_url, agent_view=agent_view, command=command),
        "oauth_config": {"scopes": {"bot": sorted(SCOPES + (AGENT_SCOPES if agent_view else ()))}},
        "settings": _settings(events_url, agent_view=agent_view),
    }


def _features(events_url: str, *, agent_view: bool, command: str) -> dict[str, Any]:
    slash_command = {
        "command": command,
        "description": f"Begin anew, stop, try again; {command} help tells all",
        "usage_hint": " | ".join(one for one in CommandName if one is not CommandName.START),
        "should_escape": True,
        **({"url": events_url} if events_url else {}),
    }
    features: dict[str, Any] = {
        "app_home": {
            "home_tab_enabled": True,
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": False,
        },
        "bot_user": {"display_name": "Kimi", "always_online": True},
        "shortcuts": list(SHORTCUTS),
        "slash_commands": [slash_command],
    }
    if agent_view:
        features["agent_view"] = {
            "agent_description": _DESCRIPTION,
            "suggested_prompts": [{"title": "What can you do?", "message": "What can you do?"}],
        }
    return features


def _settings(events_url: str, *, agent_view: bool) -> dict[str, Any]:
    request = {"request_url": events_url} if events_url else {}
    return {
        "event_subscriptions": {
            **request,
            "bot_events": sorted(BOT_EVENTS + (AGENT_EVENTS if agent_view else ())),
        },
        "interactivity": {"is_enabled": True, **request},
        "org_deploy_enabled": False,
        "socket_mode_enabled": not events_url,
        "token_rotation_enabled": False,
    }
