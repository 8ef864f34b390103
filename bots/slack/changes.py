"""What changes in a channel without a word being said: edits, deletions, people who come. Pure.

Sources: https://docs.slack.dev/reference/events/message/message_changed,
https://docs.slack.dev/reference/events/message/message_deleted and
https://docs.slack.dev/reference/events/member_joined_channel
"""

from collections.abc import Mapping
from typing import Any

from bots.slack import text
from bots.slack.people import Identity, Profile, names_of, person_of
from bots.slack.places import address_of, details_of, moment_of, scene_of
from core.domain.events import Address, Deleted, Edited, Joined, Scene, ThreadKey


def edited(
    event: Mapping[str, Any],
    changed: Mapping[str, Any],
    tenant: str,
    me: Identity,
    people: Mapping[str, Profile],
) -> Edited | None:
    """Return the change of a person's words; unfurled links and new replies change none."""
    match changed, event.get("previous_message"):
        case {"bot_id": str(bot)}, _ if bot:
            return None
        case {"user": me.user_id | "USLACK" | "USLACKBOT"}, _:
            return None
        case {"text": str(now)}, {"text": str(before)} if now == before:
            return None
        case {"user": str(user), "ts": str(ts), "edited": {"ts": str(edited_ts)}}, _:
            pass
        case _:
            return None
    channel = event["channel"]
    scene = scene_of(channel, event.get("channel_type", ""))
    author = person_of(user, people)
    return Edited(
        delivery_id=f"edit:{channel}:{ts}:{edited_ts}",
        message_id=ts,
        address=address_of(tenant, channel, scene, changed, author, me),
        author=author,
        text=text.to_markdown(changed.get("text") or "", names=names_of(people), own_id=me.user_id),
        sent_at=moment_of(edited_ts),
        scene=scene,
    )


def before(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the message as it was before a change; empty where Slack does not tell."""
    found = event.get("previous_message")
    return found if isinstance(found, Mapping) else {}


def deleted(
    event: Mapping[str, Any], ts: str, tenant: str, me: Identity, people: Mapping[str, Profile]
) -> Deleted | None:
    """Return that a person's message is gone; None for a bot's."""
    gone, channel = before(event), event["channel"]
    user = gone.get("user") or ""
    if gone.get("bot_id") or user in ("", me.user_id, "USLACK", "USLACKBOT"):
        return None
    scene, author = scene_of(channel, event.get("channel_type", "")), person_of(user, people)
    return Deleted(
        delivery_id=f"deleted:{channel}:{ts}",
        message_id=ts,
        address=address_of(tenant, channel, scene, {**gone, "ts": ts}, author, me),
        author=author,
        sent_at=moment_of(event.get("event_ts") or event.get("ts") or ts),
        scene=scene,
    )


def joined(
    event: Mapping[str, Any], tenant: str, me: Identity, people: Mapping[str, Profile]
) -> Joined | None:
    """Return who came into a channel; None where it is us."""
    if event["user"] in ("", me.user_id, "USLACK", "USLACKBOT"):
        return None
    channel, author = event["channel"], person_of(event["user"], people)
    key = ThreadKey(platform="slack", tenant=tenant, channel=channel, thread="")
    return Joined(
        delivery_id=f"joined:{channel}:{author.id}:{event['event_ts']}",
        address=Address(key=key, details=details_of("", "", event.get("team") or tenant, author)),
        author=author,
        sent_at=moment_of(event["event_ts"]),
        scene=Scene.GROUP,
    )
