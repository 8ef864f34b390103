"""Parses Slack's deliveries into the domain's events. Pure: no I/O, no clock.

A body is the value that Bolt passes on: the envelope of an event (``type: event_callback``), the form of a
slash command, or the payload of a pressed button. Sources:
https://docs.slack.dev/apis/events-api and https://docs.slack.dev/reference/events/message
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeAlias

from bots.slack import buttons, lifecycle_events, shortcuts
from bots.slack.addressing import address_of, chat_type_of, details_of, parse_ts, tenant_of
from bots.slack.incoming_markdown import to_markdown
from bots.slack.message_content import is_by_app
from bots.slack.messages import MESSAGE_SUBTYPES, NO_PERSON, as_command, build_message, command_name
from bots.slack.people import BotIdentity, KnownNames, Profile, names_of, person_of
from core.domain.addresses import Address, ChatType, ThreadKey
from core.domain.command_names import CommandName
from core.domain.events import (
    ButtonPressed,
    ChannelMigrated,
    CommandReceived,
    Event,
    Mention,
    MessageReceived,
)
from core.text.visible_text import clean_text

Body: TypeAlias = Mapping[str, Any]

PRIVATE_COMMANDS = frozenset(
    {
        CommandName.START,
        CommandName.HELP,
        CommandName.NEW,
        CommandName.STOP,
        CommandName.MODEL,
        CommandName.THINK,
        CommandName.SYSTEM,
        CommandName.CONTEXT,
        CommandName.FILES,
        CommandName.SEARCH,
        CommandName.TOOLS,
        CommandName.LANGUAGE,
        CommandName.USAGE,
        CommandName.FORGET,
        CommandName.CONSOLE,
    }
)
"""Slash commands whose reply only the person sees who gave them; others concern everybody in the channel."""


class MalformedEvent(ValueError):
    """Raised if an event of a type that we handle lacks the documented fields."""


def parse_event(
    body: Body, identity: BotIdentity, known: KnownNames, *, received_at: datetime
) -> Event | None:
    """Return the event in ``body``; None if it is not for the bot.

    Args:
        body: an event's envelope, a slash command's form or a button's payload.
        identity: the bot.
        known: names of the people, channels and user groups in it; others are named by their id.
        received_at: the time of a slash command, which carries none.

    Raises:
        MalformedEvent: the event is of a type that we handle, but cannot be parsed.
    """
    try:
        return _parse(body, identity, known, received_at)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError) as exc:
        raise MalformedEvent(f"{type(exc).__name__}: {exc}") from exc


def _parse(body: Body, identity: BotIdentity, known: KnownNames, received_at: datetime) -> Event | None:
    profiles = known.profiles
    match body:
        case {"type": "event_callback", "event": {"type": "message" | "app_mention"} as event}:
            return _parse_message(event, tenant_of(body, identity), identity, known)
        case {"type": "event_callback", "event": {"type": "agent_session_stopped"} as event}:
            return _parse_stop(event, tenant_of(body, identity), identity, profiles)
        case {"type": "event_callback", "event": {"type": "member_joined_channel"} as event}:
            return lifecycle_events.parse_join(event, tenant_of(body, identity), identity, profiles)
        case {"type": "event_callback", "event": {"type": "reaction_added" | "reaction_removed"} as event}:
            return lifecycle_events.parse_reaction(event, tenant_of(body, identity), identity, profiles)
        case {"type": "event_callback", "event": {"type": "channel_id_changed"} as event}:
            return ChannelMigrated(
                delivery_id=f"moved:{event['old_channel_id']}:{event['new_channel_id']}",
                platform="slack",
                tenant=tenant_of(body, identity),
                old_channel=event["old_channel_id"],
                new_channel=event["new_channel_id"],
            )
        case {"command": str(), "trigger_id": str()}:
            return _parse_slash_command(body, tenant_of(body, identity), profiles, received_at)
        case {"type": "message_action" | "view_submission"}:
            return shortcuts.parse_shortcut(body, tenant_of(body, identity), profiles, received_at)
        case {"type": "block_actions", "actions": [action, *_]}:
            return _parse_button_press(body, action, tenant_of(body, identity), profiles)
        case _:
            return None


def _parse_message(
    event: Mapping[str, Any], tenant: str, identity: BotIdentity, known: KnownNames
) -> Event | None:
    match event:
        case {"type": "message", "subtype": "message_deleted", "deleted_ts": str(ts)}:
            return lifecycle_events.parse_deletion(event, ts, tenant, identity, known.profiles)
        case {"type": "message", "subtype": "message_changed", "message": {"subtype": "tombstone", "ts": ts}}:
            # A deleted message that has replies arrives as message_changed with subtype tombstone.
            return lifecycle_events.parse_deletion(event, ts, tenant, identity, known.profiles)
        case {"type": "message", "subtype": "message_changed", "message": dict(changed)}:
            return lifecycle_events.parse_edit(event, changed, tenant, identity, known)
        case {"user": identity.user_id} | {"user": "USLACK" | "USLACKBOT"}:
            return None
        case {"bot_id": identity.bot_id} if identity.bot_id:
            return None
        case {"user": str(author)} if author not in NO_PERSON:
            pass
        case _ if not is_by_app(event):
            return None
    if (event.get("subtype") or "") not in MESSAGE_SUBTYPES or event.get("hidden") or event.get("edited"):
        return None
    message = build_message(event, event["channel"], event.get("channel_type") or "", tenant, identity, known)
    # An app that commands could go round in circles with the bot; its questions are counted.
    return message if message.by_app else as_command(message) or message


def _parse_slash_command(
    form: Body, tenant: str, profiles: Mapping[str, Profile], received_at: datetime
) -> CommandReceived | MessageReceived:
    """Return the command in a slash command, or the question; Slack offers none inside a thread."""
    text = str(form.get("text") or "").strip()
    word, _, argument = text.partition(" ")
    if (command := command_name(word)) is None:
        if is_question(text):
            return _slash_question(form, text, tenant, profiles, received_at)
        command, argument = CommandName.HELP, ""
    channel = form["channel_id"]
    chat_type = chat_type_of(channel, "")
    author = person_of(form["user_id"], profiles)
    key = ThreadKey(platform="slack", tenant=tenant, channel=channel, thread="")
    details = details_of("", tenant, author)
    response_url = form.get("response_url")
    if isinstance(response_url, str) and chat_type is ChatType.GROUP and command in PRIVATE_COMMANDS:
        details["response_url"] = response_url
    return CommandReceived(
        delivery_id=f"slash:{form['trigger_id']}",
        message_id="",
        address=Address(key=key, details=details),
        author=author,
        command=command,
        argument=argument.strip(),
        sent_at=received_at,
        chat_type=chat_type,
    )


def is_question(text: str) -> bool:
    """Return whether a slash command's text asks something; a single Latin word is a mistyped command."""
    return bool(text) and re.fullmatch(r"/?[A-Za-z_-]+[.!]*", text) is None


def _slash_question(
    form: Body, text: str, tenant: str, profiles: Mapping[str, Profile], received_at: datetime
) -> MessageReceived:
    """Return the question in a slash command, which nobody else sees; the answer repeats it."""
    channel, author = form["channel_id"], person_of(form["user_id"], profiles)
    chat_type = chat_type_of(channel, "")
    key = ThreadKey(platform="slack", tenant=tenant, channel=channel, thread="")
    details = details_of("", tenant, author)
    if isinstance(url := form.get("response_url"), str):
        details["slash_url"] = url
    return MessageReceived(
        delivery_id=f"slash:{form['trigger_id']}",
        message_id="",
        address=Address(key=key, details=details),
        author=author,
        text=clean_text(to_markdown(text, names=names_of(profiles))),
        sent_at=received_at,
        chat_type=chat_type,
        mention=Mention.DIRECT if chat_type is ChatType.DIRECT else Mention.BY_NAME,
        allows_follow_up=False,
        is_hidden=True,
    )


def _parse_stop(
    event: Mapping[str, Any], tenant: str, identity: BotIdentity, profiles: Mapping[str, Profile]
) -> CommandReceived:
    """Return the command of Slack's own Stop button, which apps with the agent view have."""
    channel, thread_ts = event["channel"], event["thread_ts"]
    chat_type, author = chat_type_of(channel, ""), person_of(event["user"], profiles)
    at = event.get("event_ts") or max(event.get("streaming_message_ts") or [thread_ts])
    return CommandReceived(
        delivery_id=f"stopped:{channel}:{thread_ts}:{at}",
        message_id="",
        address=address_of(tenant, channel, chat_type, {"ts": thread_ts, **event}, author, identity),
        author=author,
        command=CommandName.STOP,
        argument="",
        sent_at=parse_ts(at),
        chat_type=chat_type,
    )


def _parse_button_press(
    body: Body, action: Mapping[str, Any], tenant: str, profiles: Mapping[str, Profile]
) -> ButtonPressed | None:
    """Return the press of a button; None if it is not one of ours."""
    if (pressed := buttons.parse_button(action)) is None:
        return None
    container, user = body["container"], body["user"]
    channel, ts = container["channel_id"], container["message_ts"]
    thread = (body.get("message") or {}).get("thread_ts") or container.get("thread_ts") or ""
    # A top-level message with replies carries its own ts as thread_ts.
    thread = "" if thread == ts else thread
    author, team = person_of(user["id"], profiles), user.get("team_id") or tenant
    key = ThreadKey(platform="slack", tenant=tenant, channel=channel, thread=thread)
    return ButtonPressed(
        delivery_id=f"press:{action['action_ts']}:{channel}:{ts}",
        message_id=ts,
        address=Address(key=key, details=details_of(thread, team, author)),
        author=author,
        action=pressed,
        sent_at=parse_ts(action["action_ts"]),
        chat_type=chat_type_of(channel, ""),
    )
