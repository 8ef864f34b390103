"""Reading calls and the small writes: conversations.*, users.*, reactions.*, statuses, auth.test."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from bots.simulator.slack import events, rules
from bots.simulator.slack.calls_streams import SESSION_STATUSES
from bots.simulator.slack.params import Params
from bots.simulator.slack.records import Channel, Json, Message, Person
from bots.simulator.slack.rules import SlackRefusal
from bots.simulator.slack.workspace import APP_ID, BOT_ID, Workspace

Item = TypeVar("Item")


def api_test(workspace: Workspace, params: Params) -> Json:
    """api.test: says back what it was given."""
    error = params.text("error")
    if error:
        raise SlackRefusal(error, args=params.values)
    return {"args": params.values}


def auth_test(workspace: Workspace, params: Params) -> Json:
    """auth.test."""
    return {
        "url": "https://team.slack.test/",
        "team": "Moonthread",
        "user": workspace.bot.name.lower(),
        "team_id": workspace.team,
        "user_id": workspace.bot.id,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


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
    return _page("messages", bodies, _limit(workspace, params), params)


def history(workspace: Workspace, params: Params) -> Json:
    """conversations.history: what stands in the channel itself, newest first."""
    _no_json(params)
    channel = _readable(workspace, params)
    found = [
        _root_json(channel, message, with_metadata=_metadata(params))
        for message in reversed(channel.messages.values())
        if not message.visible_to and _is_top(message) and _within(message, params)
    ]
    return _page("messages", found, _limit(workspace, params), params)


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


def _limit(workspace: Workspace, params: Params) -> int:
    restricted = workspace.limits.restricted_reads
    limit = params.number("limit", 15 if restricted else 100)
    if not 1 <= limit <= 999:
        raise SlackRefusal("invalid_limit")
    return min(limit, 15) if restricted else limit


def _page(key: str, items: Sequence[Item], limit: int, params: Params) -> Json:
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
        "is_mpim": False,
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
    }


def open_conversation(workspace: Workspace, params: Params) -> Json:
    """conversations.open with one user."""
    users = params.text("users") or ""
    channel = workspace.direct(users) if users else workspace.visible(params.required("channel"))
    return {"channel": {"id": channel.id}}


def members(workspace: Workspace, params: Params) -> Json:
    """conversations.members."""
    channel = workspace.visible(params.required("channel"))
    return _page("members", sorted(channel.members), params.number("limit", 100), params)


def user_info(workspace: Workspace, params: Params) -> Json:
    """users.info."""
    person = workspace.people.get(params.required("user"))
    if person is None:
        raise SlackRefusal("user_not_found")
    return {"user": _person_json(workspace, person, locale=bool(params.flag("include_locale")))}


def users_list(workspace: Workspace, params: Params) -> Json:
    """users.list."""
    people = [_person_json(workspace, person, locale=False) for person in workspace.people.values()]
    return _page("members", people, params.number("limit", 100), params)


def _person_json(workspace: Workspace, person: Person, *, locale: bool) -> Json:
    body: Json = {
        "id": person.id,
        "team_id": person.team,
        "name": person.name.lower().replace(" ", "."),
        "real_name": person.name,
        "deleted": False,
        "is_bot": person.is_bot,
        "profile": {"real_name": person.name, "display_name": person.name, "team": person.team},
    }
    if person.is_bot:
        body["profile"] |= {"bot_id": BOT_ID, "api_app_id": APP_ID}
    if person.external:
        return body | {"is_stranger": True}
    return body | {"tz": "Asia/Shanghai", **({"locale": "en-US"} if locale else {})}


def team_info(workspace: Workspace, params: Params) -> Json:
    """team.info."""
    return {"team": {"id": workspace.team, "name": "Moonthread", "domain": "team"}}


def bot_info(workspace: Workspace, params: Params) -> Json:
    """bots.info of our own bot."""
    if params.text("bot") not in (None, BOT_ID):
        raise SlackRefusal("bot_not_found")
    user = workspace.bot
    return {"bot": {"id": BOT_ID, "deleted": False, "name": user.name, "app_id": APP_ID, "user_id": user.id}}


def set_status(workspace: Workspace, params: Params) -> Json:
    """assistant.threads.setStatus: shown until the bot speaks, or for two minutes."""
    channel, thread = workspace.joined(params.required("channel_id")), params.required("thread_ts")
    if not rules.is_ts(thread) or (thread not in channel.messages and thread not in channel.roots):
        raise SlackRefusal("invalid_thread_ts")
    if len(params.strings("loading_messages")) > 10:
        raise SlackRefusal("invalid_arguments")
    text = params.text("status") or ""
    workspace.set_status(channel.id, thread, text)
    if text:
        workspace.expire_status(channel.id, thread)
    return {}


def set_session(workspace: Workspace, params: Params) -> Json:
    """agents.sessions.setStatus."""
    channel, thread = workspace.joined(params.required("channel_id")), params.required("thread_ts")
    status, title = params.required("status"), params.text("title") or ""
    if thread not in channel.messages and thread not in channel.roots:
        raise SlackRefusal("invalid_thread_ts")
    if status not in SESSION_STATUSES or len(title) > 200:
        raise SlackRefusal("invalid_arguments")
    workspace.sessions[channel.id, thread] = {"status": status, "title": title}
    return {"session": {"status": status, "title": title}}


def react(workspace: Workspace, params: Params) -> Json:
    """reactions.add."""
    message, name = _reactable(workspace, params)
    users = message.reactions.setdefault(name, [])
    if workspace.bot.id in users:
        raise SlackRefusal("already_reacted")
    users.append(workspace.bot.id)
    _tell_reaction(workspace, "reaction_added", message, name)
    return {}


def unreact(workspace: Workspace, params: Params) -> Json:
    """reactions.remove."""
    message, name = _reactable(workspace, params)
    users = message.reactions.get(name, [])
    if workspace.bot.id not in users:
        raise SlackRefusal("no_reaction")
    users.remove(workspace.bot.id)
    if not users:
        del message.reactions[name]
    _tell_reaction(workspace, "reaction_removed", message, name)
    return {}


def _reactable(workspace: Workspace, params: Params) -> tuple[Message, str]:
    channel = workspace.visible(params.required("channel"))
    message = channel.messages.get(params.required("timestamp"))
    if message is None or message.visible_to:
        raise SlackRefusal("message_not_found")
    name = params.required("name")
    if ":" in name or " " in name:
        raise SlackRefusal("invalid_name")
    return message, name


def _tell_reaction(workspace: Workspace, kind: str, message: Message, name: str) -> None:
    channel = workspace.channels[message.channel]
    workspace.emit(channel, events.reacted(kind, workspace.bot.id, message, name, workspace.new_ts()))


def publish_view(workspace: Workspace, params: Params) -> Json:
    """views.publish: a person's home tab."""
    person, view = params.required("user_id"), params.mapping("view", "invalid_arguments")
    if person not in workspace.people:
        raise SlackRefusal("user_not_found")
    if view is None or view.get("type") != "home":
        raise SlackRefusal("invalid_arguments")
    workspace.views[person] = view
    return {"view": {"id": workspace.new_id("V"), "team_id": workspace.team, **view}}
