"""Limits of files: accepted types and sizes, and names for display. Pure."""

from collections.abc import Mapping

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
    FileType.SOUND: 100 * MEGABYTE,  # beside the deployment's own limit
}


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
    if attachment.kind is AttachmentKind.AUDIO:
        file_type = FileType.SOUND
    if file_type is None and attachment.kind is AttachmentKind.PICTURE:
        file_type = FileType.PICTURE  # Telegram's photos have neither a name nor a media type
    if file_type is None and attachment.kind is AttachmentKind.VIDEO:
        file_type = FileType.VIDEO
    if file_type is None:
        raise UnusableFile(FileFault.UNSUPPORTED)
    if attachment.size_bytes > MAX_FILE_BYTES[file_type]:
        raise UnusableFile(FileFault.TOO_LARGE)
    return file_type
