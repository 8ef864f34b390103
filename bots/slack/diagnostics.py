"""The checks of ``moonthread check`` for Slack."""

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bots.check_result import CheckResult
from bots.slack.app_manifest import AGENT_SCOPES, SCOPES
from bots.slack.credentials import HTTP_TIMEOUT, SlackConfig, build_client, check_app_token, identify
from bots.slack.errors import error_code, translate_errors
from core.domain.errors import PlatformError, PlatformUnavailable, SettingsError


async def run_checks(config: SlackConfig, *, desk_channel: str = "") -> list[CheckResult]:
    """Check every credential at Slack; changes nothing there.

    Args:
        config: the credentials to check.
        desk_channel: channel of the team's desk; "" if it is not on Slack.
    """
    async with aiohttp.ClientSession(timeout=HTTP_TIMEOUT) as session:
        client = build_client(config, session)
        found = await _check_bot(client, config)
        usable = all(one.level != "fault" for one in found)
        room = await _check_desk(client, desk_channel) if desk_channel and usable else []
        return [*found, *await _check_event_delivery(client, config), *room]


async def check_bot_token(config: SlackConfig) -> list[CheckResult]:
    """Check only the bot token and its scopes."""
    async with aiohttp.ClientSession(timeout=HTTP_TIMEOUT) as session:
        return await _check_bot(build_client(config, session), config)


async def check_event_delivery(config: SlackConfig) -> list[CheckResult]:
    """Check only the way that events take to the bot: the app token, or the signing secret."""
    async with aiohttp.ClientSession(timeout=HTTP_TIMEOUT) as session:
        return await _check_event_delivery(build_client(config, session), config)


async def _check_bot(client: AsyncWebClient, config: SlackConfig) -> list[CheckResult]:
    try:
        me, granted = await identify(client, agent_view=config.agent_view)
    except SettingsError as exc:
        return [_refused_result(fault) for fault in exc.faults]
    except PlatformUnavailable as exc:
        return [_unreachable_result(exc)]
    wanted = SCOPES + (AGENT_SCOPES if me.agent_view else ())
    missing = [scope for scope in wanted if scope not in granted]
    view = ", with the agent view" if me.agent_view else ""
    found = [CheckResult("ok", f'Slack: the bot is @{me.name} in the workspace "{me.team_name}"{view}')]
    if me.is_org_wide:
        what = "Slack: the app is installed for the whole organisation, but one workspace is served"
        found.append(CheckResult("warning", what, "install the app in that workspace, and use its bot token"))
    if missing and granted:
        advice = 'add them under "OAuth & Permissions" of your Slack app and install it again'
        mute = "chat:write" in missing
        found.append(
            CheckResult(
                "fault" if mute else "warning", f"Slack: scopes are missing: {', '.join(missing)}", advice
            )
        )
    return found


async def _check_event_delivery(client: AsyncWebClient, config: SlackConfig) -> list[CheckResult]:
    if not config.app_token:
        if config.signing_secret:
            return [CheckResult("ok", "Slack: HTTP mode, requests are checked with the signing secret")]
        advice = "set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET for HTTP mode"
        return [CheckResult("fault", "Slack: no way for events to reach the bot", advice)]
    try:
        await check_app_token(client, config.app_token)
    except SettingsError as exc:
        return [_refused_result(fault) for fault in exc.faults]
    except PlatformUnavailable as exc:
        return [_unreachable_result(exc)]
    return [CheckResult("ok", "Slack: Socket Mode, the app token is valid")]


async def _check_desk(client: AsyncWebClient, desk_channel: str) -> list[CheckResult]:
    """Check that the bot is a member of the desk's channel."""
    try:
        with translate_errors("conversations.info", idempotent=True):
            channel = (await client.conversations_info(channel=desk_channel)).get("channel") or {}
    except PlatformUnavailable as exc:
        return [_unreachable_result(exc)]
    except PlatformError as exc:
        advice = "take the channel's id from its details (C…), and invite the bot there"
        return [
            CheckResult(
                "fault", f"Slack: the bot cannot see the desk {desk_channel} ({error_code(exc)})", advice
            )
        ]
    name = channel.get("name") or desk_channel
    if channel.get("is_archived") or not channel.get("is_member"):
        return [
            CheckResult("fault", f"Slack: the bot is not in the desk #{name}", "write /invite @Kimi there")
        ]
    return [CheckResult("ok", f"Slack: the desk is #{name}")]


def _refused_result(fault: str) -> CheckResult:
    what, _, advice = fault.partition(": ")
    return CheckResult("fault", f"Slack: {what}", advice)


def _unreachable_result(error: PlatformUnavailable) -> CheckResult:
    return CheckResult("fault", f"Slack: {error}", "check the network, a proxy, and SLACK_API_URL")
