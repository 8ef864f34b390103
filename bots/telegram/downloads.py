"""Fetching what people send on Telegram: ``getFile``, then the file itself.

The Bot API's cloud gives at most 20 MB; a server of one's own gives more. The address of a file
holds the bot's token, so it never stands in an error or a log.
See https://core.telegram.org/bots/api#getfile
"""

import asyncio
from pathlib import Path

import httpx
from telegram import Bot
from telegram.error import BadRequest

from bots.telegram.credentials import TelegramConfig
from bots.telegram.errors import translated
from core.domain.errors import DownloadRefused, SurfaceRateLimited, SurfaceRefused, SurfaceUnavailable
from core.domain.events import Attachment

CLOUD_HOST = "api.telegram.org"
CLOUD_LIMIT_BYTES = 20 * 1024 * 1024
UNTOLD_WAIT_S = 5.0
IDLE_S = 30.0  #: without a byte


class TelegramDownloads:
    """Implements :class:`core.ports.platform.Downloads`."""

    def __init__(self, config: TelegramConfig, bot: Bot) -> None:
        self._bot = bot
        self._on_cloud = CLOUD_HOST in config.api_url
        self._http = httpx.AsyncClient(
            timeout=httpx.Timeout(IDLE_S, connect=config.connect_timeout_s), follow_redirects=False
        )

    async def close(self) -> None:
        """Let go of every connection."""
        await self._http.aclose()

    async def download(self, attachment: Attachment, to: Path, *, limit_bytes: int) -> None:
        """Write a file to the disk, piece by piece."""
        limit = min(limit_bytes, CLOUD_LIMIT_BYTES) if self._on_cloud else limit_bytes
        if attachment.size_bytes > limit:
            raise DownloadRefused("too large by its own account", reason="too_large")
        url, size = await self._located(attachment.source["file_id"])
        if size > limit:
            raise DownloadRefused("too large", reason="too_large")
        try:
            async with self._http.stream("GET", url) as response:
                _check(response)
                await _write(response, to, limit)
        except httpx.HTTPError as exc:
            raise SurfaceUnavailable(
                f"download: {type(exc).__name__}"
            ) from None  # the cause holds the address

    async def _located(self, file_id: str) -> tuple[str, int]:
        """Ask where a file is and how large; the address is good for an hour."""
        try:
            with translated(idempotent=True):
                file = await self._bot.get_file(file_id)
        except SurfaceRefused as exc:
            cause = exc.__cause__
            too_big = isinstance(cause, BadRequest) and "too big" in cause.message.casefold()
            raise DownloadRefused("getFile was refused", reason="too_large" if too_big else "gone") from exc
        if not file.file_path:
            raise DownloadRefused("the file has no address", reason="gone")
        return file.file_path, file.file_size or 0


def _check(response: httpx.Response) -> None:
    """Let a response pass that is a file.

    Raises:
        DownloadRefused: it is something else.
        SurfaceRateLimited: too many downloads.
        SurfaceUnavailable: Telegram failed.
    """
    if response.status_code == 429:
        raise SurfaceRateLimited("download", retry_after_s=UNTOLD_WAIT_S)
    if response.status_code >= 500:
        raise SurfaceUnavailable(f"download: HTTP {response.status_code}")
    if response.status_code != 200:
        raise DownloadRefused(f"HTTP {response.status_code}", reason="gone")


async def _write(response: httpx.Response, to: Path, limit_bytes: int) -> None:
    size = 0
    stream = await asyncio.to_thread(to.open, "wb")
    try:
        async for chunk in response.aiter_bytes():
            size += len(chunk)
            if size > limit_bytes:
                raise DownloadRefused("larger than told", reason="too_large")
            await asyncio.to_thread(stream.write, chunk)
    finally:
        await asyncio.to_thread(stream.close)
