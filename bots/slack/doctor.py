"""What ``moonthread check`` tells about Slack."""

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bots.check_result import Finding
from bots.slack.credentials import TIMEOUT, SlackConfig, check_app_token, client_for, identify
from bots.slack.errors import code_of, translated
from bots.slack.setup import AGENT_SCOPES, SCOPES
from core.domain.errors import SettingsError, SurfaceError, SurfaceUnavailable


async def examine(config: SlackConfig, *, desk: str = "") -> list[Finding]:
    """Ask Slack about every credential and return what it said; changes nothing there.

    ``desk`` is the channel where a team takes conversations over; "" for none here.
    """
    async with aiohttp.ClientSession(timeout=TIMEOUT) as session:
        client = client_for(config, session)
        found = await _bot(client, config)
        known = all(one.level != "fault" for one in found)
        room = await _desk(client, desk) if desk and known else []
        return [*found, *await _way_in(client, config), *room]


async def _bot(client: AsyncWebClient, config: SlackConfig) -> list[Finding]:
    try:
        me, granted = await identify(client, agent=config.agent)
    except SettingsError as exc:
        return [_refused(fault) for fault in exc.faults]
    except SurfaceUnavailable as exc:
        return [_unreachable(exc)]
    wanted = SCOPES + (AGENT_SCOPES if config.agent else ())
    missing = [scope for scope in wanted if scope not in granted]
    found = [Finding("ok", f'Slack: the bot is @{me.name} in the workspace "{me.team}"')]
    if missing and granted:
        advice = 'add them under "OAuth & Permissions" of your Slack app and install it again'
        mute = "chat:write" in missing
        found.append(
            Finding(
                "fault" if mute else "warning", f"Slack: scopes are missing: {', '.join(missing)}", advice
            )
        )
    return found


async def _way_in(client: AsyncWebClient, config: SlackConfig) -> list[Finding]:
    if not config.app_token:
        if config.signing_secret:
            return [Finding("ok", "Slack: HTTP mode, requests are checked with the signing secret")]
        advice = "set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET for HTTP mode"
        return [Finding("fault", "Slack: no way for events to reach the bot", advice)]
    try:
        await check_app_token(client, config.app_token)
    except SettingsError as exc:
        return [_refused(fault) for fault in exc.faults]
    except SurfaceUnavailable as exc:
        return [_unreachable(exc)]
    return [Finding("ok", "Slack: Socket Mode, the app token is valid")]


async def _desk(client: AsyncWebClient, desk: str) -> list[Finding]:
    """Look whether the bot can write in a channel."""
    try:
        with translated("conversations.info", repeatable=True):
            channel = (await client.conversations_info(channel=desk)).get("channel") or {}
    except SurfaceUnavailable as exc:
        return [_unreachable(exc)]
    except SurfaceError as exc:
        advice = "take the channel's id from its details (C…), and invite the bot there"
        return [Finding("fault", f"Slack: the bot cannot see the desk {desk} ({code_of(exc)})", advice)]
    name = channel.get("name") or desk
    if channel.get("is_archived") or not channel.get("is_member"):
        return [Finding("fault", f"Slack: the bot is not in the desk #{name}", "write /invite @Kimi there")]
    return [Finding("ok", f"Slack: the desk is #{name}")]


def _refused(fault: str) -> Finding:
    what, _, advice = fault.partition(": ")
    return Finding("fault", f"Slack: {what}", advice)


def _unreachable(error: SurfaceUnavailable) -> Finding:
    return Finding("fault", f"Slack: {error}", "check the network, a proxy, and SLACK_API_URL")
