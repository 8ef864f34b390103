"""Files of a Telegram message, as attachments. Pure.

Photos and video notes have neither name nor media type; the last size of a photo is the largest
(https://core.telegram.org/bots/api#message).
"""

from typing import Final

from telegram import (
    Animation,
    Audio,
    Document,
    ExternalReplyInfo,
    Message,
    PhotoSize,
    Poll,
    Sticker,
    Video,
    VideoNote,
    Voice,
)

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
        return (_attachment(AttachmentKind.CLIP, note, media_type="video/mp4"),)
    if document := carrier.document:
        kind = AttachmentKind.FILE
        return (_attachment(kind, document, name=document.file_name, media_type=document.mime_type),)
    return ()


def recordings_of(carrier: Message | ExternalReplyInfo) -> tuple[Attachment, ...]:
    """Return the voice message or piece of music of a message, or of a replied message of another chat."""
    if voice := carrier.voice:
        return (_attachment(AttachmentKind.AUDIO, voice, media_type=voice.mime_type or "audio/ogg"),)
    if audio := carrier.audio:
        kind = AttachmentKind.AUDIO
        return (_attachment(kind, audio, name=audio.file_name, media_type=audio.mime_type or "audio/mpeg"),)
    return ()


def relay_files_of(message: Message) -> tuple[Attachment, ...]:
    """Return the recording or sticker of a message, which people use and the bot does not read.

    An animated sticker is a vector file that only Telegram shows: its picture stands for it, if it has one.
    """
    if recordings := recordings_of(message):
        return recordings
    if (sticker := message.sticker) is None:
        return ()
    if not sticker.is_animated:
        media_type = "video/webm" if sticker.is_video else "image/webp"
        return (_attachment(AttachmentKind.STICKER, sticker, media_type=media_type),)
    if sticker.thumbnail is None:
        return ()
    return (_attachment(AttachmentKind.STICKER, sticker.thumbnail, media_type="image/webp"),)


_UNCOPYABLE: Final = (
    "paid_media",
    "invoice",
    "giveaway",
    "giveaway_winners",
    "game",
    "story",
    "checklist",
    "gift",
    "unique_gift",
    "dice",  # a copy would be thrown anew
)


def can_be_copied(message: Message) -> bool:
    """Return whether ``copyMessage`` copies all that a message carries.

    Source: https://core.telegram.org/bots/api#copymessage; a quiz is copied only by a bot that knows its
    answer.
    """
    quiz = message.poll is not None and message.poll.type == Poll.QUIZ
    content = any(getattr(message, name, None) for name in _UNCOPYABLE)
    return not (quiz or content or message.has_protected_content)


def media_group_id(message: Message) -> str:
    """Return the id of the album that a message belongs to, unique over all chats; "" if none."""
    return f"{message.chat.id}:{message.media_group_id}" if message.media_group_id else ""


def _attachment(
    kind: AttachmentKind,
    file: PhotoSize | Animation | Video | VideoNote | Document | Voice | Audio | Sticker,
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
