"""Messages as one text: the quoted message above the author's words, names of attachments below them. Pure.

The text is for readers: Kimi, and people who see a conversation's history. It is never parsed back; code
that needs one part reads :class:`core.domain.message_content.MessageContent`.
"""

from collections.abc import Sequence
from typing import Final

from core.domain.message_content import Attachment, AttachmentKind, ForwardOrigin, MessageContent
from core.text.quoting import prepend_quote, speaker_label

MAX_FILE_NAME_CHARS: Final = 80
_HEAD_CHARS, _TAIL_CHARS = 60, 19  #: of a longer name, around the ellipsis
_UNNAMED: Final = {
    AttachmentKind.PICTURE: "photo.jpg",
    AttachmentKind.VIDEO: "video.mp4",
    AttachmentKind.FILE: "file",
}


def render_content(content: MessageContent) -> str:
    """Return a message as one text; "" if nothing of it can be read."""
    parts = [content.text, *(other.text for other in content.other), attachments_line(content.attachments)]
    text = "\n\n".join(part for part in parts if part)
    if content.forwarded_from is not None:
        text = f"{_forward_line(content.forwarded_from)}\n\n{text}"
    if content.reply is not None and content.reply.text:
        quote = content.reply.selection or content.reply.text
        text = prepend_quote(text, quote=quote, author=content.reply.author)
    return text


def display_name(name: str, kind: AttachmentKind) -> str:
    """Return a file's name for a sentence: one short line without markup."""
    plain = " ".join(name.split()).translate({ord(mark): "'" for mark in '`*_[]<>"'})
    if not plain:
        return _UNNAMED[kind]
    return plain if len(plain) <= MAX_FILE_NAME_CHARS else f"{plain[:_HEAD_CHARS]}…{plain[-_TAIL_CHARS:]}"


def attachments_line(attachments: Sequence[Attachment]) -> str:
    """Return the line that names attachments, such as "[attached: a.pdf]"; "" if there are none."""
    names = ", ".join(display_name(attachment.name, attachment.kind) for attachment in attachments)
    return f"[attached: {names}]" if names else ""


def _forward_line(origin: ForwardOrigin) -> str:
    source = origin.author or origin.channel
    return f"Forwarded from {speaker_label(source)}:" if source else "Forwarded:"
