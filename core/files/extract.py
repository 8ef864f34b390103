"""From a file on the disk to what can be done with it. Blocking: run it in a thread."""

import codecs
import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from core.domain.file_states import FileFault, FileType
from core.domain.message_content import Attachment, AttachmentKind
from core.files.file_policy import MAX_FILE_BYTES, UnusableFile
from core.files.formats import (
    HEAD_BYTES,
    PICTURE_EXTENSIONS,
    detect_format,
    extension_of,
    file_type_of,
    matches_format,
    picture_media_type,
    video_media_type,
)

_CHUNK_BYTES = 256 * 1024
_SAMPLE_BYTES = 64 * 1024  #: how much of a text is looked at for what no text holds
_MAX_CONTROL_SHARE = 0.02  #: share of control characters that a text may have
#: What Office files of today hold, by their ending; the rest of their name is the same.
_REQUIRED_FOLDERS = {"docx": "word/", "xlsx": "xl/", "pptx": "ppt/", "epub": "META-INF/"}
_ENCRYPTED_OFFICE_MARKER = "EncryptedPackage".encode("utf-16-le")


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedFile:
    """A file whose bytes fit what it is called."""

    file_type: FileType
    extension: str
    media_type: str
    size_bytes: int
    hash: str  #: SHA-256, hexadecimal


def inspect_file(path: Path, attachment: Attachment) -> InspectedFile:
    """Look at a file that was fetched.

    Raises:
        Unusable: it is empty, too large, locked, or not what it is called.
        OSError: it cannot be read.
    """
    digest, size, head = hashlib.sha256(), 0, b""
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            head = head or chunk[:HEAD_BYTES]
            digest.update(chunk)
            size += len(chunk)
    if size == 0:
        raise UnusableFile(FileFault.EMPTY)
    found = detect_format(head)
    ending = extension_of(attachment.name, attachment.media_type)
    if file_type_of(ending) is None and attachment.kind is not AttachmentKind.FILE:
        ending = found  # the platform tells only that it is a picture or a video
    sort = file_type_of(ending)
    if sort is FileType.PICTURE and found in PICTURE_EXTENSIONS:
        ending = found  # a JPEG under a PNG's name is a picture all the same
    if sort is None:
        raise UnusableFile(
            FileFault.UNSUPPORTED if attachment.kind is AttachmentKind.FILE else FileFault.MISLABELLED
        )
    if size > MAX_FILE_BYTES[sort]:
        raise UnusableFile(FileFault.TOO_LARGE)
    if not matches_format(ending, found):
        raise UnusableFile(FileFault.MISLABELLED if found else FileFault.CORRUPT)
    if sort is FileType.DOCUMENT:
        _check_document(path, ending, found)
    return InspectedFile(
        file_type=sort,
        extension=ending,
        media_type=_media_type_of(sort, ending, attachment),
        size_bytes=size,
        hash=digest.hexdigest(),
    )


def is_encrypted(path: Path, extension: str) -> bool:
    """Tell whether a document that could not be read is probably under a password.

    Raises:
        OSError: it cannot be read.
    """
    return extension == "pdf" and _contains(path, b"/Encrypt")


def read_text(path: Path) -> str:
    """Return the words of a plain text in UTF-8, UTF-16 or GB 18030.

    Raises:
        Unusable: there are none, or it is no text.
        OSError: it cannot be read.
    """
    raw = path.read_bytes()
    text = _decode(raw)
    sample = text[:_SAMPLE_BYTES]
    controls = sum(1 for char in sample if ord(char) < 32 and char not in "\t\n\r\f\x1b")
    if controls > len(sample) * _MAX_CONTROL_SHARE:
        raise UnusableFile(FileFault.MISLABELLED)
    # No text store takes a zero character.
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip()
    if not text:
        raise UnusableFile(FileFault.EMPTY)
    return text


def _decode(raw: bytes) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    if b"\0" in raw[:_SAMPLE_BYTES]:
        raise UnusableFile(FileFault.MISLABELLED)
    return raw.decode("latin-1")


def _check_document(path: Path, extension: str, detected: str) -> None:
    """Look into an Office file's table of contents; nothing is unpacked.

    Raises:
        Unusable: it is locked, broken or something else.
    """
    if detected == "ole" and _contains(path, _ENCRYPTED_OFFICE_MARKER):
        raise UnusableFile(FileFault.ENCRYPTED)
    if extension not in _REQUIRED_FOLDERS:
        return
    if detected == "ole":
        raise UnusableFile(FileFault.MISLABELLED)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as exc:
        raise UnusableFile(FileFault.CORRUPT) from exc
    if any(member.flag_bits & 1 for member in members):
        raise UnusableFile(FileFault.ENCRYPTED)
    if not any(member.filename.startswith(_REQUIRED_FOLDERS[extension]) for member in members):
        raise UnusableFile(FileFault.MISLABELLED)


def _contains(path: Path, needle: bytes) -> bool:
    """Tell whether a file holds some bytes; reads it piece by piece."""
    kept = b""
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            if needle in kept + chunk:
                return True
            kept = chunk[-len(needle) :]
    return False


def _media_type_of(file_type: FileType, extension: str, attachment: Attachment) -> str:
    match file_type:
        case FileType.PICTURE:
            return picture_media_type(extension)
        case FileType.VIDEO:
            return video_media_type(extension)
        case FileType.DOCUMENT if extension == "pdf":
            return "application/pdf"
        case _:
            return attachment.media_type or "application/octet-stream"
