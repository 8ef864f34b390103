"""Makes recordings part of what the bot reads, in deployments that can hear. Pure."""

from dataclasses import replace

from core.domain.events import Event, MessageReceived
from core.domain.message_content import AttachmentKind, UnsupportedContent


def with_recordings(event: Event) -> Event:
    """Return a message that consists of recordings with these as attachments; other events as they are."""
    if not isinstance(event, MessageReceived) or event.unsupported_content is not UnsupportedContent.VOICE:
        return event
    recordings = tuple(one for one in event.relay_files if one.kind is AttachmentKind.AUDIO)
    if not recordings:
        return event
    return replace(
        event,
        attachments=(*event.attachments, *recordings),
        relay_files=tuple(one for one in event.relay_files if one.kind is not AttachmentKind.AUDIO),
        unsupported_content=None,
    )
