"""Files of a Telegram message, as attachments. Pure.

Photos and video notes have neither name nor media type; the last size of a photo is the largest
(https://core.telegram.org/bots/api#message).
"""

from telegram import Animation, Document, Message, PhotoSize, Video, VideoNote

from core.domain.message_content import Attachment, AttachmentKind


def attachments_of(message: Message) -> tuple[Attachment, ...]:
    """Return the file of ``message``; a message has at most one."""
    match message:
        case Message(photo=[*_, PhotoSize() as photo]):
            return (_attachment(AttachmentKind.PICTURE, photo, media_type="image/jpeg"),)
        case Message(animation=Animation() as video) | Message(video=Video() as video):
            # An animation arrives as a document too; a "GIF" on Telegram is a video.
            kind = AttachmentKind.VIDEO
            return (_attachment(kind, video, name=video.file_name, media_type=video.mime_type),)
        case Message(video_note=VideoNote() as note):
            return (_attachment(AttachmentKind.VIDEO, note, media_type="video/mp4"),)
        case Message(document=Document() as document):
            kind = AttachmentKind.FILE
            return (_attachment(kind, document, name=document.file_name, media_type=document.mime_type),)
        case _:
            return ()


def media_group_id(message: Message) -> str:
    """Return the id of the album that a message belongs to, unique over all chats; "" if none."""
    return f"{message.chat.id}:{message.media_group_id}" if message.media_group_id else ""


def _attachment(
    kind: AttachmentKind,
    file: PhotoSize | Animation | Video | VideoNote | Document,
    *,
    name: str | None = None,
    media_type: str | None = None,
) -> Attachment:
    return Attachment(
        kind=kind,
        name=name or "",
        media_type=media_type or "",
        size_bytes=file.file_size or 0,
        source={"file_id": file.file_id},
    )
