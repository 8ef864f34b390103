"""Who is who: auth.test, users.*, team.info, bots.info; and api.test."""

from bots.simulator.slack.calls_reads import page
from bots.simulator.slack.params import Params
from bots.simulator.slack.records import Json, Person
from bots.simulator.slack.rules import SlackRefusal
from bots.simulator.slack.workspace import APP_ID, BOT_ID, Workspace


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
        "is_enterprise_install": workspace.org_wide,
    }


def user_info(workspace: Workspace, params: Params) -> Json:
    """users.info."""
    person = workspace.people.get(params.required("user"))
    if person is None:
        raise SlackRefusal("user_not_found")
    return {"user": _person_json(workspace, person, locale=bool(params.flag("include_locale")))}


def users_list(workspace: Workspace, params: Params) -> Json:
    """users.list."""
    people = [_person_json(workspace, person, locale=False) for person in workspace.people.values()]
    return page("members", people, params.number("limit", 100), params)


def _person_json(workspace: Workspace, person: Person, *, locale: bool) -> Json:
    body: Json = {
        "id": person.id,
        "team_id": person.team,
        "name": person.name.lower().replace(" ", "."),
        "real_name": person.name,
        "deleted": False,
        "is_bot": person.is_bot,
        "is_admin": person.admin,
        "is_owner": False,
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
