"""Uploads files to Telegram: as a photo if possible, else as a document.

The Bot API's cloud accepts photos of 10 MB, other files of 50 MB, and captions of 1024 characters after
parsing the entities; a local Bot API server accepts 2000 MB
(https://core.telegram.org/bots/api#sending-files). A photo that Telegram refuses (too long and thin, not
decodable) is sent again as a document.
"""

import asyncio
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

_PHOTO_REFUSED_TEXTS = (
    "photo_",
    "image_process_failed",
    "can't be sent as a photo",
    "wrong type of the web page",
)


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
        if media_type in PHOTO_TYPES and size <= PHOTO_LIMIT_BYTES:
            try:
                return await self._send(address, content, name, rendered, as_photo=True)
            except PlatformRefused as exc:
                if not (
                    isinstance(exc.__cause__, BadRequest)
                    and description_contains(exc.__cause__, *_PHOTO_REFUSED_TEXTS)
                ):
                    raise
                log.info("telegram.photo_refused", error=str(exc))
        return await self._send(address, content, name, rendered, as_photo=False)

    def _render_caption(self, markdown: str) -> RenderedMessage | None:
        pages = TelegramRenderer(self._mentions).render(markdown, complete=True)
        if len(pages) > 1 or any(utf16_length(page.text) > CAPTION_LIMIT_UNITS for page in pages):
            raise PlatformRefused("the caption is too long")
        return pages[0] if pages else None

    async def _send(
        self, address: Address, content: bytes, name: str, caption: RenderedMessage | None, *, as_photo: bool
    ) -> MessageRef:
        text, entities = (caption.text, entities_of(caption)) if caption else (None, None)

        direct_topic = direct_topic_id_of(address)

        async def send(chat: str, topic: int | None) -> Message:
            reply = reply_parameters_of(address, chat)
            if as_photo:
                return await self._bot.send_photo(
                    chat,
                    content,
                    text,
                    caption_entities=entities,
                    filename=name or "picture",
                    message_thread_id=topic,
                    direct_messages_topic_id=direct_topic,
                    reply_parameters=reply,
                    read_timeout=UPLOAD_TIMEOUT_S,
                    write_timeout=UPLOAD_TIMEOUT_S,
                )
            return await self._bot.send_document(
                chat,
                content,
                text,
                caption_entities=entities,
                filename=name or "file",
                message_thread_id=topic,
                direct_messages_topic_id=direct_topic,
                reply_parameters=reply,
                read_timeout=UPLOAD_TIMEOUT_S,
                write_timeout=UPLOAD_TIMEOUT_S,
            )

        sent = await self._api.call_in_topic(address, send, idempotent=False)
        return MessageRef(channel=str(sent.chat.id), message_id=str(sent.message_id))
