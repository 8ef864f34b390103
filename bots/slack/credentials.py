"""Credentials for Slack, the client that uses them, and the check that Slack accepts them."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.errors import BAD_CREDENTIAL_CODES, error_code, translate_errors
from bots.slack.people import BotIdentity
from core.domain.errors import (
    PlatformError,
    PlatformForbidden,
    PlatformRefused,
    PlatformUnavailable,
    SettingsError,
)

HTTP_TIMEOUT = aiohttp.ClientTimeout(total=15.0, connect=5.0)
"""Timeout of every call; a reply that takes longer counts as lost."""

AGENT_SCOPE: Final = "assistant:write"
"""Scope that only an app with the agent view is granted, by its manifest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackConfig:
    """Credentials of one app; Socket Mode if there is an ``app_token``, else HTTP mode."""

    bot_token: str = field(repr=False)
    app_token: str = field(default="", repr=False)
    signing_secret: str = field(default="", repr=False)
    api_url: str = "https://slack.com/api/"
    command: str = "/kimi"
    agent_view: bool | None = None  #: whether the app has the agent view; None: if its scope is granted
    allowed_apps: frozenset[str] = frozenset()  #: ids of apps, bots or their users that are answered


def build_client(config: SlackConfig, session: aiohttp.ClientSession | None = None) -> AsyncWebClient:
    """Return a client that retries no call; it uses ``session`` if one is given."""
    client = AsyncWebClient(
        token=config.bot_token, base_url=config.api_url, session=session, retry_handlers=[]
    )
    if is_loopback(config.api_url):
        client.proxy = None  # slack_sdk uses the environment's proxy even for this machine
    return client


def is_loopback(url: str) -> bool:
    """Return whether ``url`` names this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def identify(
    client: AsyncWebClient, *, agent_view: bool | None = None
) -> tuple[BotIdentity, frozenset[str]]:
    """Return the identity that the bot token belongs to, and the scopes granted to it.

    Args:
        client: calls the Web API with the bot token.
        agent_view: whether the app has the agent view; None if the granted scopes tell it.

    Raises:
        SettingsError: Slack refused the token.
        PlatformUnavailable: Slack cannot be reached, or its reply is malformed.
    """
    try:
        with translate_errors("auth.test", idempotent=True):
            answer = await client.auth_test()
            header = str(answer.headers.get("x-oauth-scopes", ""))
            granted = frozenset(scope.strip() for scope in header.split(",") if scope.strip())
            me = BotIdentity(
                team_id=str(answer["team_id"] or answer.get("enterprise_id") or ""),
                user_id=str(answer["user_id"] or ""),
                bot_id=str(answer.get("bot_id") or ""),
                name=str(answer.get("user") or ""),
                team_name=str(answer.get("team") or ""),
                url=str(answer.get("url") or ""),
                is_org_wide=answer.get("is_enterprise_install") is True,
                agent_view=AGENT_SCOPE in granted if agent_view is None else agent_view,
            )
    except PlatformError as exc:
        raise _credentials_error(
            exc,
            "SLACK_BOT_TOKEN",
            'copy the "Bot User OAuth Token" (xoxb-…) from "OAuth & Permissions" of your Slack app, '
            "and install the app to the workspace again if it was removed",
        ) from exc
    if not me.bot_id:
        raise SettingsError(
            ["SLACK_BOT_TOKEN belongs to a person, not to a bot: use the token that begins with xoxb-"]
        )
    return me, granted


async def check_app_token(client: AsyncWebClient, app_token: str) -> None:
    """Check the app token by requesting a Socket Mode URL, which is discarded.

    Raises:
        SettingsError: Slack refused the token.
        PlatformUnavailable: Slack cannot be reached, or its reply is malformed.
    """
    try:
        with translate_errors("apps.connections.open", idempotent=True):
            await client.apps_connections_open(app_token=app_token)
    except PlatformError as exc:
        raise _credentials_error(
            exc,
            "SLACK_APP_TOKEN",
            'make an app-level token (xapp-…) with the scope connections:write under "Basic '
            'Information" of your Slack app, and turn Socket Mode on',
        ) from exc


def _credentials_error(
    error: PlatformError, setting: str, advice: str
) -> SettingsError | PlatformUnavailable:
    code = error_code(error)
    if isinstance(error, PlatformForbidden | PlatformRefused) or code in BAD_CREDENTIAL_CODES:
        return SettingsError([f"{setting} was refused by Slack ({code}): {advice}"])
    return PlatformUnavailable(f"Slack cannot be reached: {error}")
