"""usergroups.*: the groups of people that a workspace knows, such as @support."""

from bots.simulator.slack.params import Params
from bots.simulator.slack.records import Json, UserGroup
from bots.simulator.slack.rules import SlackRefusal
from bots.simulator.slack.workspace import Workspace


def groups(workspace: Workspace, params: Params) -> Json:
    """usergroups.list."""
    disabled = bool(params.flag("include_disabled"))
    found = [group for group in workspace.groups.values() if disabled or not group.disabled]
    return {"usergroups": [_json(workspace, group) for group in found]}


def members(workspace: Workspace, params: Params) -> Json:
    """usergroups.users.list."""
    group = workspace.groups.get(params.required("usergroup"))
    if group is None or (group.disabled and not params.flag("include_disabled")):
        raise SlackRefusal("no_such_subteam")
    return {"users": sorted(group.members)}


def _json(workspace: Workspace, group: UserGroup) -> Json:
    return {
        "id": group.id,
        "team_id": workspace.team,
        "is_usergroup": True,
        "name": group.name,
        "handle": group.handle,
        "is_external": False,
        "date_delete": 1 if group.disabled else 0,
        "user_count": len(group.members),
    }
