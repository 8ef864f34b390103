"""Content of messages that people send: attachments, and the message one replies to."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyContext:
    """The one message that a message replies to, as far as the platform shows it."""

    message_id: str
    author: str = ""  #: display name
    text: str = ""  #: Markdown; "" where it has none
    by_bot: bool = False  #: True where our own bot wrote it
    author_id: str = ""  #: the platform's own id of who wrote it; "" where it does not tell


class UnsupportedContent(StrEnum):
    """Kinds of content that are answered with a friendly "not yet"."""

    EMPTY = "empty"
    STICKER = "sticker"
    VOICE = "voice"
    OTHER = "other"


class AttachmentKind(StrEnum):
    """What an attachment is by the platform's own word; its bytes may tell otherwise."""

    FILE = "file"
    PICTURE = "picture"
    VIDEO = "video"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Something that a person sent beside their words; its bytes are still at the platform."""

    kind: AttachmentKind
    name: str  #: as the person's machine called it; "" where the platform does not tell
    media_type: str  #: such as "application/pdf"; "" where the platform does not tell
    size_bytes: int  #: 0 where the platform does not tell
    source: Mapping[str, str]
    """What only the platform's own downloader reads. Holds no token."""
