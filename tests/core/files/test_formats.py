"""Formats: what names, types and first bytes say."""

import pytest

from core.domain.file_states import FileType
from core.files.formats import detect_format, extension_of, file_type_of, matches_format


@pytest.mark.parametrize(
    ("name", "media_type", "sort"),
    [
        ("report.PDF", "", FileType.DOCUMENT),
        ("报告.docx", "application/octet-stream", FileType.DOCUMENT),
        ("", "application/pdf", FileType.DOCUMENT),
        ("notes", "text/plain; charset=utf-8", FileType.TEXT),
        ("Untitled", "text/x-python", FileType.TEXT),
        ("main.rs", "", FileType.TEXT),
        ("page.html", "text/html", FileType.DOCUMENT),
        ("drawing.svg", "image/svg+xml", FileType.TEXT),
        ("photo.HEIC", "", FileType.PICTURE),
        ("", "image/png", FileType.PICTURE),
        ("clip", "video/quicktime", FileType.VIDEO),
        ("song.mp3", "audio/mpeg", None),
        ("archive.tar.gz", "application/gzip", None),
        ("", "", None),
    ],
)
def test_a_file_s_sort_is_known_by_its_name_or_type(
    name: str, media_type: str, sort: FileType | None
) -> None:
    """The name's ending counts first, then the media type."""
    assert file_type_of(extension_of(name, media_type)) is sort


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (b"%PDF-1.7", "pdf"),
        (b"\xef\xbb\xbf\r\n%PDF-1.4", "pdf"),
        (b"\x89PNG\r\n\x1a\n....", "png"),
        (b"RIFF....WEBPVP8 ", "webp"),
        (b"\0\0\0\x18ftypheic", "heic"),
        (b"\0\0\0\x18ftypisom", "mp4"),
        (b"\0\0\0\x14ftypqt  ", "mov"),
        (b"PK\x03\x04", "zip"),
        (b"hello", ""),
        (b"", ""),
    ],
)
def test_first_bytes_tell_a_format(head: bytes, found: str) -> None:
    """Formats with a magic number are recognised, texts have none."""
    assert detect_format(head) == found


@pytest.mark.parametrize(
    ("ending", "found", "fitting"),
    [
        ("pdf", "pdf", True),
        ("pdf", "png", False),
        ("pdf", "", False),
        ("docx", "zip", True),
        ("docx", "ole", True),
        ("docx", "pdf", False),
        ("doc", "ole", True),
        ("txt", "", True),
        ("txt", "bmp", True),
        ("csv", "zip", False),
        ("png", "jpg", True),
        ("png", "", False),
    ],
)
def test_names_and_bytes_are_compared(ending: str, found: str, fitting: bool) -> None:
    """A picture may be of another kind than its name says; a PDF may not be a picture."""
    assert matches_format(ending, found) is fitting
