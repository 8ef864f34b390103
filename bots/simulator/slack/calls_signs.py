"""Small signs beside messages: statuses, agent sessions, reactions, the home tab."""

from bots.simulator.slack import events, rules
from bots.simulator.slack.calls_streams import SESSION_STATUSES
from bots.simulator.slack.params import Params
from bots.simulator.slack.records import Json, Message
from bots.simulator.slack.rules import SlackRefusal
from bots.simulator.slack.workspace import Workspace

NOT_SLACKS = frozenset(
    {"thinking", "red_heart", "party_popper", "thumbs_up", "man_technologist", "face_with_tears_of_joy"}
)
"""Names of emoji elsewhere that Slack's list does not have (https://github.com/iamcal/emoji-data)."""


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
    if ":" in name or " " in name or name in NOT_SLACKS:
        raise SlackRefusal("invalid_name")
    return message, name


def _tell_reaction(workspace: Workspace, kind: str, message: Message, name: str) -> None:
    channel = workspace.channels[message.channel]
    workspace.emit(channel, events.reacted(kind, workspace.bot.id, message, name, workspace.new_ts()))
