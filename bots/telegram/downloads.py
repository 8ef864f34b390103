"""Downloads people's files from Telegram: ``getFile``, then the file itself.

The Bot API's cloud serves files of at most 20 MB; a local Bot API server serves larger ones. A file's
URL contains the bot's token, so it appears in no error or log line.
See https://core.telegram.org/bots/api#getfile
"""

import asyncio
from pathlib import Path

import httpx
from telegram import Bot
from telegram.error import BadRequest

from bots.telegram.credentials import TelegramConfig
from bots.telegram.errors import translate_errors
from core.domain.errors import DownloadRefused, PlatformRateLimited, PlatformRefused, PlatformUnavailable
from core.domain.message_content import Attachment

CLOUD_HOST = "api.telegram.org"
CLOUD_LIMIT_BYTES = 20 * 1024 * 1024
DEFAULT_RETRY_AFTER_S = 5.0
IDLE_TIMEOUT_S = 30.0  #: seconds without a byte


class TelegramDownloader:
    """Implements :class:`core.ports.platform.Downloader`."""

    def __init__(self, config: TelegramConfig, bot: Bot) -> None:
        self._bot = bot
        self._on_cloud = CLOUD_HOST in config.api_url
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(IDLE_TIMEOUT_S, connect=config.connect_timeout_s), follow_redirects=False
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def download(self, attachment: Attachment, path: Path, *, limit_bytes: int) -> None:
        """Write a file to ``path``, chunk by chunk."""
        limit = min(limit_bytes, CLOUD_LIMIT_BYTES) if self._on_cloud else limit_bytes
        if attachment.size_bytes > limit:
            raise DownloadRefused("too large according to its metadata", reason="too_large")
        url, size = await self._get_download_url(attachment.source["file_id"])
        if size > limit:
            raise DownloadRefused("too large", reason="too_large")
        try:
            async with self._http.stream("GET", url) as response:
                _check_response(response)
                await _write_body(response, path, limit)
        except httpx.HTTPError as exc:
            raise PlatformUnavailable(
                f"download: {type(exc).__name__}"
            ) from None  # the cause contains the URL

    async def _get_download_url(self, file_id: str) -> tuple[str, int]:
        """Return a file's URL, which is valid for an hour, and its size in bytes (0 if unknown)."""
        try:
            with translate_errors(idempotent=True):
                file = await self._bot.get_file(file_id)
        except PlatformRefused as exc:
            cause = exc.__cause__
            too_big = isinstance(cause, BadRequest) and "too big" in cause.message.casefold()
            raise DownloadRefused("getFile was refused", reason="too_large" if too_big else "gone") from exc
        if not file.file_path:
            raise DownloadRefused("the file has no URL", reason="gone")
        return file.file_path, file.file_size or 0


def _check_response(response: httpx.Response) -> None:
    """Check that a response is the file.

    Raises:
        DownloadRefused: it is not.
        PlatformRateLimited: too many downloads.
        PlatformUnavailable: Telegram failed.
    """
    if response.status_code == 429:
        raise PlatformRateLimited("download", retry_after_s=DEFAULT_RETRY_AFTER_S)
    if response.status_code >= 500:
        raise PlatformUnavailable(f"download: HTTP {response.status_code}")
    if response.status_code != 200:
        raise DownloadRefused(f"HTTP {response.status_code}", reason="gone")


async def _write_body(response: httpx.Response, path: Path, limit_bytes: int) -> None:
    size = 0
    stream = await asyncio.to_thread(path.open, "wb")
    try:
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > limit_bytes:
                raise DownloadRefused("larger than announced", reason="too_large")
            await asyncio.to_thread(stream.write, chunk)
    finally:
        await asyncio.to_thread(stream.close)
