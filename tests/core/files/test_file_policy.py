"""Which files are accepted, and how they are named in sentences."""

import pytest

from core.domain.file_states import FileFault
from core.domain.message_content import Attachment, AttachmentKind
from core.files.file_policy import (
    UnusableFile,
    expected_type,
)

MEGABYTE = 1024 * 1024


def attachment(name: str = "a.txt", size: int = 0, kind: str = "file", media_type: str = "") -> Attachment:
    """An attachment as a platform tells of it."""
    return Attachment(
        kind=AttachmentKind(kind), name=name, media_type=media_type, size_bytes=size, source={"id": "F1"}
    )


@pytest.mark.parametrize(
    ("one", "fault"),
    [
        (attachment("a.exe"), FileFault.UNSUPPORTED),
        (attachment("song.mp3", media_type="audio/mpeg"), FileFault.UNSUPPORTED),
        (attachment("a.txt", 10 * MEGABYTE + 1), FileFault.TOO_LARGE),
        (attachment("a.pdf", 100 * MEGABYTE + 1), FileFault.TOO_LARGE),
    ],
)
def test_what_cannot_be_read_is_not_even_fetched(one: Attachment, fault: FileFault) -> None:
    """Name, type and size are enough to refuse."""
    with pytest.raises(UnusableFile) as refused:
        expected_type(one)
    assert refused.value.fault is fault


def test_a_photo_without_a_name_is_a_picture() -> None:
    """Telegram tells of a photo only that it is one."""
    assert expected_type(attachment("", kind="picture")).value == "picture"
    assert expected_type(attachment("", kind="video")).value == "video"
