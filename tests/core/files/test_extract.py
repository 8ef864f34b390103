"""Files on the disk: what they are, and what a text says."""

import zipfile
from pathlib import Path

import pytest

from core.domain.file_states import FileFault
from core.domain.message_content import Attachment, AttachmentKind
from core.files.extract import inspect_file, is_encrypted, read_text
from core.files.file_policy import UnusableFile

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def seen(tmp_path: Path, content: bytes, name: str, kind: str = "file") -> object:
    """Inspect bytes under a name."""
    path = tmp_path / "file"
    path.write_bytes(content)
    return inspect_file(
        path,
        Attachment(kind=AttachmentKind(kind), name=name, media_type="", size_bytes=0, source={}),
    )


def zipped(tmp_path: Path, member: str) -> bytes:
    """A zip file with one member."""
    with zipfile.ZipFile(tmp_path / "zip", "w") as archive:
        archive.writestr(member, "x")
    return (tmp_path / "zip").read_bytes()


@pytest.mark.parametrize(
    ("content", "name", "kind", "fault"),
    [
        (b"", "a.txt", "file", FileFault.EMPTY),
        (PNG, "a.pdf", "file", FileFault.MISLABELLED),
        (b"hello", "a.pdf", "file", FileFault.CORRUPT),
        (b"hello", "a.png", "file", FileFault.CORRUPT),
        (b"PK\x03\x04 broken", "a.docx", "file", FileFault.CORRUPT),
        (OLE + b"..." + "EncryptedPackage".encode("utf-16-le"), "a.docx", "file", FileFault.ENCRYPTED),
        (OLE + b"...", "a.docx", "file", FileFault.MISLABELLED),
        (b"\x7fELF", "a.txt", "file", FileFault.MISLABELLED),
        (b"hello", "", "picture", FileFault.MISLABELLED),
        (b"hello", "", "file", FileFault.UNSUPPORTED),
    ],
)
def test_bad_bytes_are_named(tmp_path: Path, content: bytes, name: str, kind: str, fault: FileFault) -> None:
    """Empty, locked, broken and renamed files each have their fault."""
    with pytest.raises(UnusableFile) as refused:
        seen(tmp_path, content, name, kind)
    assert refused.value.fault is fault


def test_a_zip_under_an_office_name_is_mislabelled(tmp_path: Path) -> None:
    """An Office file holds its own folder."""
    with pytest.raises(UnusableFile) as refused:
        seen(tmp_path, zipped(tmp_path, "photos/a.jpg"), "a.docx")
    assert refused.value.fault is FileFault.MISLABELLED
    found = seen(tmp_path, zipped(tmp_path, "xl/workbook.xml"), "a.xlsx")
    assert found.extension == "xlsx"


def test_a_picture_s_bytes_say_what_it_is(tmp_path: Path) -> None:
    """A PNG that is called JPEG, or nothing at all, is sent as PNG."""
    for name, kind in (("a.jpg", "file"), ("", "picture")):
        found = seen(tmp_path, PNG, name, kind)
        assert getattr(found, "media_type", "") == "image/png"
        assert len(getattr(found, "hash", "")) == 64


def test_encryption_is_found_anywhere_in_a_pdf(tmp_path: Path) -> None:
    """Also across the borders of the pieces it is read in."""
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-" + b"x" * (256 * 1024 - 9) + b"/Encrypt 5 0 R")
    assert is_encrypted(path, "pdf")
    path.write_bytes(b"%PDF-1.7")
    assert not is_encrypted(path, "pdf")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("月亮\r\nmoon".encode(), "月亮\nmoon"),
        ("\ufeff月亮".encode(), "月亮"),
        ("月亮很远。".encode("gb18030"), "月亮很远。"),
        ("月亮".encode("utf-16"), "月亮"),
        (b"caf\xe9 au lait\xff.", "café au laitÿ."),
        (b"\x1b[1mbold\x1b[0m", "\x1b[1mbold\x1b[0m"),
    ],
)
def test_texts_are_read_in_several_encodings(tmp_path: Path, raw: bytes, text: str) -> None:
    """UTF-8, UTF-16 and GB 18030 are told apart; line ends become plain."""
    path = tmp_path / "a.txt"
    path.write_bytes(raw)
    assert read_text(path) == text


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b" \n ", FileFault.EMPTY),
        (b"\0\1\2\3" * 9, FileFault.MISLABELLED),
        (b"\xff\0" * 99, FileFault.MISLABELLED),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, raw: bytes, fault: FileFault) -> None:
    """White space is empty, and bytes are no letters."""
    path = tmp_path / "a.txt"
    path.write_bytes(raw)
    with pytest.raises(UnusableFile) as refused:
        read_text(path)
    assert refused.value.fault is fault
