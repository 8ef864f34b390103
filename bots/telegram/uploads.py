"""Uploads files to Telegram, several of them as an album.

The Bot API's cloud accepts photos of 10 MB, other files of 50 MB, and captions of 1024 characters after
parsing the entities; a local Bot API server accepts 2000 MB
(https://core.telegram.org/bots/api#sending-files). What Telegram refuses as such (a photo too long and thin,
a voice message to somebody who forbids them) is sent again as a document.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import structlog
from telegram import Bot, InputMediaAudio, InputMediaDocument, InputMediaPhoto, InputMediaVideo, Message
from telegram.error import BadRequest

from bots.telegram.addressing import direct_topic_id_of, reply_parameters_of
from bots.telegram.entities import entities_of, utf16_length
from bots.telegram.errors import description_contains
from bots.telegram.file_groups import CLOUD_LIMIT_BYTES, UploadKind, upload_kind
from bots.telegram.message_api import MessageApi
from bots.telegram.render import TelegramRenderer
from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef, RenderedMessage
from core.domain.errors import PlatformRefused
from core.markdown.mentions import MentionCodec
from core.ports.handoff_rooms import LocalFile

log = structlog.get_logger()

CAPTION_LIMIT_UNITS = 1024
SERVER_LIMIT_BYTES = 2_000_000_000
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
_AlbumItem: TypeAlias = InputMediaAudio | InputMediaDocument | InputMediaPhoto | InputMediaVideo


@dataclass(frozen=True, slots=True, kw_only=True)
class _Upload:
    """A file in memory, on its way to Telegram."""

    content: bytes
    name: str
    kind: UploadKind

    @property
    def filename(self) -> str:
        """The name that Telegram shows."""
        return self.name or ("picture" if self.kind is UploadKind.PHOTO else "file")


class FileUploader:
    """Posts files in chats of one bot."""

    def __init__(self, bot: Bot, api: MessageApi, mentions: MentionCodec, *, on_cloud: bool) -> None:
        self._bot, self._api, self._mentions = bot, api, mentions
        self._limit_bytes = CLOUD_LIMIT_BYTES if on_cloud else SERVER_LIMIT_BYTES

    async def send(
        self, address: Address, files: Sequence[LocalFile], *, caption: str
    ) -> Sequence[MessageRef]:
        """Post a file, or an album with the caption at its first item, and return the messages.

        Raises:
            PlatformRefused: a file is empty or too large, or the caption too long; nothing was shown.
            PlatformError: as for any message.
            OSError: a file cannot be read.
        """
        rendered = self._render_caption(caption)
        uploads = [await self._load(file) for file in files]
        if all(one.kind is UploadKind.DOCUMENT for one in uploads):
            return await self._send(address, uploads, rendered)
        try:
            return await self._send(address, uploads, rendered)
        except PlatformRefused as exc:
            cause = exc.__cause__
            if not (isinstance(cause, BadRequest) and description_contains(cause, *_REFUSED_TEXTS)):
                raise
            log.info("telegram.upload_kind_refused", kind=uploads[0].kind.value, error=str(exc))
        documents = [replace(one, kind=UploadKind.DOCUMENT) for one in uploads]
        return await self._send(address, documents, rendered)

    def fits_caption(self, caption: str) -> bool:
        """Return whether a text (Markdown) is short enough for a caption."""
        try:
            self._render_caption(caption)
        except PlatformRefused:
            return False
        return True

    async def edit_caption(self, ref: MessageRef, caption: str) -> None:
        """Replace the caption of a message; one that is unchanged is success.

        Raises:
            PlatformRefused: the caption is too long; the former one is still shown.
            PlatformError: as for any message.
        """
        await self._api.edit_caption(ref, self._render_caption(caption))

    async def _load(self, file: LocalFile) -> _Upload:
        size = (await asyncio.to_thread(file.path.stat)).st_size
        if not 0 < size <= self._limit_bytes:
            raise PlatformRefused(f"a file of {size} bytes cannot be sent")
        content = await asyncio.to_thread(file.path.read_bytes)
        return _Upload(content=content, name=file.name, kind=upload_kind(file.media_type, content, size))

    def _render_caption(self, markdown: str) -> RenderedMessage | None:
        pages = TelegramRenderer(self._mentions).render(markdown, complete=True)
        if len(pages) > 1 or any(utf16_length(page.text) > CAPTION_LIMIT_UNITS for page in pages):
            raise PlatformRefused("the caption is too long")
        return pages[0] if pages else None

    async def _send(
        self, address: Address, uploads: Sequence[_Upload], caption: RenderedMessage | None
    ) -> Sequence[MessageRef]:
        async def send(chat: str, topic: int | None) -> Sequence[Message]:
            where: dict[str, Any] = {
                "message_thread_id": topic,
                "direct_messages_topic_id": direct_topic_id_of(address),
                "reply_parameters": reply_parameters_of(address, chat),
                "read_timeout": UPLOAD_TIMEOUT_S,
                "write_timeout": UPLOAD_TIMEOUT_S,
            }
            if len(uploads) == 1:
                return [await self._send_one(chat, uploads[0], caption, where)]
            media = [_album_item(one, caption if at == 0 else None) for at, one in enumerate(uploads)]
            return await self._bot.send_media_group(chat, media, **where)

        sent = await self._api.call_in_topic(address, send, idempotent=False)
        return [MessageRef(channel=str(one.chat.id), message_id=str(one.message_id)) for one in sent]

    async def _send_one(
        self, chat: str, upload: _Upload, caption: RenderedMessage | None, where: Mapping[str, Any]
    ) -> Message:
        methods: Mapping[UploadKind, Callable[..., Awaitable[Message]]] = {
            UploadKind.PHOTO: self._bot.send_photo,
            UploadKind.VOICE: self._bot.send_voice,
            UploadKind.AUDIO: self._bot.send_audio,
            UploadKind.VIDEO: self._bot.send_video,
            UploadKind.DOCUMENT: self._bot.send_document,
        }
        words = _caption_parameters(caption)
        return await methods[upload.kind](chat, upload.content, filename=upload.filename, **words, **where)


def _album_item(upload: _Upload, caption: RenderedMessage | None) -> _AlbumItem:
    items: Mapping[UploadKind, Callable[..., _AlbumItem]] = {
        UploadKind.PHOTO: InputMediaPhoto,
        UploadKind.AUDIO: InputMediaAudio,
        UploadKind.VIDEO: InputMediaVideo,
        UploadKind.DOCUMENT: InputMediaDocument,
    }
    if upload.kind not in items:
        raise PlatformRefused(f"an album takes no {upload.kind.value}")
    return items[upload.kind](upload.content, filename=upload.filename, **_caption_parameters(caption))


def _caption_parameters(caption: RenderedMessage | None) -> dict[str, Any]:
    return {"caption": caption.text, "caption_entities": entities_of(caption)} if caption else {}
