"""Types and states of the files people send, and why one is not read."""

from enum import StrEnum
from typing import Final


class FileType(StrEnum):
    """How a file is read."""

    TEXT = "text"  #: by this process
    DOCUMENT = "document"  #: by Kimi's ``file-extract``
    PICTURE = "picture"  #: by a model with vision
    VIDEO = "video"  #: by a model with vision
    SOUND = "sound"  #: by a speech recognizer


class FileState(StrEnum):
    """Stage of one attachment of one message."""

    NEW = "new"  #: not read yet, or to be read again
    READY = "ready"  #: read; its content is stored
    FAILED = "failed"  #: cannot be read, see :class:`FileFault`


class ContentState(StrEnum):
    """Stage of the stored content of identical files."""

    UPLOADING = "uploading"  #: Kimi may hold it under an id that is not known
    READY = "ready"
    UNREFERENCED = "unreferenced"  #: belongs to no message any more and is about to be deleted


class FileFault(StrEnum):
    """Why a file is not read; each has one sentence for people."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    MISLABELLED = "mislabelled"
    ENCRYPTED = "encrypted"
    CORRUPT = "corrupt"
    NO_TEXT = "no_text"
    GONE = "gone"
    FORBIDDEN = "forbidden"
    EXTERNAL = "external"
    UNREACHABLE = "unreachable"
    DAILY_LIMIT = "daily_limit"  #: its author has sent too many today
    PROVIDER_UNSUPPORTED = "provider_unsupported"  #: the provider reads no such files
    NO_VISION = "no_vision"  #: the model does not see pictures
    NO_VIDEO = "no_video"  #: the model does not see videos
    TOO_COMPLEX = "too_complex"  #: reading it takes more time or memory than a file may
    GAVE_UP = "gave_up"  #: the process ended while it was read, twice
    NOT_HEARD = "not_heard"  #: a recording without words
    TOO_LONG = "too_long"  #: a recording that takes more minutes than one may
    HEARING_LIMIT = "hearing_limit"  #: its author's minutes of recordings are used up today
    REFUSED = "refused"  #: the provider refused requests with it
    UNKNOWN_REFERENCE = "unknown_reference"  #: nobody sent a file that this reference could mean


RETRYABLE_FAULTS: Final = frozenset({FileFault.UNREACHABLE, FileFault.FORBIDDEN})
"""Faults that may pass with time or be fixed by the operator: the next question tries again."""
