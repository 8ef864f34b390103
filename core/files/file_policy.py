"""Limits of files: accepted types and sizes, and names for display. Pure."""

from collections.abc import Mapping, Sequence

from core.domain.file_states import FileFault, FileType
from core.domain.message_content import Attachment, AttachmentKind
from core.files.formats import extension_of, file_type_of

MEGABYTE = 1024 * 1024
MAX_INLINE_PICTURE_BYTES = 4 * MEGABYTE  #: larger pictures are uploaded once and referred to by id
MAX_INLINE_BYTES_WITHOUT_STORE = 16 * MEGABYTE  #: if the provider stores no files
MAX_FILE_BYTES: Mapping[FileType, int] = {
    FileType.TEXT: 10 * MEGABYTE,
    FileType.DOCUMENT: 100 * MEGABYTE,  # Kimi's own limit
    FileType.PICTURE: 32 * MEGABYTE,
    FileType.VIDEO: 100 * MEGABYTE,
}

_ATTACHMENTS_PREFIX = "[attached: "


class UnusableFile(Exception):
    """A file cannot be read; ``fault`` says why."""

    def __init__(self, fault: FileFault) -> None:
        self.fault = fault
        super().__init__(fault.value)


def expected_type(attachment: Attachment) -> FileType:
    """Return the type of an attachment that is not downloaded yet.

    Raises:
        UnusableFile: its format is not supported, or it is too large.
    """
    file_type = file_type_of(extension_of(attachment.name, attachment.media_type))
    if file_type is None and attachment.kind is AttachmentKind.PICTURE:
        file_type = FileType.PICTURE  # Telegram's photos have neither a name nor a media type
    if file_type is None and attachment.kind is AttachmentKind.VIDEO:
        file_type = FileType.VIDEO
    if file_type is None:
        raise UnusableFile(FileFault.UNSUPPORTED)
    if attachment.size_bytes > MAX_FILE_BYTES[file_type]:
        raise UnusableFile(FileFault.TOO_LARGE)
    return file_type


def display_name(name: str, kind: AttachmentKind) -> str:
    """Return a file's name for use in a sentence: one short line without markup, never ""."""
    plain = " ".join(name.split()).translate({ord(mark): "'" for mark in '`*_[]<>"'})
    if not plain:
        return {"picture": "photo.jpg", "video": "video.mp4"}.get(kind.value, "file")
    return plain if len(plain) <= 80 else f"{plain[:60]}…{plain[-19:]}"


def attachments_line(attachments: Sequence[Attachment]) -> str:
    """Return the line that names attachments below a message's text; "" if there are none."""
    names = ", ".join(display_name(one.name, one.kind) for one in attachments)
    return f"{_ATTACHMENTS_PREFIX}{names}]" if names else ""


def strip_attachments_line(text: str) -> str:
    """Return a text without the line of :func:`attachments_line`."""
    words, found, rest = text.rpartition(_ATTACHMENTS_PREFIX)
    return words.rstrip() if found and rest.endswith("]") else text


def has_attachments_line(text: str) -> bool:
    """Return whether a text ends with a line of :func:`attachments_line`."""
    return strip_attachments_line(text) != text
