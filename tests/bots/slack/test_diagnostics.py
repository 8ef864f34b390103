"""What the doctor says about Slack."""

from dataclasses import replace

from bots.simulator.slack import SlackSimulator
from bots.slack.app import SlackConfig
from bots.slack.app_manifest import SCOPES
from bots.slack.diagnostics import run_checks


async def test_all_is_well(slack: SlackSimulator, config: SlackConfig) -> None:
    """Valid tokens and all scopes are two lines that name the bot and the mode."""
    found = await run_checks(config)
    assert [one.level for one in found] == ["ok", "ok"]
    assert "@moonthread" in found[0].summary
    assert "Socket Mode" in found[1].summary


async def test_the_agent_view_is_recognised_by_its_scope(slack: SlackSimulator, config: SlackConfig) -> None:
    """The agent view needs no setting: only its manifest asks for assistant:write."""
    assert "agent view" not in (await run_checks(config))[0].summary
    slack.scopes = slack.scopes | {"assistant:write"}
    assert "agent view" in (await run_checks(config))[0].summary
    assert "agent view" not in (await run_checks(replace(config, agent_view=False)))[0].summary


async def test_missing_scopes_are_named(slack: SlackSimulator, config: SlackConfig) -> None:
    """A missing scope is a warning, and a fault where nothing could be said."""
    slack.scopes = frozenset(SCOPES) - {"users:read"}
    warning = (await run_checks(config))[1]
    assert (warning.level, "users:read" in warning.summary) == ("warning", True)
    slack.scopes = frozenset({"users:read"})
    fault = (await run_checks(config))[1]
    assert (fault.level, "chat:write" in fault.summary) == ("fault", True)
    assert "install it again" in fault.advice


async def test_an_install_for_the_organisation_is_named(slack: SlackSimulator, config: SlackConfig) -> None:
    """One workspace is served: of an org-wide install the others would hear nothing."""
    slack.workspace.org_wide = True
    warning = (await run_checks(config))[1]
    assert warning.level == "warning"
    assert "whole organisation" in warning.summary


async def test_refused_tokens_are_faults(config: SlackConfig) -> None:
    """Each refused token has a line of its own that says what to do and not what it is."""
    wrong = replace(config, bot_token="xoxb-wrong", app_token="xapp-wrong")
    found = await run_checks(wrong)
    assert [one.level for one in found] == ["fault", "fault"]
    assert "SLACK_BOT_TOKEN" in found[0].summary
    assert "SLACK_APP_TOKEN" in found[1].summary
    assert all(one.advice and "wrong" not in one.summary + one.advice for one in found)


async def test_http_mode_needs_the_signing_secret(slack: SlackSimulator, config: SlackConfig) -> None:
    """Without an app token the signing secret is what is asked for."""
    signed = replace(config, app_token="", signing_secret=slack.signing_secret)
    assert (await run_checks(signed))[-1].level == "ok"
    bare = (await run_checks(replace(config, app_token="")))[-1]
    assert bare.level == "fault"
    assert "SLACK_SIGNING_SECRET" in bare.advice


async def test_a_slack_out_of_reach_is_told(config: SlackConfig) -> None:
    """No connection is a fault that points at the network."""
    found = await run_checks(replace(config, api_url="http://127.0.0.1:9/api/"))
    assert {one.level for one in found} == {"fault"}
    assert all("network" in one.advice for one in found)


async def test_a_desk_needs_the_bot_in_its_channel(slack: SlackSimulator, config: SlackConfig) -> None:
    """An unknown channel and one without the bot are faults that say what to do."""
    bo = slack.add_person("Bo")
    inside = slack.add_channel("desk", [bo])
    outside = slack.add_channel("other", [bo], with_bot=False)
    hidden = slack.add_channel("hidden", [bo], private=True, with_bot=False)
    for channel, words in (
        (outside, "/invite"),
        (hidden, "channel_not_found"),
        ("C404", "channel_not_found"),
    ):
        found = (await run_checks(config, desk_channel=channel))[-1]
        assert (found.level, words in found.summary + found.advice) == ("fault", True)
    assert [one.level for one in await run_checks(config, desk_channel=inside)] == ["ok"] * 3
