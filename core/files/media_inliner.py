"""Pictures and videos in requests to another account, which cannot resolve ``ms://`` references."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from core.files.media_url import KIMI_FILE_SCHEME, data_url
from core.kimi import ChatRequest, ContentPart, ImagePart, Message, TextPart, VideoPart
from core.store import Database, file_blobs
from core.store.file_blobs import FileContent

log = structlog.get_logger(__name__)

UNAVAILABLE_MEDIA_TEXT: Final = (
    "[A {kind} that cannot be shown to you now. Say so where the answer needs it.]"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ForeignMedia:
    """A file that only another account stores."""

    content: FileContent
    data: bytes | None  #: of a picture, if the store has it


class MediaInliner:
    """Rewrites ``ms://`` media for a provider that does not store the file.

    Pictures become inline data if their bytes are stored; other media become a text note.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, request: ChatRequest, account: str) -> ChatRequest:
        """Return the request without references to files that ``account`` does not store.

        Raises:
            StoreUnavailable: the files' accounts could not be read.
        """
        parts = [part for message in request.messages for part in _content_parts(message)]
        if not any(_kimi_file_id(part) for part in parts):
            return request
        foreign = await self._load_foreign(parts, account)
        if not foreign:
            return request
        return await asyncio.to_thread(_inline, request, foreign)

    async def _load_foreign(self, parts: Sequence[ContentPart], account: str) -> Mapping[str, _ForeignMedia]:
        """Return Kimi's file id → media, for files that ``account`` does not store."""
        foreign: dict[str, _ForeignMedia] = {}
        async with self._database.read() as tx:
            for part in parts:
                kimi_id = _kimi_file_id(part)
                if not kimi_id or kimi_id in foreign:
                    continue
                content = await file_blobs.get_content_by_kimi_id(tx, kimi_id)
                if content is None or content.account == account:
                    continue
                data = await file_blobs.get_data(tx, content.hash) if isinstance(part, ImagePart) else None
                foreign[kimi_id] = _ForeignMedia(content=content, data=data)
        return foreign


def _inline(request: ChatRequest, foreign: Mapping[str, _ForeignMedia]) -> ChatRequest:
    return replace(request, messages=tuple(_inline_message(message, foreign) for message in request.messages))


def _inline_message(message: Message, foreign: Mapping[str, _ForeignMedia]) -> Message:
    if isinstance(message.content, str):
        return message
    return replace(message, content=tuple(_inline_part(part, foreign) for part in message.content))


def _inline_part(part: ContentPart, foreign: Mapping[str, _ForeignMedia]) -> ContentPart:
    media = foreign.get(_kimi_file_id(part))
    if media is None:
        return part
    if media.data is None:
        log.info("file.media_not_inlined", kind=media.content.file_type.value)
        return TextPart(UNAVAILABLE_MEDIA_TEXT.format(kind=media.content.file_type.value))
    return ImagePart(data_url(media.content.media_type, media.data))


def _kimi_file_id(part: ContentPart) -> str:
    """Return the id of the Kimi file that a part refers to; "" if it refers to none."""
    match part:
        case ImagePart(url=url) | VideoPart(url=url) if url.startswith(KIMI_FILE_SCHEME):
            return url.removeprefix(KIMI_FILE_SCHEME)
        case _:
            return ""


def _content_parts(message: Message) -> Sequence[ContentPart]:
    return () if isinstance(message.content, str) else message.content
