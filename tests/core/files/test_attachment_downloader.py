"""Downloads that fail for a while, for good, or halfway."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest

from core.domain.errors import (
    DownloadRefusalReason,
    DownloadRefused,
    PlatformError,
    PlatformRateLimited,
    PlatformUnavailable,
)
from core.domain.file_states import FileFault
from core.domain.message_content import Attachment, AttachmentKind
from core.files.attachment_downloader import (
    ATTEMPT_S,
    BACKOFF_S,
    MAX_ATTEMPTS,
    MAX_BACKOFF_S,
    AttachmentDownloader,
)
from core.files.file_policy import MAX_FILE_BYTES, UnusableFile
from tests.virtual_time import LoopClock

pytestmark = pytest.mark.virtual_time

TEXT = Attachment(
    kind=AttachmentKind.FILE, name="a.txt", media_type="text/plain", size_bytes=2, source={"id": "F1"}
)


class Platform:
    """A platform that fails in a given order, then gives the bytes."""

    def __init__(self, clock: LoopClock, failures: Sequence[PlatformError] = ()) -> None:
        self._clock = clock
        self._failures = list(failures)
        self.asked_at: list[float] = []
        self.limit_bytes = 0

    async def download(self, attachment: Attachment, path: Path, *, limit_bytes: int) -> None:
        """Write the bytes, or fail with half of them written."""
        self.asked_at.append(self._clock.time())
        self.limit_bytes = limit_bytes
        if self._failures:
            await asyncio.to_thread(path.write_bytes, b"h")
            raise self._failures.pop(0)
        await asyncio.to_thread(path.write_bytes, b"hi")


class Dripping:
    """A platform that gives a byte now and then, for ever."""

    async def download(self, attachment: Attachment, path: Path, *, limit_bytes: int) -> None:
        """Wait for the rest."""
        await asyncio.Event().wait()


async def fetched(platform: Platform, clock: LoopClock, folder: Path, attachment: Attachment = TEXT) -> bytes:
    """Return the bytes that a download gives."""
    downloader = AttachmentDownloader(clock, {"slack": platform}, folder=folder)
    async with downloader.download("slack", attachment) as path:
        return path.read_bytes()


async def test_a_passing_failure_is_outlasted_with_growing_pauses(
    loop_clock: LoopClock, tmp_path: Path
) -> None:
    """We chose to double the pause; a platform's own ``retry_after`` is kept if it is longer."""
    failures = [
        PlatformUnavailable("x"),
        PlatformRateLimited("x", retry_after_s=0.5),
        PlatformRateLimited("x", retry_after_s=9.0),
    ]
    platform = Platform(loop_clock, failures)

    assert await fetched(platform, loop_clock, tmp_path) == b"hi"

    pauses = [late - early for early, late in zip(platform.asked_at, platform.asked_at[1:], strict=False)]
    assert pauses == [BACKOFF_S, BACKOFF_S * 2, 9.0]


async def test_a_platform_that_stays_away_is_asked_four_times(loop_clock: LoopClock, tmp_path: Path) -> None:
    """The next question tries again; a pause never exceeds half a minute, whatever the platform asks for."""
    platform = Platform(loop_clock, [PlatformRateLimited("x", retry_after_s=900.0)] * MAX_ATTEMPTS)

    with pytest.raises(UnusableFile) as caught:
        await fetched(platform, loop_clock, tmp_path)

    assert caught.value.fault is FileFault.UNREACHABLE
    assert len(platform.asked_at) == MAX_ATTEMPTS
    assert loop_clock.time() <= MAX_BACKOFF_S * (MAX_ATTEMPTS - 1)


@pytest.mark.parametrize("reason", ["too_large", "gone", "forbidden", "external"])
async def test_a_refusal_is_final_and_says_why(
    loop_clock: LoopClock, tmp_path: Path, reason: DownloadRefusalReason
) -> None:
    """Asking again would change nothing, so the person is told at once."""
    platform = Platform(loop_clock, [DownloadRefused("x", reason=reason)])

    with pytest.raises(UnusableFile) as caught:
        await fetched(platform, loop_clock, tmp_path)

    assert caught.value.fault.value == reason
    assert len(platform.asked_at) == 1


async def test_the_file_is_gone_after_its_use_and_after_a_failure(
    loop_clock: LoopClock, tmp_path: Path
) -> None:
    """People's files stay on this machine no longer than they are read."""
    await fetched(Platform(loop_clock), loop_clock, tmp_path / "new")
    with pytest.raises(UnusableFile):
        await fetched(
            Platform(loop_clock, [DownloadRefused("x", reason="gone")]), loop_clock, tmp_path / "new"
        )
    assert list((tmp_path / "new").iterdir()) == []


async def test_a_file_that_cannot_be_read_is_not_downloaded(loop_clock: LoopClock, tmp_path: Path) -> None:
    """Its name says enough, and the limit of its type is passed on to the platform."""
    platform = Platform(loop_clock)
    program = Attachment(
        kind=AttachmentKind.FILE, name="a.exe", media_type="", size_bytes=2, source={"id": "F2"}
    )
    with pytest.raises(UnusableFile):
        await fetched(platform, loop_clock, tmp_path, program)
    assert platform.asked_at == []

    await fetched(platform, loop_clock, tmp_path)
    assert platform.limit_bytes == min(MAX_FILE_BYTES.values())


async def test_a_platform_without_downloads_has_no_files(loop_clock: LoopClock, tmp_path: Path) -> None:
    """The terminal passes no files on; a question from a platform that was switched off has none any more."""
    downloader = AttachmentDownloader(loop_clock, {}, folder=tmp_path)
    with pytest.raises(UnusableFile) as caught:
        async with downloader.download("slack", TEXT):
            pass
    assert caught.value.fault is FileFault.GONE


async def test_a_download_without_an_end_is_given_up(loop_clock: LoopClock, tmp_path: Path) -> None:
    """The question behind it is answered without the file (we chose ten minutes)."""
    downloader = AttachmentDownloader(loop_clock, {"slack": Dripping()}, folder=tmp_path)
    began_at = loop_clock.time()
    with pytest.raises(UnusableFile) as refused:
        async with downloader.download("slack", TEXT):
            pass
    assert refused.value.fault is FileFault.UNREACHABLE
    assert loop_clock.time() - began_at == pytest.approx(ATTEMPT_S)
