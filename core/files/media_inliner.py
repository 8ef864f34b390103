"""Pictures and videos for an account that does not keep them: ``ms://`` addresses mean nothing to it."""

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog

from core.kimi import ChatRequest, ContentPart, ImagePart, Message, TextPart, VideoPart
from core.store import Database, Transaction, files

log = structlog.get_logger(__name__)

KIMI_FILE_SCHEME: Final = "ms://"
UNAVAILABLE_MEDIA_TEXT: Final = (
    "[A {kind} that cannot be shown to you now. Say so where the answer needs it.]"
)


class MediaInliner:
    """Gives a request that goes to another account what it can see there."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def __call__(self, request: ChatRequest, account: str) -> ChatRequest:
        """Return a request without references to files that ``account`` does not keep.

        A picture whose bytes are kept here goes as data; in place of all else stands a sentence.

        Raises:
            StoreUnavailable: it cannot be known who keeps what.
        """
        if not any(_refers_to_kimi_files(message) for message in request.messages):
            return request
        async with self._database.read() as tx:
            messages = [await _inline_message(tx, message, account) for message in request.messages]
        return replace(request, messages=tuple(messages))


async def _inline_message(tx: Transaction, message: Message, account: str) -> Message:
    if not _refers_to_kimi_files(message):
        return message
    parts = [await _inline_part(tx, part, account) for part in _content_parts(message)]
    return replace(message, content=tuple(parts))


async def _inline_part(tx: Transaction, part: ContentPart, account: str) -> ContentPart:
    match part:
        case ImagePart(url=url) | VideoPart(url=url) if url.startswith(KIMI_FILE_SCHEME):
            content = await files.get_content_by_kimi_id(tx, url.removeprefix(KIMI_FILE_SCHEME))
        case _:
            return part
    if content is None or content.account == account:
        return part
    data = await files.get_data(tx, content.hash) if isinstance(part, ImagePart) else None
    if data is None:
        log.info("file.media_not_inlined", kind=content.kind)
        return TextPart(UNAVAILABLE_MEDIA_TEXT.format(kind=content.kind))
    return ImagePart(f"data:{content.media_type};base64,{base64.b64encode(data).decode()}")


def _refers_to_kimi_files(message: Message) -> bool:
    return any(
        isinstance(part, ImagePart | VideoPart) and part.url.startswith(KIMI_FILE_SCHEME)
        for part in _content_parts(message)
    )


def _content_parts(message: Message) -> Sequence[ContentPart]:
    return () if isinstance(message.content, str) else message.content
