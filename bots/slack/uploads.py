"""Uploads files to Slack in three steps: request URLs, send the bytes, share the files in one message.

Needs the scope ``files:write``, and the bot must be in the channel. The last call returns before the
message exists and without its ts, so files.info is called a few times afterwards
(https://docs.slack.dev/messaging/working-with-files).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bots.slack.errors import translate_errors
from bots.slack.payload import to_mrkdwn
from bots.slack.render import SlackRenderer
from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef
from core.domain.clock import Clock
from core.domain.errors import PlatformError, PlatformRateLimited, PlatformRefused, PlatformUnavailable
from core.markdown.mentions import MentionCodec
from core.ports.handoff_rooms import LocalFile

CAPTION_LIMIT_CHARS = 3_000  #: our choice: Slack does not document the limit of a file's comment
MAX_FILES = 10  #: in one message; our choice: as many as people can send with Slack's own clients
SIZE_LIMIT_BYTES = 1_000_000_000
TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=60.0)
SHARE_POLL_DELAYS_S = (0.2, 0.6, 1.5)
DEFAULT_RETRY_AFTER_S = 5.0
_CHUNK_BYTES = 256 * 1024


class FileUploader:
    """Posts files in channels of one workspace."""

    def __init__(
        self,
        client: AsyncWebClient,
        session: Callable[[], aiohttp.ClientSession],
        mentions: MentionCodec,
        clock: Clock,
    ) -> None:
        """Build the uploader; ``session`` returns the HTTP session once the platform is connected."""
        self._client, self._session = client, session
        self._mentions, self._clock = mentions, clock

    async def send(self, address: Address, files: Sequence[LocalFile], *, caption: str) -> MessageRef:
        """Post files in one message and return it; its id is "" if Slack does not report it soon.

        Raises:
            PlatformRefused: a file is empty or too large, or the caption too long; nothing was shown.
            PlatformOutcomeUnknown: the reply to the last step was lost.
            PlatformError: as for any message.
            OSError: a file cannot be read.
        """
        comment = self.render_comment(caption)
        ids = [await self._upload(file) for file in files]
        channel = address.key.channel
        with translate_errors("files.completeUploadExternal", idempotent=False):
            await self._client.files_completeUploadExternal(
                files=[
                    {"id": file_id, "title": file.name or "file"}
                    for file_id, file in zip(ids, files, strict=True)
                ],
                channel_id=channel,
                thread_ts=address.key.thread or None,
                initial_comment=comment or None,
            )
        return MessageRef(channel=channel, message_id=await self._find_message_ts(ids[0], channel))

    def render_comment(self, caption: str) -> str:
        """Return a caption as Slack's mrkdwn.

        Raises:
            PlatformRefused: it is too long.
        """
        pages = SlackRenderer(streaming=False, mentions=self._mentions).render(caption, complete=True)
        comment = "\n\n".join(to_mrkdwn(page.text) for page in pages)
        if len(comment) > CAPTION_LIMIT_CHARS:
            raise PlatformRefused("the caption is too long")
        return comment

    async def _upload(self, file: LocalFile) -> str:
        """Upload one file and return its id; nobody sees it yet."""
        size = (await asyncio.to_thread(file.path.stat)).st_size
        if not 0 < size <= SIZE_LIMIT_BYTES:
            raise PlatformRefused(f"a file of {size} bytes cannot be sent")
        with translate_errors("files.getUploadURLExternal", idempotent=True):
            answer = await self._client.files_getUploadURLExternal(filename=file.name or "file", length=size)
            url, file_id = str(answer["upload_url"]), str(answer["file_id"])
        await self._upload_bytes(url, file.path, size)
        return file_id

    async def _upload_bytes(self, url: str, path: Path, size_bytes: int) -> None:
        """Send the bytes; the URL is a secret, so no error may contain it."""
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size_bytes)}
        stream = await asyncio.to_thread(path.open, "rb")
        try:
            async with self._session().post(
                url, data=_read_chunks(stream), headers=headers, timeout=TIMEOUT
            ) as response:
                _check_response(response)
        except (aiohttp.ClientError, TimeoutError) as exc:
            raise PlatformUnavailable(f"upload: {type(exc).__name__}") from None
        finally:
            await asyncio.shield(asyncio.to_thread(stream.close))

    async def _find_message_ts(self, file_id: str, channel: str) -> str:
        """Return the ts of the message that shows a file; "" if Slack does not report it soon."""
        for wait_s in SHARE_POLL_DELAYS_S:
            try:
                with translate_errors("files.info", idempotent=True):
                    answer = await self._client.files_info(file=file_id)
                    found = _shared_ts(answer.get("file"), channel)
            except PlatformError:  # the message exists; only its ts remains unknown
                return ""
            if found:
                return found
            await self._clock.sleep(wait_s)
        return ""


async def _read_chunks(stream: BinaryIO) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(stream.read, _CHUNK_BYTES):
        yield piece


def _check_response(response: aiohttp.ClientResponse) -> None:
    """Check that Slack has received the bytes.

    Raises:
        PlatformRateLimited: too many uploads.
        PlatformUnavailable: Slack failed, or the URL has expired: a new one may work.
    """
    if response.status == 429:
        raise PlatformRateLimited("upload", retry_after_s=DEFAULT_RETRY_AFTER_S)
    if response.status != 200:
        raise PlatformUnavailable(f"upload: HTTP {response.status}")


def _shared_ts(file: Any, channel: str) -> str:
    """Return the ts at which a file object was shared in ``channel``; "" if it is not yet."""
    shares = file.get("shares") if isinstance(file, dict) else None
    for places in shares.values() if isinstance(shares, dict) else ():
        match places.get(channel) if isinstance(places, dict) else None:
            case [{"ts": str(ts)}, *_]:
                return ts
    return ""
