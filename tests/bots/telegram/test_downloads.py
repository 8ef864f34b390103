"""Fetching files from Telegram, through the real bot, from the stand-in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from bots.simulator.telegram import TelegramSimulator
from bots.telegram.app import TelegramApp
from core.domain.errors import DownloadRefused, PlatformError, PlatformUnavailable
from core.domain.message_content import Attachment, AttachmentKind

MakeApp = Callable[..., TelegramApp]
LIMIT = 20 * 1024 * 1024


def attachment(file_id: str, size: int = 0) -> Attachment:
    """A file as an update told of it."""
    return Attachment(
        kind=AttachmentKind.FILE, name="a.txt", media_type="", size_bytes=size, source={"file_id": file_id}
    )


async def sent(telegram: TelegramSimulator, content: bytes) -> str:
    """Send a file as a person; return its id."""
    ann = telegram.add_person("Ann")
    message = await telegram.send_document(telegram.private_chat(ann), ann, content=content)
    (file_id,) = list(telegram._world.files)
    assert message
    return file_id


async def test_a_file_is_written_to_the_disk(
    telegram: TelegramSimulator, make_app: MakeApp, tmp_path: Path
) -> None:
    """Byte by byte what was sent."""
    content = bytes(range(256)) * 4_000
    app = make_app()
    await app.connect()
    file_id = await sent(telegram, content)
    await app.downloader.download(attachment(file_id), tmp_path / "a", limit_bytes=LIMIT)
    assert (tmp_path / "a").read_bytes() == content


async def test_too_large_is_known_before_anything_is_fetched(
    telegram: TelegramSimulator, make_app: MakeApp, tmp_path: Path
) -> None:
    """By the update's word, by getFile's, and by the server's own limit of 20 MB."""
    app = make_app()
    await app.connect()
    file_id = await sent(telegram, b"x" * (LIMIT + 1))
    for size, limit in ((LIMIT + 1, LIMIT), (0, LIMIT * 2)):
        with pytest.raises(DownloadRefused) as refused:
            await app.downloader.download(attachment(file_id, size), tmp_path / "a", limit_bytes=limit)
        assert refused.value.reason == "too_large"
    assert not (tmp_path / "a").exists()


async def test_a_file_that_is_gone(telegram: TelegramSimulator, make_app: MakeApp, tmp_path: Path) -> None:
    """An id that leads nowhere is refused for good."""
    app = make_app()
    await app.connect()
    with pytest.raises(DownloadRefused) as refused:
        await app.downloader.download(attachment("file-0"), tmp_path / "a", limit_bytes=LIMIT)
    assert refused.value.reason == "gone"


async def test_no_error_holds_the_token(
    telegram: TelegramSimulator, make_app: MakeApp, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The address of a file has the bot's token in it: neither errors nor the log tell it."""
    app = make_app()
    await app.connect()
    file_id = await sent(telegram, b"x")
    telegram.faults.next("getFile", "502")
    with pytest.raises(PlatformUnavailable) as failed:
        await app.downloader.download(attachment(file_id), tmp_path / "a", limit_bytes=LIMIT)
    errors: list[PlatformError] = [failed.value]
    telegram._world.files[file_id] = ("documents/elsewhere", b"x")
    located = await app._bot.get_file(file_id)
    telegram._world.files.clear()
    assert "1:test" in str(located.file_path)
    with pytest.raises(DownloadRefused) as refused:
        await app.downloader.download(attachment(file_id), tmp_path / "a", limit_bytes=LIMIT)
    errors.append(refused.value)
    assert "1:test" not in "".join(repr(error) + str(error) for error in errors) + caplog.text
