"""Which files are accepted, and how they are named in sentences."""

import pytest

from core.domain.file_states import FileFault
from core.domain.message_content import Attachment, AttachmentKind
from core.files.file_policy import (
    UnusableFile,
    attachments_line,
    display_name,
    expected_type,
    strip_attachments_line,
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


def test_a_name_stands_in_a_sentence_without_markup() -> None:
    """Line breaks and Markdown are taken out, long names cut in the middle, missing ones made up."""
    assert display_name("a\n*b*_c`.pdf", AttachmentKind.FILE) == "a 'b''c'.pdf"
    assert display_name("", AttachmentKind.PICTURE) == "photo.jpg"
    long = display_name("x" * 200 + ".pdf", AttachmentKind.FILE)
    assert len(long) == 80
    assert long.endswith(".pdf")


def test_marks_come_and_go() -> None:
    """The line that stands for attachments can be taken off again."""
    mark = attachments_line([attachment("a.pdf"), attachment("b.pdf")])
    assert mark == "[attached: a.pdf, b.pdf]"
    assert strip_attachments_line(f"Look!\n\n{mark}") == "Look!"
    assert strip_attachments_line(mark) == ""
    assert strip_attachments_line("a list [attached: no") == "a list [attached: no"
    assert attachments_line([]) == ""
