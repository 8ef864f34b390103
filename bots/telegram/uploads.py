"""Uploads files to Telegram: as a photo, recording or video if possible, else as a document.

The Bot API's cloud accepts photos of 10 MB, other files of 50 MB, and captions of 1024 characters after
parsing the entities; a local Bot API server accepts 2000 MB
(https://core.telegram.org/bots/api#sending-files). Voice messages are Ogg with Opus, audio is MP3 or M4A and
video is MPEG4 (https://core.telegram.org/bots/api#sendvoice). What Telegram refuses as such (a photo too long
and thin, a voice message to somebody who forbids them) is sent again as a document.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from pathlib import Path

import structlog
from telegram import Bot, Message
from telegram.error import BadRequest

from bots.telegram.addressing import direct_topic_id_of, reply_parameters_of
from bots.telegram.entities import entities_of, utf16_length
from bots.telegram.errors import description_contains
from bots.telegram.message_api import MessageApi
from bots.telegram.render import TelegramRenderer
from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef, RenderedMessage
from core.domain.errors import PlatformRefused
from core.markdown.mentions import MentionCodec

log = structlog.get_logger()

CAPTION_LIMIT_UNITS = 1024
PHOTO_LIMIT_BYTES = 10_000_000
CLOUD_LIMIT_BYTES = 50_000_000
SERVER_LIMIT_BYTES = 2_000_000_000
PHOTO_TYPES = frozenset({"image/jpeg", "image/png", "image/webp"})
UPLOAD_TIMEOUT_S = 120.0  #: for each read and write

_REFUSED_TEXTS = (
    "photo_",
    "image_process_failed",
    "can't be sent as a photo",
    "wrong type of the web page",
    "voice_messages_forbidden",
    "chat_send_voices_forbidden",
    "chat_send_audios_forbidden",
    "chat_send_videos_forbidden",
)
_MP4_BRAND = b"ftyp"  #: at the fifth byte of M4A and MPEG4 files


class UploadKind(StrEnum):
    """How Telegram shows a file; the value is the parameter of its method."""

    PHOTO = "photo"
    VOICE = "voice"
    AUDIO = "audio"
    VIDEO = "video"
    DOCUMENT = "document"


def upload_kind(media_type: str, content: bytes) -> UploadKind:
    """Return how a file can be shown, by its type and its first bytes."""
    family, is_mp4 = media_type.partition("/")[0], content[4:8] == _MP4_BRAND
    if media_type in PHOTO_TYPES and len(content) <= PHOTO_LIMIT_BYTES:
        return UploadKind.PHOTO
    if family == "audio" and content.startswith(b"OggS") and b"OpusHead" in content[:64]:
        return UploadKind.VOICE
    if family == "audio" and (is_mp4 or content.startswith((b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"))):
        return UploadKind.AUDIO
    if family == "video" and is_mp4:
        return UploadKind.VIDEO
    return UploadKind.DOCUMENT


class FileUploader:
    """Posts files in chats of one bot."""

    def __init__(self, bot: Bot, api: MessageApi, mentions: MentionCodec, *, on_cloud: bool) -> None:
        self._bot, self._api, self._mentions = bot, api, mentions
        self._limit_bytes = CLOUD_LIMIT_BYTES if on_cloud else SERVER_LIMIT_BYTES

    async def send(
        self, address: Address, path: Path, *, name: str, media_type: str, caption: str
    ) -> MessageRef:
        """Post the file at ``path`` and return its message.

        Raises:
            PlatformRefused: the file is empty or too large, or the caption too long; nothing was shown.
            PlatformError: as for any message.
            OSError: the file cannot be read.
        """
        rendered = self._render_caption(caption)
        size = (await asyncio.to_thread(path.stat)).st_size
        if not 0 < size <= self._limit_bytes:
            raise PlatformRefused(f"a file of {size} bytes cannot be sent")
        content = await asyncio.to_thread(path.read_bytes)
        kind = upload_kind(media_type, content)
        if kind is not UploadKind.DOCUMENT:
            try:
                return await self._send(address, content, name, rendered, kind)
            except PlatformRefused as exc:
                if not (
                    isinstance(exc.__cause__, BadRequest)
                    and description_contains(exc.__cause__, *_REFUSED_TEXTS)
                ):
                    raise
                log.info("telegram.upload_kind_refused", kind=kind.value, error=str(exc))
        return await self._send(address, content, name, rendered, UploadKind.DOCUMENT)

    def _render_caption(self, markdown: str) -> RenderedMessage | None:
        pages = TelegramRenderer(self._mentions).render(markdown, complete=True)
        if len(pages) > 1 or any(utf16_length(page.text) > CAPTION_LIMIT_UNITS for page in pages):
            raise PlatformRefused("the caption is too long")
        return pages[0] if pages else None

    async def _send(
        self, address: Address, content: bytes, name: str, caption: RenderedMessage | None, kind: UploadKind
    ) -> MessageRef:
        text, entities = (caption.text, entities_of(caption)) if caption else (None, None)
        direct_topic = direct_topic_id_of(address)
        methods: Mapping[UploadKind, Callable[..., Awaitable[Message]]] = {
            UploadKind.PHOTO: self._bot.send_photo,
            UploadKind.VOICE: self._bot.send_voice,
            UploadKind.AUDIO: self._bot.send_audio,
            UploadKind.VIDEO: self._bot.send_video,
            UploadKind.DOCUMENT: self._bot.send_document,
        }

        async def send(chat: str, topic: int | None) -> Message:
            return await methods[kind](
                chat,
                content,
                caption=text,
                caption_entities=entities,
                filename=name or ("picture" if kind is UploadKind.PHOTO else "file"),
                message_thread_id=topic,
                direct_messages_topic_id=direct_topic,
                reply_parameters=reply_parameters_of(address, chat),
                read_timeout=UPLOAD_TIMEOUT_S,
                write_timeout=UPLOAD_TIMEOUT_S,
            )

        sent = await self._api.call_in_topic(address, send, idempotent=False)
        return MessageRef(channel=str(sent.chat.id), message_id=str(sent.message_id))
