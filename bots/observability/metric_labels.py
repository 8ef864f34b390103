"""Label values of metrics and spans for events: a table, so that renaming a class changes no dashboard."""

from typing import assert_never

from core.domain.events import (
    BotAccessChanged,
    ButtonPressed,
    ChannelMigrated,
    CommandReceived,
    Event,
    MemberJoined,
    MessageDeleted,
    MessageEdited,
    MessageReceived,
    ReactionChanged,
    UnparsedEvent,
)


def event_type_label(event: Event) -> str:  # noqa: C901 - one flat branch for each event
    """Return the value of the label ``type`` for an event."""
    match event:
        case MessageReceived():
            return "message"
        case CommandReceived():
            return "command"
        case ButtonPressed():
            return "button"
        case MessageEdited():
            return "edit"
        case MessageDeleted():
            return "deletion"
        case ReactionChanged():
            return "reaction"
        case MemberJoined():
            return "member_joined"
        case BotAccessChanged():
            return "bot_access_changed"
        case ChannelMigrated():
            return "channel_migrated"
        case UnparsedEvent():
            return "unparsed"
        case _:
            assert_never(event)
