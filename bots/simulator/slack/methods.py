"""The Web API's methods that the stand-in knows, with the scopes each one needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bots.simulator.slack import (
    calls_chat,
    calls_files,
    calls_groups,
    calls_people,
    calls_reads,
    calls_signs,
    calls_streams,
    calls_views,
)
from bots.simulator.slack.params import Params
from bots.simulator.slack.records import HISTORY_SCOPE, Json
from bots.simulator.slack.rules import SlackRefusal
from bots.simulator.slack.workspace import Workspace

Handler: TypeAlias = Callable[[Workspace, Params], Json]

BOT_SCOPES = frozenset(
    {
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
        "im:write",
        "mpim:history",
        "mpim:read",
        "reactions:read",
        "reactions:write",
        "team:read",
        "usergroups:read",
        "users:read",
    }
)  #: what the app is granted unless the test says otherwise: an app without the agent view
APP_SCOPES = frozenset({"connections:write"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One method. Any one of ``scopes`` is enough; none means that a valid token is."""

    run: Handler
    scopes: tuple[str, ...] = ()


READ_SCOPES = ("channels:read", "groups:read", "im:read", "mpim:read")
METHODS: Mapping[str, Method] = {
    "api.test": Method(run=calls_people.api_test),
    "auth.test": Method(run=calls_people.auth_test),
    "agents.sessions.setStatus": Method(
        run=calls_signs.set_session, scopes=("assistant:write", "chat:write")
    ),
    "assistant.threads.setStatus": Method(
        run=calls_signs.set_status, scopes=("assistant:write", "chat:write")
    ),
    "bots.info": Method(run=calls_people.bot_info, scopes=("users:read",)),
    "chat.appendStream": Method(run=calls_streams.append, scopes=("chat:write",)),
    "chat.delete": Method(run=calls_chat.delete, scopes=("chat:write",)),
    "chat.getPermalink": Method(run=calls_chat.get_permalink),
    "chat.postEphemeral": Method(run=calls_chat.post_ephemeral, scopes=("chat:write",)),
    "chat.postMessage": Method(run=calls_chat.post_message, scopes=("chat:write",)),
    "chat.startStream": Method(run=calls_streams.start, scopes=("chat:write",)),
    "chat.stopStream": Method(run=calls_streams.stop, scopes=("chat:write",)),
    "chat.update": Method(run=calls_chat.update, scopes=("chat:write",)),
    "conversations.history": Method(run=calls_reads.history, scopes=tuple(HISTORY_SCOPE.values())),
    "conversations.info": Method(run=calls_reads.info, scopes=READ_SCOPES),
    "conversations.members": Method(run=calls_reads.members, scopes=READ_SCOPES),
    "conversations.open": Method(run=calls_reads.open_conversation, scopes=("im:write", "mpim:write")),
    "conversations.replies": Method(run=calls_reads.replies, scopes=tuple(HISTORY_SCOPE.values())),
    "files.completeUploadExternal": Method(run=calls_files.complete_upload, scopes=("files:write",)),
    "files.getUploadURLExternal": Method(run=calls_files.get_upload_url, scopes=("files:write",)),
    "files.info": Method(run=calls_files.info, scopes=("files:read",)),
    "reactions.add": Method(run=calls_signs.react, scopes=("reactions:write",)),
    "reactions.remove": Method(run=calls_signs.unreact, scopes=("reactions:write",)),
    "team.info": Method(run=calls_people.team_info, scopes=("team:read",)),
    "usergroups.list": Method(run=calls_groups.groups, scopes=("usergroups:read",)),
    "usergroups.users.list": Method(run=calls_groups.members, scopes=("usergroups:read",)),
    "users.info": Method(run=calls_people.user_info, scopes=("users:read",)),
    "users.list": Method(run=calls_people.users_list, scopes=("users:read",)),
    "views.open": Method(run=calls_views.open_view),
    "views.publish": Method(run=calls_views.publish_view),
}


def check_scopes(
    method: str, needed: tuple[str, ...], granted: frozenset[str], params: Params, workspace: Workspace
) -> None:
    """Refuse a call whose token lacks the scope.

    Reads of a conversation need the scope of its kind.

    Raises:
        SlackRefusal: missing_scope with ``needed`` and ``provided``.
    """
    channel = workspace.channels.get(params.text("channel") or "")
    if channel is not None and method in ("conversations.history", "conversations.replies"):
        needed = (HISTORY_SCOPE[channel.kind],)
    if needed and not granted & set(needed):
        raise SlackRefusal("missing_scope", needed=needed[0], provided=",".join(sorted(granted)))
