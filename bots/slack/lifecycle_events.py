"""Parses edits and deletions of messages, reactions, and people joining a channel. Pure.

Sources: https://docs.slack.dev/reference/events/message/message_changed,
https://docs.slack.dev/reference/events/message/message_deleted,
https://docs.slack.dev/reference/events/reaction_added and
https://docs.slack.dev/reference/events/member_joined_channel
"""

from collections.abc import Mapping
from typing import Any

from bots.slack.addressing import address_of, chat_type_of, details_of, parse_ts
from bots.slack.emoji_codes import emoji_of
from bots.slack.message_content import is_by_app, is_same_content
from bots.slack.messages import NO_PERSON, build_message
from bots.slack.people import BotIdentity, KnownNames, Profile, person_of
from core.domain.addresses import Address, ChatType, ThreadKey
from core.domain.events import MemberJoined, Mention, MessageDeleted, MessageEdited, ReactionChanged


def parse_edit(
    event: Mapping[str, Any],
    message: Mapping[str, Any],
    tenant: str,
    identity: BotIdentity,
    known: KnownNames,
) -> MessageEdited | None:
    """Return an edit of a person's message; None for link previews, new replies and bots' messages."""
    if is_by_app(message) or is_same_content(message, previous_message(event)):
        return None
    match message:
        case {"user": identity.user_id | "USLACK" | "USLACKBOT"}:
            return None
        case {"user": str(), "ts": str(ts), "edited": {"ts": str(edited_ts)}}:
            pass
        case _:
            return None
    channel = event["channel"]
    now = build_message(message, channel, event.get("channel_type") or "", tenant, identity, known)
    return MessageEdited(
        delivery_id=f"edit:{channel}:{ts}:{edited_ts}",
        message_id=ts,
        address=now.address,
        author=now.author,
        text=now.text,
        sent_at=parse_ts(edited_ts),
        chat_type=now.chat_type,
        mention=now.mention if now.mention is Mention.BY_NAME else Mention.NONE,
        message=now,
    )


def previous_message(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the message before a change; {} if the event does not carry it."""
    message = event.get("previous_message")
    return message if isinstance(message, Mapping) else {}


def parse_deletion(
    event: Mapping[str, Any], ts: str, tenant: str, identity: BotIdentity, profiles: Mapping[str, Profile]
) -> MessageDeleted | None:
    """Return the deletion of a person's message; None for a bot's."""
    deleted, channel = previous_message(event), event["channel"]
    user = deleted.get("user") or ""
    if deleted.get("bot_id") or user in NO_PERSON or user == identity.user_id:
        return None
    chat_type, author = chat_type_of(channel, event.get("channel_type", "")), person_of(user, profiles)
    return MessageDeleted(
        delivery_id=f"deleted:{channel}:{ts}",
        message_id=ts,
        address=address_of(tenant, channel, chat_type, {**deleted, "ts": ts}, author, identity),
        author=author,
        sent_at=parse_ts(event.get("event_ts") or event.get("ts") or ts),
        chat_type=chat_type,
    )


def parse_join(
    event: Mapping[str, Any], tenant: str, identity: BotIdentity, profiles: Mapping[str, Profile]
) -> MemberJoined | None:
    """Return who joined a channel; None for the bot itself."""
    if event["user"] in NO_PERSON or event["user"] == identity.user_id:
        return None
    channel, author = event["channel"], person_of(event["user"], profiles)
    key = ThreadKey(platform="slack", tenant=tenant, channel=channel, thread="")
    return MemberJoined(
        delivery_id=f"joined:{channel}:{author.id}:{event['event_ts']}",
        address=Address(key=key, details=details_of("", event.get("team") or tenant, author)),
        author=author,
        sent_at=parse_ts(event["event_ts"]),
        chat_type=ChatType.GROUP,
    )


def parse_reaction(
    event: Mapping[str, Any], tenant: str, identity: BotIdentity, profiles: Mapping[str, Profile]
) -> ReactionChanged | None:
    """Return a person's reaction to a message, put there or taken away; None for a workspace's own emoji."""
    user, name, item = event["user"], event["reaction"], event["item"]
    emoji = emoji_of(name)
    if user in NO_PERSON or user == identity.user_id or item["type"] != "message" or not emoji:
        return None
    channel, ts, author = item["channel"], item["ts"], person_of(user, profiles)
    is_added = event["type"] == "reaction_added"
    key = ThreadKey(platform="slack", tenant=tenant, channel=channel, thread="")
    return ReactionChanged(
        delivery_id=f"reaction:{channel}:{ts}:{user}:{name}:{event['event_ts']}",
        message_id=ts,
        address=Address(key=key, details=details_of("", tenant, author)),
        author=author,
        sent_at=parse_ts(event["event_ts"]),
        chat_type=chat_type_of(channel, ""),
        added=(emoji,) if is_added else (),
        removed=() if is_added else (emoji,),
    )
