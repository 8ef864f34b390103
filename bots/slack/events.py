"""From what Slack delivers to the domain's events. Pure: no I/O, no clock.

A body is what Bolt hands over: the envelope of an event (``type: event_callback``), the form of a
slash command, or the payload of a pressed button. Sources:
https://docs.slack.dev/apis/events-api and https://docs.slack.dev/reference/events/message
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from bots.slack import changes, controls, text
from bots.slack.attachments import attachments_of, unreadable
from bots.slack.people import Identity, Profile, names_of, person_of
from bots.slack.places import address_of, details_of, moment_of, scene_of, tenant_of
from core.domain.events import (
    Address,
    Addressed,
    Choice,
    CommandName,
    Control,
    Event,
    Moved,
    Ordered,
    Pressed,
    Said,
    Scene,
    ThreadKey,
)

Body: TypeAlias = Mapping[str, Any]

SPOKEN = frozenset({"", "file_share", "thread_broadcast"})
"""The subtypes of ``message`` that are a person saying something; all others are ignored."""


class UnreadableEvent(ValueError):
    """An event of a kind that concerns us has not the shape it should have."""


def decode(body: Body, me: Identity, people: Mapping[str, Profile], *, received_at: datetime) -> Event | None:
    """Return the event in ``body``; None where it does not concern us.

    ``people`` gives the names that are known; an unknown one stays an id. ``received_at`` is the
    time of a slash command, which carries none.

    Raises:
        UnreadableEvent: it should concern us, and cannot be read.
    """
    try:
        return _decode(body, me, people, received_at)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as exc:
        raise UnreadableEvent(f"{type(exc).__name__}: {exc}") from exc


def people_in(body: Body) -> frozenset[str]:
    """Return the ids of the people whose names :func:`decode` would use for ``body``."""
    match body:
        case {"event": {"subtype": "message_deleted"} | {"message": {"subtype": "tombstone"}} as event}:
            return frozenset({author} if isinstance(author := changes.before(event).get("user"), str) else ())
        case {"event": {"message": {"user": str(author), "text": str(said)}}}:
            return text.people_in(said) | {author}
        case {"event": {"user": str(author), "text": str(said)}}:
            return text.people_in(said) | {author}
        case {"event": {"user": str(author)}} | {"user_id": str(author)} | {"user": {"id": str(author)}}:
            return frozenset({author})
        case _:
            return frozenset()


def _decode(body: Body, me: Identity, people: Mapping[str, Profile], received_at: datetime) -> Event | None:
    match body:
        case {"type": "event_callback", "event": {"type": "message" | "app_mention"} as event}:
            return _message(event, tenant_of(body, me), me, people)
        case {"type": "event_callback", "event": {"type": "agent_session_stopped"} as event}:
            return _stopped(event, tenant_of(body, me), me, people)
        case {"type": "event_callback", "event": {"type": "member_joined_channel"} as event}:
            return changes.joined(event, tenant_of(body, me), me, people)
        case {"type": "event_callback", "event": {"type": "channel_id_changed"} as event}:
            return Moved(
                delivery_id=f"moved:{event['old_channel_id']}:{event['new_channel_id']}",
                platform="slack",
                tenant=tenant_of(body, me),
                old_channel=event["old_channel_id"],
                new_channel=event["new_channel_id"],
            )
        case {"command": str(), "trigger_id": str()}:
            return _slash(body, tenant_of(body, me), people, received_at)
        case {"type": "block_actions", "actions": [action, *_]}:
            return _pressed(body, action, tenant_of(body, me), people)
        case _:
            return None


def _message(
    event: Mapping[str, Any], tenant: str, me: Identity, people: Mapping[str, Profile]
) -> Event | None:
    match event:
        case {"type": "message", "subtype": "message_deleted", "deleted_ts": str(ts)}:
            return changes.deleted(event, ts, tenant, me, people)
        case {"type": "message", "subtype": "message_changed", "message": {"subtype": "tombstone", "ts": ts}}:
            # What has replies leaves a stone in its place.
            return changes.deleted(event, ts, tenant, me, people)
        case {"type": "message", "subtype": "message_changed", "message": dict(changed)}:
            return changes.edited(event, changed, tenant, me, people)
        case {"bot_id": str(bot)} if bot:
            return None
        case {"user": str(author)} if author not in ("", me.user_id, "USLACK", "USLACKBOT"):
            pass
        case _:
            return None
    if (event.get("subtype") or "") not in SPOKEN or event.get("hidden") or event.get("edited"):
        return None
    return _said(event, tenant, me, people)


def _said(event: Mapping[str, Any], tenant: str, me: Identity, people: Mapping[str, Profile]) -> Event | None:
    channel, ts, raw = event["channel"], event["ts"], event.get("text") or ""
    scene = scene_of(channel, event.get("channel_type", ""))
    addressed = _addressed(raw, scene, me)
    words = text.to_markdown(raw, names=names_of(people), own_id=me.user_id)
    author = person_of(event["user"], people)
    address = address_of(tenant, channel, scene, event, author, me)
    delivery_id, sent_at = f"msg:{channel}:{ts}", moment_of(ts)
    if addressed is not Addressed.OVERHEARD and (order := _order(words)):
        command, argument = order
        return Ordered(
            delivery_id=delivery_id,
            message_id=ts,
            address=address,
            author=author,
            command=command,
            argument=argument,
            sent_at=sent_at,
            scene=scene,
            attachments=attachments_of(event),
        )
    return Said(
        delivery_id=delivery_id,
        message_id=ts,
        address=address,
        author=author,
        text=words,
        sent_at=sent_at,
        scene=scene,
        addressed=addressed,
        unreadable=unreadable(event, words),
        attachments=attachments_of(event),
    )


def _slash(form: Body, tenant: str, people: Mapping[str, Profile], received_at: datetime) -> Ordered:
    """Return the order in a slash command. Slack offers none inside a thread."""
    word, _, argument = str(form.get("text") or "").strip().partition(" ")
    if (command := _command(word)) is None:
        command, argument = CommandName.HELP, ""
    channel = form["channel_id"]
    scene = scene_of(channel, "")
    author = person_of(form["user_id"], people)
    key = ThreadKey(platform="slack", tenant=tenant, channel=channel, thread="")
    return Ordered(
        delivery_id=f"slash:{form['trigger_id']}",
        message_id="",
        address=Address(key=key, details=details_of("", "", tenant, author)),
        author=author,
        command=command,
        argument=argument.strip(),
        sent_at=received_at,
        scene=scene,
    )


def _stopped(event: Mapping[str, Any], tenant: str, me: Identity, people: Mapping[str, Profile]) -> Ordered:
    """Return the order that Slack's own Stop button stands for (apps with the agent view)."""
    channel, thread_ts = event["channel"], event["thread_ts"]
    scene, author = scene_of(channel, ""), person_of(event["user"], people)
    at = event.get("event_ts") or max(event.get("streaming_message_ts") or [thread_ts])
    return Ordered(
        delivery_id=f"stopped:{channel}:{thread_ts}:{at}",
        message_id="",
        address=address_of(tenant, channel, scene, {"ts": thread_ts, **event}, author, me),
        author=author,
        command=CommandName.STOP,
        argument="",
        sent_at=moment_of(at),
        scene=scene,
    )


def _pressed(
    body: Body, action: Mapping[str, Any], tenant: str, people: Mapping[str, Profile]
) -> Pressed | None:
    """Return the button pressed; None for one that is not ours."""
    if (pressed := controls.read(action)) is None:
        return None
    container, user = body["container"], body["user"]
    channel, ts = container["channel_id"], container["message_ts"]
    thread = (body.get("message") or {}).get("thread_ts") or container.get("thread_ts") or ""
    # A message at the top level that somebody has replied to carries its own ts as thread_ts.
    thread = "" if thread == ts else thread
    author, team = person_of(user["id"], people), user.get("team_id") or tenant
    key = ThreadKey(platform="slack", tenant=tenant, channel=channel, thread=thread)
    return Pressed(
        delivery_id=f"press:{action['action_ts']}:{channel}:{ts}",
        message_id=ts,
        address=Address(key=key, details=details_of(thread, thread, team, author)),
        author=author,
        control=pressed if isinstance(pressed, Control) else None,
        sent_at=moment_of(action["action_ts"]),
        scene=scene_of(channel, ""),
        choice=pressed.data if isinstance(pressed, Choice) else "",
    )


def _addressed(raw: str, scene: Scene, me: Identity) -> Addressed:
    if scene is Scene.DIRECT:
        return Addressed.DIRECT
    return Addressed.MENTION if text.mentions(raw, me.user_id) else Addressed.OVERHEARD


def _order(words: str) -> tuple[CommandName, str] | None:
    """Return the command and its argument in "/new …"; None where ``words`` are no command."""
    if not words.startswith("/"):
        return None
    word, _, argument = words[1:].partition(" ")
    command = _command(word)
    return (command, argument.strip()) if command else None


def _command(word: str) -> CommandName | None:
    try:
        return CommandName(word.strip().lower().removeprefix("/"))
    except ValueError:
        return None
