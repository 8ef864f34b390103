"""What it takes to reach Slack, and whether Slack accepts it."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.errors import BAD_CREDENTIALS, code_of, translated
from bots.slack.people import Identity
from core.domain.errors import SettingsError, SurfaceClosed, SurfaceError, SurfaceRefused, SurfaceUnavailable

TIMEOUT = aiohttp.ClientTimeout(total=15.0, connect=5.0)
"""For every call; an answer that takes longer is a lost one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackConfig:
    """The credentials. ``app_token`` chooses Socket Mode, else ``signing_secret`` HTTP mode."""

    bot_token: str = field(repr=False)
    app_token: str = field(default="", repr=False)
    signing_secret: str = field(default="", repr=False)
    api_url: str = "https://slack.com/api/"
    command: str = "/kimi"
    agent: bool = False  #: the app was made with the agent view


def client_for(config: SlackConfig, session: aiohttp.ClientSession | None = None) -> AsyncWebClient:
    """Return a client that repeats no call by itself, on ``session`` where one is given."""
    client = AsyncWebClient(
        token=config.bot_token, base_url=config.api_url, session=session, retry_handlers=[]
    )
    if is_local(config.api_url):
        client.proxy = None  # slack_sdk takes a proxy from the environment even for this machine
    return client


def is_local(url: str) -> bool:
    """Tell whether ``url`` names this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def identify(client: AsyncWebClient, *, agent: bool = False) -> tuple[Identity, frozenset[str]]:
    """Ask Slack who the bot token belongs to; return that and the scopes granted to it.

    Raises:
        SettingsError: Slack refused the token.
        SurfaceUnavailable: Slack cannot be reached or did not answer in order.
    """
    try:
        with translated("auth.test", repeatable=True):
            answer = await client.auth_test()
            me = Identity(
                team_id=str(answer["team_id"] or answer.get("enterprise_id") or ""),
                user_id=str(answer["user_id"] or ""),
                bot_id=str(answer.get("bot_id") or ""),
                name=str(answer.get("user") or ""),
                team=str(answer.get("team") or ""),
                agent=agent,
            )
            granted = str(answer.headers.get("x-oauth-scopes", ""))
    except SurfaceError as exc:
        raise _fault(
            exc,
            "SLACK_BOT_TOKEN",
            'copy the "Bot User OAuth Token" (xoxb-…) from "OAuth & Permissions" of your Slack app, '
            "and install the app to the workspace again if it was removed",
        ) from exc
    if not me.bot_id:
        raise SettingsError(
            ["SLACK_BOT_TOKEN belongs to a person, not to a bot: use the token that begins with xoxb-"]
        )
    return me, frozenset(scope.strip() for scope in granted.split(",") if scope.strip())


async def check_app_token(client: AsyncWebClient, app_token: str) -> None:
    """Ask Slack for a Socket Mode address, and throw it away.

    Raises:
        SettingsError: Slack refused the token.
        SurfaceUnavailable: Slack cannot be reached or did not answer in order.
    """
    try:
        with translated("apps.connections.open", repeatable=True):
            await client.apps_connections_open(app_token=app_token)
    except SurfaceError as exc:
        raise _fault(
            exc,
            "SLACK_APP_TOKEN",
            'make an app-level token (xapp-…) with the scope connections:write under "Basic '
            'Information" of your Slack app, and turn Socket Mode on',
        ) from exc


def _fault(error: SurfaceError, setting: str, advice: str) -> SettingsError | SurfaceUnavailable:
    code = code_of(error)
    if isinstance(error, SurfaceClosed | SurfaceRefused) or code in BAD_CREDENTIALS:
        return SettingsError([f"{setting} was refused by Slack ({code}): {advice}"])
    return SurfaceUnavailable(f"Slack cannot be reached: {error}")
