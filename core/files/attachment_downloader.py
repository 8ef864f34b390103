"""Download of attachments into temporary files, with retries."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import structlog

from core.concurrency.deadline import DeadlineExceeded, run_with_timeout
from core.domain.clock import Clock
from core.domain.errors import DownloadRefused, PlatformError, PlatformRateLimited
from core.domain.file_states import FileFault
from core.domain.message_content import Attachment
from core.files.file_policy import MAX_FILE_BYTES, UnusableFile, expected_type
from core.ports.platform import Downloader

log = structlog.get_logger(__name__)

MAX_ATTEMPTS: Final = 4
ATTEMPT_S: Final = 600.0  #: for a whole file, however steadily it arrives; the question waits for it
BACKOFF_S: Final = 1.0  #: pause before the second attempt, doubled before each further one
MAX_BACKOFF_S: Final = 30.0


class AttachmentDownloader:
    """Downloads attachments from their platforms."""

    def __init__(self, clock: Clock, downloaders: Mapping[str, Downloader], *, folder: Path) -> None:
        """Download into ``folder``, which holds nothing else.

        Args:
            clock: measures the pauses between attempts.
            downloaders: by platform.
            folder: created if it is missing.
        """
        self._clock = clock
        self._downloaders = downloaders
        self._folder = folder

    @asynccontextmanager
    async def download(self, platform: str, attachment: Attachment) -> AsyncIterator[Path]:
        """Yield the path of an attachment's bytes; the file exists within the block only.

        Raises:
            UnusableFile: the platform does not give it, or its format is not supported.
            OSError: it could not be written to the disk.
        """
        limit_bytes = MAX_FILE_BYTES[expected_type(attachment)]
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "file"
            await self._download_with_retries(platform, attachment, path, limit_bytes=limit_bytes)
            yield path

    async def _download_with_retries(
        self, platform: str, attachment: Attachment, path: Path, *, limit_bytes: int
    ) -> None:
        downloader = self._downloaders.get(platform)
        if downloader is None:
            raise UnusableFile(FileFault.GONE)
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                download = downloader.download(attachment, path, limit_bytes=limit_bytes)
                await run_with_timeout(download, ATTEMPT_S, self._clock)
            except DeadlineExceeded as exc:
                log.warning("file.download_timed_out", platform=platform)
                raise UnusableFile(FileFault.UNREACHABLE) from exc
            except DownloadRefused as exc:
                log.warning("file.download_refused", platform=platform, reason=exc.reason)
                raise UnusableFile(FileFault(exc.reason)) from exc
            except PlatformError as exc:
                log.info("file.download_failed", platform=platform, error=type(exc).__name__)
                if attempt == MAX_ATTEMPTS:
                    raise UnusableFile(FileFault.UNREACHABLE) from exc
                requested_s = exc.retry_after_s if isinstance(exc, PlatformRateLimited) else 0.0
                backoff_s = BACKOFF_S * 2 ** (attempt - 1)
                await self._clock.sleep(min(MAX_BACKOFF_S, max(requested_s, backoff_s)))
            else:
                return
