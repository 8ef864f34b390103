"""conversations.*: what stands where, and who is there."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from bots.simulator.slack.params import Params
from bots.simulator.slack.records import Channel, Json, Message
from bots.simulator.slack.rules import SlackRefusal
from bots.simulator.slack.workspace import Workspace

Item = TypeVar("Item")


def replies(workspace: Workspace, params: Params) -> Json:
    """conversations.replies: the root first, then its replies, oldest first."""
    _no_json(params)
    channel = _readable(workspace, params)
    root_ts = params.required("ts")
    root = channel.messages.get(root_ts)
    if root is None and root_ts not in channel.roots:
        raise SlackRefusal("thread_not_found")
    found = [message for message in channel.replies(root_ts) if _within(message, params)]
    bodies = [message.as_json(with_metadata=_metadata(params)) for message in found]
    if root is not None:
        bodies = [_root_json(channel, root, with_metadata=_metadata(params)), *bodies]
    return page("messages", bodies, _limit(workspace, params, 1000), params)


def history(workspace: Workspace, params: Params) -> Json:
    """conversations.history: what stands in the channel itself, newest first."""
    _no_json(params)
    channel = _readable(workspace, params)
    found = [
        _root_json(channel, message, with_metadata=_metadata(params))
        for message in reversed(channel.messages.values())
        if not message.visible_to and _is_top(message) and _within(message, params)
    ]
    return page("messages", found, _limit(workspace, params, 100), params)


def _no_json(params: Params) -> None:
    if params.from_json:  # PostHog/posthog#64868, seen on the live service
        raise SlackRefusal("invalid_arguments")


def _readable(workspace: Workspace, params: Params) -> Channel:
    channel = workspace.visible(params.required("channel"))
    if workspace.bot.id not in channel.members:
        raise SlackRefusal("not_in_channel")
    return channel


def _is_top(message: Message) -> bool:
    return message.thread_ts in ("", message.ts) or message.subtype == "thread_broadcast"


def _within(message: Message, params: Params) -> bool:
    oldest, latest = params.text("oldest") or "0", params.text("latest") or "9999999999"
    at, low, high = (_ts_key(value) for value in (message.ts, oldest, latest))
    return low <= at <= high if params.flag("inclusive") else low < at < high


def _ts_key(value: str) -> tuple[int, int]:
    whole, _, part = value.partition(".")
    try:
        return int(whole), int(part.ljust(6, "0")[:6])
    except ValueError as exc:
        raise SlackRefusal("invalid_ts_oldest") from exc


def _metadata(params: Params) -> bool:
    return bool(params.flag("include_all_metadata"))


def _root_json(channel: Channel, root: Message, *, with_metadata: bool) -> Json:
    body = root.as_json(with_metadata=with_metadata)
    answers = channel.replies(root.ts)
    if answers:
        users = list(dict.fromkeys(message.author.id for message in answers))
        body |= {
            "thread_ts": root.ts,
            "reply_count": len(answers),
            "reply_users": users[:5],
            "reply_users_count": len(users),
            "latest_reply": answers[-1].ts,
        }
    return body


def _limit(workspace: Workspace, params: Params, default: int) -> int:
    restricted = workspace.limits.restricted_reads
    limit = params.number("limit", 15 if restricted else default)
    if not 1 <= limit <= 1000:
        raise SlackRefusal("invalid_limit")
    return min(limit, 15) if restricted else limit


def page(key: str, items: Sequence[Item], limit: int, params: Params) -> Json:
    """Return one page of ``items`` under ``key``, with the cursor of the next."""
    start = _offset(params.text("cursor") or "")
    more = start + limit < len(items)
    cursor = base64.b64encode(f"next:{start + limit}".encode()).decode() if more else ""
    body: Json = {key: list(items[start : start + limit]), "response_metadata": {"next_cursor": cursor}}
    return {**body, "has_more": more} if key == "messages" else body


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        return int(base64.b64decode(cursor, validate=True).removeprefix(b"next:"))
    except (binascii.Error, ValueError) as exc:
        raise SlackRefusal("invalid_cursor") from exc


def info(workspace: Workspace, params: Params) -> Json:
    """conversations.info."""
    return {"channel": _channel_json(workspace, workspace.visible(params.required("channel")))}


def _channel_json(workspace: Workspace, channel: Channel) -> Json:
    direct = channel.kind == "im"
    body: Json = {
        "id": channel.id,
        "is_im": direct,
        "is_mpim": channel.kind == "mpim",
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_private": channel.kind != "channel",
        "is_archived": channel.archived,
        "is_ext_shared": channel.shared,
        "is_shared": channel.shared,
        "context_team_id": workspace.team,
    }
    if direct:
        return body | {"user": next(iter(channel.members - {workspace.bot.id})), "is_open": True}
    return body | {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_member": workspace.bot.id in channel.members,
        "num_members": len(channel.members),
        "topic": {"value": channel.topic, "creator": "", "last_set": 0},
        "purpose": {"value": channel.purpose, "creator": "", "last_set": 0},
    }


def open_conversation(workspace: Workspace, params: Params) -> Json:
    """conversations.open with one user."""
    users = params.text("users") or ""
    channel = workspace.direct(users) if users else workspace.visible(params.required("channel"))
    return {"channel": {"id": channel.id}}


def members(workspace: Workspace, params: Params) -> Json:
    """conversations.members."""
    channel = workspace.visible(params.required("channel"))
    return page("members", sorted(channel.members), params.number("limit", 100), params)
