"""Addresses and times of Slack's messages, and the address of the answer. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bots.slack.people import BotIdentity
from core.domain.addresses import Address, ChatType, Person, ThreadKey


def tenant_of(body: Mapping[str, Any], identity: BotIdentity) -> str:
    """Return the team that installed the app, which is not always the person's team."""
    if identity.is_org_wide:
        return identity.team_id
    match body:
        case {"authorizations": [{"team_id": str(team)}, *_]} if team:
            return team
        case {"type": "block_actions"}:  # its team is the person's, which in Slack Connect may be another
            return identity.team_id
        case {"team": {"id": str(team)}} | {"team_id": str(team)} if team:
            return team
        case _:
            return identity.team_id


def address_of(
    tenant: str,
    channel: str,
    chat_type: ChatType,
    message: Mapping[str, Any],
    author: Person,
    identity: BotIdentity,
) -> Address:
    """Return the address of the answer to ``message``: a thread in channels, the top level in a DM."""
    own_ts, thread = message["ts"], message.get("thread_ts") or ""
    if chat_type is ChatType.GROUP or identity.agent_view:
        thread = thread or own_ts
    team = message.get("user_team") or message.get("source_team") or message.get("team") or tenant
    key = ThreadKey(platform="slack", tenant=tenant, channel=channel, thread=thread)
    return Address(key=key, details=details_of(thread or own_ts, team, author, question_ts=own_ts))


def details_of(status_ts: str, team_id: str, author: Person, *, question_ts: str = "") -> dict[str, str]:
    """Return ``Address.details``; :mod:`bots.slack.surface` documents the keys."""
    return {
        "status_ts": status_ts,
        "question_ts": question_ts or status_ts,
        "recipient_user": author.id,
        "recipient_team": team_id,
        "language": author.language,
    }


def chat_type_of(channel: str, channel_type: str) -> ChatType:
    """Return the chat type of a channel; ids of direct conversations begin with D."""
    direct = channel_type == "im" or channel.startswith("D")
    return ChatType.DIRECT if direct else ChatType.GROUP


def parse_ts(ts: str) -> datetime:
    """Return the time in a Slack ``ts``: seconds since 1970, a dot, and a counter."""
    return datetime.fromtimestamp(float(ts), tz=UTC)
