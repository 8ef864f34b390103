"""Makes recordings part of what the bot reads, or takes them out if it cannot hear. Pure."""

from dataclasses import replace

from core.domain.events import Event, MessageReceived
from core.domain.message_content import (
    Attachment,
    AttachmentKind,
    MessageContent,
    ReplyContext,
    UnsupportedContent,
)


def with_recordings(event: Event, *, hears: bool) -> Event:
    """Return a message with its recordings, and those that it replies to, as attachments; others as they are.

    Without hearing a clip is a video, and a voice message is what people alone can use.
    """
    if not isinstance(event, MessageReceived):
        return event
    attachments = tuple(_resolve(one, hears=hears) for one in event.attachments)
    event = replace(event, attachments=attachments, quoted=_with_quoted(event.quoted, hears=hears))
    if not hears or event.unsupported_content not in (None, UnsupportedContent.VOICE):
        return event
    recordings = tuple(one for one in event.relay_files if one.kind is AttachmentKind.AUDIO)
    return replace(
        event,
        attachments=(*attachments, *recordings),
        relay_files=tuple(one for one in event.relay_files if one.kind is not AttachmentKind.AUDIO),
        unsupported_content=None,
    )


def with_recordings_in(content: MessageContent, *, hears: bool) -> MessageContent:
    """Return the content of a message that was read from a thread, in the same way."""
    attachments, unsupported = _readable(content.attachments, content.unsupported, hears=hears)
    return replace(
        content,
        attachments=attachments,
        unsupported=unsupported,
        reply=_with_quoted(content.reply, hears=hears),
    )


def _with_quoted(reply: ReplyContext | None, *, hears: bool) -> ReplyContext | None:
    if reply is None:
        return None
    attachments, unsupported = _readable(reply.attachments, reply.unsupported, hears=hears)
    return replace(reply, attachments=attachments, unsupported=unsupported)


def _readable(
    attachments: tuple[Attachment, ...], unsupported: tuple[UnsupportedContent, ...], *, hears: bool
) -> tuple[tuple[Attachment, ...], tuple[UnsupportedContent, ...]]:
    """Return the attachments that can be read, and what else cannot."""
    if hears:
        unsupported = tuple(one for one in unsupported if one is not UnsupportedContent.VOICE)
        return tuple(_resolve(one, hears=True) for one in attachments), unsupported
    is_only_voice = UnsupportedContent.VOICE in unsupported
    kept = (one for one in attachments if not (is_only_voice and one.kind is AttachmentKind.AUDIO))
    return tuple(_resolve(one, hears=False) for one in kept), unsupported


def _resolve(attachment: Attachment, *, hears: bool) -> Attachment:
    """Return an attachment of the kind that it is read as."""
    if attachment.kind is AttachmentKind.CLIP:
        return replace(attachment, kind=AttachmentKind.AUDIO if hears else AttachmentKind.VIDEO)
    return attachment
