"""The Events API's payloads. Pure: records go in, JSON comes out.

Shapes follow docs.slack.dev/apis/events-api and docs.slack.dev/reference/events.
"""

from collections.abc import Mapping
from typing import Any

from bots.simulator.slack.records import Channel, Json, Message

SUBSCRIPTIONS = frozenset(
    {
        "agent_session_stopped",
        "app_home_opened",
        "app_mention",
        "app_uninstalled",
        "channel_id_changed",
        "member_joined_channel",
        "message.channels",
        "message.groups",
        "message.im",
        "message.mpim",
        "reaction_added",
        "reaction_removed",
        "tokens_revoked",
    }
)  #: bot events that an app of ours may list in its manifest

_MESSAGE_EVENT = {
    "channel": "message.channels",
    "group": "message.groups",
    "im": "message.im",
    "mpim": "message.mpim",
}


def subscription_of(channel: Channel | None, event: Mapping[str, Any]) -> str:
    """Return the name under which an app subscribes to ``event``."""
    if event["type"] == "message" and channel is not None:
        return _MESSAGE_EVENT[channel.kind]
    return str(event["type"])


def said(channel: Channel, message: Message) -> Json:
    """Return the message.* event of a new message."""
    return {**_spoken(channel, message), **_where(channel, message.ts)}


def mentioned(channel: Channel, message: Message) -> Json:
    """Return the app_mention event of a new message: the same ts, no channel_type."""
    body = _spoken(channel, message)
    body.pop("subtype", None)
    return {**body, "type": "app_mention", "channel": channel.id, "event_ts": message.ts}


def _spoken(channel: Channel, message: Message) -> Json:
    body = message.as_json(with_metadata=True)
    root = channel.messages.get(message.thread_ts)
    if root is not None and root is not message:
        body["parent_user_id"] = root.author.id
    return body


def changed(channel: Channel, message: Message, previous: Json, ts: str) -> Json:
    """Return the message_changed event; ``ts`` is the event's own."""
    return {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "message": message.as_json(),
        "previous_message": previous,
        "ts": ts,
        **_where(channel, ts),
    }


def deleted(channel: Channel, message: Message, ts: str) -> Json:
    """Return the message_deleted event; ``ts`` is the event's own."""
    return {
        "type": "message",
        "subtype": "message_deleted",
        "hidden": True,
        "deleted_ts": message.ts,
        "previous_message": message.as_json(),
        "ts": ts,
        **_where(channel, ts),
    }


def stone(channel: Channel, message: Message, ts: str) -> Json:
    """Return the event of a deleted root with replies: its thread stays under a "tombstone"."""
    left = {
        "type": "message",
        "subtype": "tombstone",
        "text": "This message was deleted.",
        "user": "USLACKBOT",
        "hidden": True,
        "ts": message.ts,
        "thread_ts": message.ts,
    }
    return {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "message": left,
        "previous_message": message.as_json(),
        "ts": ts,
        **_where(channel, ts),
    }


def joined(channel: Channel, person: str, team: str, ts: str) -> Json:
    """Return the member_joined_channel event."""
    return {
        "type": "member_joined_channel",
        "user": person,
        "channel": channel.id,
        "channel_type": "G" if channel.kind == "group" else "C",
        "team": team,
        "event_ts": ts,
    }


def home_opened(person: str, channel: str, tab: str, ts: str) -> Json:
    """Return the app_home_opened event; ``tab`` is "home" or "messages"."""
    return {"type": "app_home_opened", "user": person, "channel": channel, "tab": tab, "event_ts": ts}


def reacted(kind: str, person: str, message: Message, name: str, ts: str) -> Json:
    """Return the reaction_added or reaction_removed event (``kind``)."""
    return {
        "type": kind,
        "user": person,
        "reaction": name,
        "item_user": message.author.id,
        "item": {"type": "message", "channel": message.channel, "ts": message.ts},
        "event_ts": ts,
    }


def session_stopped(channel: Channel, thread: str, person: str, streams: list[str], ts: str) -> Json:
    """Return the agent_session_stopped event; ``streams`` are the ts of messages that were streaming."""
    return {
        "type": "agent_session_stopped",
        "channel": channel.id,
        "thread_ts": thread,
        "user": person,
        "streaming_message_ts": streams,
        "event_ts": ts,
    }


def renamed(old: str, new: str, ts: str) -> Json:
    """Return the channel_id_changed event."""
    return {
        "type": "channel_id_changed",
        "old_channel_id": old,
        "new_channel_id": new,
        "event_ts": ts,
    }


def _where(channel: Channel, event_ts: str) -> Json:
    return {"channel": channel.id, "channel_type": channel.kind, "event_ts": event_ts}


def callback(
    event: Json, *, event_id: str, event_time_s: int, team: str, app_id: str, bot_user: str, shared: bool
) -> Json:
    """Return the event_callback that carries ``event``."""
    return {
        "token": "verification-test",
        "team_id": team,
        "context_team_id": team,
        "context_enterprise_id": None,
        "api_app_id": app_id,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": event_time_s,
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": team,
                "user_id": bot_user,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": shared,
        "event_context": f"4-{event_id}",
    }
