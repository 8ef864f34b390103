"""Files of a Telegram message, as attachments. Pure.

Photos and video notes have neither name nor media type; the last size of a photo is the largest
(https://core.telegram.org/bots/api#message).
"""

from telegram import Animation, Document, ExternalReplyInfo, Message, PhotoSize, Video, VideoNote

from core.domain.message_content import Attachment, AttachmentKind
from core.text.visible_text import clean_text


def attachments_of(carrier: Message | ExternalReplyInfo) -> tuple[Attachment, ...]:
    """Return the file of a message, or of a replied message of another chat; each has at most one.

    A live photo comes with its still picture as ``photo``
    (tdlib/telegram-bot-api ``Client.cpp``: JsonMessage), which stands for it.
    """
    if carrier.photo:
        return (_attachment(AttachmentKind.PICTURE, carrier.photo[-1], media_type="image/jpeg"),)
    if carrier.live_photo is not None and carrier.live_photo.photo:
        return (_attachment(AttachmentKind.PICTURE, carrier.live_photo.photo[-1], media_type="image/jpeg"),)
    if video := carrier.animation or carrier.video:
        # An animation arrives as a document too; a "GIF" on Telegram is a video.
        kind = AttachmentKind.VIDEO
        return (_attachment(kind, video, name=video.file_name, media_type=video.mime_type),)
    if note := carrier.video_note:
        return (_attachment(AttachmentKind.VIDEO, note, media_type="video/mp4"),)
    if document := carrier.document:
        kind = AttachmentKind.FILE
        return (_attachment(kind, document, name=document.file_name, media_type=document.mime_type),)
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
        name=clean_text(name or ""),
        media_type=media_type or "",
        size_bytes=file.file_size or 0,
        source={"file_id": file.file_id},
        unique_id=file.file_unique_id,
    )
