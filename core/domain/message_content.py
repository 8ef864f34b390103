"""Content of one message: words, the message it replies to, its origin, attachments, and everything else.

The parts are typed fields. None of them is ever written into the author's words; code that needs one
text renders it from the fields (:mod:`core.text.message_text`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class MessageRole(StrEnum):
    """Side of a conversation that wrote a message."""

    USER = "user"
    ASSISTANT = "assistant"  #: Kimi, the bot itself, or a member of the team who answers for it


class UnsupportedContent(StrEnum):
    """Kind of content that cannot be read yet."""

    EMPTY = "empty"
    STICKER = "sticker"
    VOICE = "voice"
    OTHER = "other"


class AttachmentKind(StrEnum):
    """Kind of an attachment by the platform's word; its bytes may be something else."""

    FILE = "file"
    PICTURE = "picture"
    VIDEO = "video"
    AUDIO = "audio"  #: a recording or piece of music
    CLIP = "clip"  #: a video that was recorded in the chat to say something: heard, or else watched
    STICKER = "sticker"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file, picture or video of a message; its bytes are still at the platform."""

    kind: AttachmentKind
    name: str  #: file name on the sender's device; "" if the platform does not send it
    media_type: str  #: such as "application/pdf"; "" if the platform does not send it
    size_bytes: int  #: 0 if the platform does not send it
    source: Mapping[str, str]
    """Values that only the platform's own downloader reads. Holds no token."""
    unique_id: str = ""  #: the platform's id of the content, the same however it is sent; "" if unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardOrigin:
    """Where a forwarded message was first posted, as far as the platform shows it."""

    author: str = ""  #: display name of its author; "" if hidden
    author_id: str = ""  #: "" if the author is hidden or no user
    channel: str = ""  #: title of the channel or chat; "" if it was posted elsewhere
    sent_at: datetime | None = None


class ContentKind(StrEnum):
    """Kind of content that is neither words nor a file."""

    CARD = "card"  #: of an app: title, fields, text
    TABLE = "table"
    LINK = "link"
    LOCATION = "location"
    CONTACT = "contact"
    POLL = "poll"
    CHECKLIST = "checklist"
    STICKER = "sticker"
    DICE = "dice"
    GAME = "game"
    STORY = "story"
    INVOICE = "invoice"
    GIVEAWAY = "giveaway"
    GIFT = "gift"


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherContent:
    """Content that is neither words nor a file, rendered as text."""

    kind: ContentKind
    text: str  #: Markdown


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyContext:
    """The message that a message replies to, as far as the platform shows it."""

    message_id: str
    author: str = ""  #: display name
    text: str = ""  #: its words as Markdown; "" if it has none
    by_bot: bool = False  #: whether this bot wrote it
    author_id: str = ""  #: the platform's own id of its author; "" if the platform does not send it
    selection: str = ""  #: the part of ``text`` that the person chose to quote; "" for the whole
    attachments: tuple[Attachment, ...] = ()
    other: tuple[OtherContent, ...] = ()
    unsupported: tuple[UnsupportedContent, ...] = ()
    forwarded_from: ForwardOrigin | None = None
    channel: str = ""  #: title of the other chat that it was posted in; "" if that is this chat or hidden

    @property
    def is_readable(self) -> bool:
        """Whether anything of it can be read."""
        return bool(self.text.strip() or self.selection or self.attachments or self.other)

    @property
    def has_content(self) -> bool:
        """Whether there is anything of it to ask about, readable or not."""
        return self.is_readable or bool(self.unsupported)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageContent:
    """Everything that one message says and carries."""

    text: str = ""  #: the author's own words as Markdown
    reply: ReplyContext | None = None
    forwarded_from: ForwardOrigin | None = None
    attachments: tuple[Attachment, ...] = ()
    other: tuple[OtherContent, ...] = ()
    unsupported: tuple[UnsupportedContent, ...] = ()

    @property
    def has_words(self) -> bool:
        """Whether the author wrote anything."""
        return bool(self.text.strip())

    @property
    def is_blank(self) -> bool:
        """Whether nothing of it can be read: no words, quote, file or other content."""
        quotes = self.reply is not None and self.reply.has_content
        return not (self.has_words or quotes or self.attachments or self.other)

    @property
    def is_answerable(self) -> bool:
        """Whether it holds anything that Kimi can answer; a sticker alone does not."""
        readable = any(other.kind is not ContentKind.STICKER for other in self.other)
        quotes = self.reply is not None and self.reply.is_readable and not self.unsupported
        return self.has_words or bool(self.attachments) or readable or quotes

    @property
    def unread(self) -> tuple[UnsupportedContent, ...]:
        """What could not be read of it, and of the message that it replies to."""
        return (*self.unsupported, *(self.reply.unsupported if self.reply is not None else ()))

    @property
    def all_attachments(self) -> tuple[Attachment, ...]:
        """Its own attachments, and those of the message that it replies to."""
        return (*self.attachments, *(self.reply.attachments if self.reply is not None else ()))
