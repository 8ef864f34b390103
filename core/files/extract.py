"""Inspection and decoding of files on the disk. Blocking; run it in a thread."""

import codecs
import hashlib
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
from core.files.sound_length import measure_sound_s
from core.files.zip_directory import ZipCorrupt, ZipTooLarge, read_zip_directory

_CHUNK_BYTES = 256 * 1024
_SAMPLE_BYTES = 64 * 1024  #: characters of a text that are searched for control characters
_MAX_CONTROL_SHARE = 0.02  #: share of control characters that a text may have
#: Extension → folder that every such archive contains.
_REQUIRED_FOLDERS = {"docx": "word/", "xlsx": "xl/", "pptx": "ppt/", "epub": "META-INF/"}
_ENCRYPTED_OFFICE_MARKER = "EncryptedPackage".encode("utf-16-le")


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectedFile:
    """A downloaded file with a content that matches its name and media type."""

    file_type: FileType
    extension: str
    media_type: str
    size_bytes: int
    hash: str  #: SHA-256, hexadecimal
    sound_s: float = 0.0  #: seconds of a recording


def inspect_file(path: Path, attachment: Attachment) -> InspectedFile:
    """Return the type, size and hash of a downloaded file.

    Raises:
        UnusableFile: it is empty, too large, encrypted, or its content does not match its name.
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
    if attachment.kind is AttachmentKind.AUDIO:
        return InspectedFile(
            file_type=FileType.SOUND,
            extension=extension_of(attachment.name, attachment.media_type),
            media_type=attachment.media_type,  # the recognizer determines the real format
            size_bytes=size,
            hash=digest.hexdigest(),
            sound_s=measure_sound_s(path),
        )
    detected = detect_format(head)
    extension = extension_of(attachment.name, attachment.media_type)
    if file_type_of(extension) is None and attachment.kind is not AttachmentKind.FILE:
        extension = detected  # the platform says only that it is a picture or a video
    file_type = file_type_of(extension)
    if file_type is FileType.PICTURE and detected in PICTURE_EXTENSIONS:
        extension = detected  # a JPEG under a PNG's name is a picture all the same
    if file_type is None:
        raise UnusableFile(
            FileFault.UNSUPPORTED if attachment.kind is AttachmentKind.FILE else FileFault.MISLABELLED
        )
    if size > MAX_FILE_BYTES[file_type]:
        raise UnusableFile(FileFault.TOO_LARGE)
    if not matches_format(extension, detected):
        raise UnusableFile(FileFault.MISLABELLED if detected else FileFault.CORRUPT)
    if file_type is FileType.DOCUMENT:
        _check_document(path, extension, detected)
    return InspectedFile(
        file_type=file_type,
        extension=extension,
        media_type=_media_type_of(file_type, extension, attachment),
        size_bytes=size,
        hash=digest.hexdigest(),
    )


def is_encrypted(path: Path, extension: str) -> bool:
    """Return whether a document that could not be read is probably protected by a password.

    Raises:
        OSError: it cannot be read.
    """
    return extension == "pdf" and _contains(path, b"/Encrypt")


def read_text(path: Path) -> str:
    """Return a plain text in UTF-8, UTF-16 or GB 18030, with line feeds as line ends.

    Raises:
        UnusableFile: it is empty, or not a text.
        OSError: it cannot be read.
    """
    raw = path.read_bytes()
    text = _decode(raw)
    sample = text[:_SAMPLE_BYTES]
    controls = sum(1 for char in sample if ord(char) < 32 and char not in "\t\n\r\f\x1b")
    if controls > len(sample) * _MAX_CONTROL_SHARE:
        raise UnusableFile(FileFault.MISLABELLED)
    # PostgreSQL stores no null character in a text.
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
    """Check an Office file by its archive's table of contents, without unpacking anything.

    Raises:
        UnusableFile: it is encrypted, corrupt, or something else.
    """
    if detected == "ole" and _contains(path, _ENCRYPTED_OFFICE_MARKER):
        raise UnusableFile(FileFault.ENCRYPTED)
    if extension not in _REQUIRED_FOLDERS:
        return
    if detected == "ole":
        raise UnusableFile(FileFault.MISLABELLED)
    try:
        members = read_zip_directory(path)
    except ZipCorrupt as exc:
        raise UnusableFile(FileFault.CORRUPT) from exc
    except ZipTooLarge as exc:
        raise UnusableFile(FileFault.TOO_COMPLEX) from exc
    if any(member.encrypted for member in members):
        raise UnusableFile(FileFault.ENCRYPTED)
    if not any(member.name.startswith(_REQUIRED_FOLDERS[extension]) for member in members):
        raise UnusableFile(FileFault.MISLABELLED)


def _contains(path: Path, needle: bytes) -> bool:
    """Return whether a file contains ``needle``; reads it in chunks."""
    tail = b""
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            if needle in tail + chunk:
                return True
            tail = chunk[-len(needle) :]
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
