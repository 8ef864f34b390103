"""From a file on the disk to what can be done with it. Blocking: run it in a thread."""

import codecs
import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

from core.domain.events import Attachment, AttachmentKind
from core.files.formats import (
    HEAD_BYTES,
    PICTURES,
    Sort,
    ending_of,
    fits,
    format_of,
    picture_type,
    sort_of,
    video_type,
)
from core.files.policy import MOST_BYTES, Fault, Unusable

_CHUNK_BYTES = 256 * 1024
_LOOK_BYTES = 64 * 1024  #: how much of a text is looked at for what no text holds
_MOST_CONTROLS = 0.02  #: share of control characters that a text may have
#: What Office files of today hold, by their ending; the rest of their name is the same.
_HOLDS = {"docx": "word/", "xlsx": "xl/", "pptx": "ppt/", "epub": "META-INF/"}
_LOCKED_OFFICE = "EncryptedPackage".encode("utf-16-le")


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspected:
    """A file whose bytes fit what it is called."""

    sort: Sort
    ending: str
    media_type: str
    size_bytes: int
    hash: str  #: SHA-256, hexadecimal


def inspect(path: Path, attachment: Attachment) -> Inspected:
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
        raise Unusable(Fault.EMPTY)
    found = format_of(head)
    ending = ending_of(attachment.name, attachment.media_type)
    if sort_of(ending) is None and attachment.kind is not AttachmentKind.FILE:
        ending = found  # the platform tells only that it is a picture or a video
    sort = sort_of(ending)
    if sort is Sort.PICTURE and found in PICTURES:
        ending = found  # a JPEG under a PNG's name is a picture all the same
    if sort is None:
        raise Unusable(Fault.UNSUPPORTED if attachment.kind is AttachmentKind.FILE else Fault.MISLABELLED)
    if size > MOST_BYTES[sort]:
        raise Unusable(Fault.TOO_LARGE)
    if not fits(ending, found):
        raise Unusable(Fault.MISLABELLED if found else Fault.CORRUPT)
    if sort is Sort.DOCUMENT:
        _check_document(path, ending, found)
    return Inspected(
        sort=sort,
        ending=ending,
        media_type=_media_type(sort, ending, attachment),
        size_bytes=size,
        hash=digest.hexdigest(),
    )


def is_locked(path: Path, ending: str) -> bool:
    """Tell whether a document that could not be read is probably under a password.

    Raises:
        OSError: it cannot be read.
    """
    return ending == "pdf" and _holds(path, b"/Encrypt")


def read_text(path: Path) -> str:
    """Return the words of a plain text in UTF-8, UTF-16 or GB 18030.

    Raises:
        Unusable: there are none, or it is no text.
        OSError: it cannot be read.
    """
    raw = path.read_bytes()
    text = _decoded(raw)
    sample = text[:_LOOK_BYTES]
    controls = sum(1 for char in sample if ord(char) < 32 and char not in "\t\n\r\f\x1b")
    if controls > len(sample) * _MOST_CONTROLS:
        raise Unusable(Fault.MISLABELLED)
    # No text store takes a zero character.
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").strip()
    if not text:
        raise Unusable(Fault.EMPTY)
    return text


def _decoded(raw: bytes) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return raw.decode("utf-16", "replace")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    if b"\0" in raw[:_LOOK_BYTES]:
        raise Unusable(Fault.MISLABELLED)
    return raw.decode("latin-1")


def _check_document(path: Path, ending: str, found: str) -> None:
    """Look into an Office file's table of contents; nothing is unpacked.

    Raises:
        Unusable: it is locked, broken or something else.
    """
    if found == "ole" and _holds(path, _LOCKED_OFFICE):
        raise Unusable(Fault.ENCRYPTED)
    if ending not in _HOLDS:
        return
    if found == "ole":
        raise Unusable(Fault.MISLABELLED)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as exc:
        raise Unusable(Fault.CORRUPT) from exc
    if any(member.flag_bits & 1 for member in members):
        raise Unusable(Fault.ENCRYPTED)
    if not any(member.filename.startswith(_HOLDS[ending]) for member in members):
        raise Unusable(Fault.MISLABELLED)


def _holds(path: Path, wanted: bytes) -> bool:
    """Tell whether a file holds some bytes; reads it piece by piece."""
    kept = b""
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            if wanted in kept + chunk:
                return True
            kept = chunk[-len(wanted) :]
    return False


def _media_type(sort: Sort, ending: str, attachment: Attachment) -> str:
    match sort:
        case Sort.PICTURE:
            return picture_type(ending)
        case Sort.VIDEO:
            return video_type(ending)
        case Sort.DOCUMENT if ending == "pdf":
            return "application/pdf"
        case _:
            return attachment.media_type or "application/octet-stream"
