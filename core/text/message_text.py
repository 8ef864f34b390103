"""Messages as one text: the quoted message above the author's words, names of attachments below them. Pure.

The text is for readers: Kimi, and people who see a conversation's history. It is never parsed back; code
that needs one part reads :class:`core.domain.message_content.MessageContent`.
"""

from collections.abc import Sequence
from typing import Final

from core.domain.message_content import (
    Attachment,
    AttachmentKind,
    ForwardOrigin,
    MessageContent,
    OtherContent,
    ReplyContext,
    UnsupportedContent,
)
from core.text.quoting import blockquote, speaker_label, truncate

MAX_FILE_NAME_CHARS: Final = 80
MAX_READ_CHARS: Final = 1_000  #: of a name; of a longer one only both ends are looked at
_HEAD_CHARS, _TAIL_CHARS = 60, 19  #: of a longer name, around the ellipsis
MAX_QUOTE_CHARS: Final = 4_000  #: of a message that is replied to
_SELECTION_LINE: Final = "This part is meant:"
_UNSUPPORTED_LINES: Final = {
    UnsupportedContent.VOICE: "[a recording that could not be heard]",
    UnsupportedContent.STICKER: "[a sticker that could not be read]",
    UnsupportedContent.OTHER: "[something that could not be read]",
}
_UNNAMED: Final = {
    AttachmentKind.PICTURE: "photo.jpg",
    AttachmentKind.VIDEO: "video.mp4",
    AttachmentKind.AUDIO: "audio",
    AttachmentKind.CLIP: "video.mp4",
    AttachmentKind.STICKER: "sticker",
    AttachmentKind.FILE: "file",
}


def render_content(content: MessageContent) -> str:
    """Return a message as one text; "" if nothing of it can be read."""
    parts = _body_parts(content.text, content.other, content.attachments, content.unsupported)
    text = "\n\n".join(parts)
    if content.forwarded_from is not None:
        text = f"{_forward_line(content.forwarded_from)}\n\n{text}".rstrip()
    if content.reply is not None and (quote := _render_reply(content.reply)):
        return f"{_reply_line(content.reply)}\n{quote}\n\n{text}".rstrip()
    return text


def _body_parts(
    text: str,
    other: Sequence[OtherContent],
    attachments: Sequence[Attachment],
    unsupported: Sequence[UnsupportedContent],
) -> list[str]:
    """Return the parts of a message's text.

    Unread content is named only if there is no other content, and a recording only if no words stand for it.
    """
    unread = () if other else unsupported
    if text.strip():
        attachments = [one for one in attachments if one.kind is not AttachmentKind.AUDIO]
    parts = [text, *(one.text for one in other), attachments_line(attachments), unsupported_line(unread)]
    return [part for part in parts if part]


def _render_reply(reply: ReplyContext) -> str:
    """Return the quoted lines of a message that is replied to; "" if nothing of it is known."""
    text = truncate(reply.text.strip(), MAX_QUOTE_CHARS)
    parts = _body_parts(text, reply.other, reply.attachments, reply.unsupported)
    if reply.selection and reply.selection.strip() != reply.text.strip():
        parts = (
            [*parts, f"{_SELECTION_LINE}\n{reply.selection.strip()}"] if parts else [reply.selection.strip()]
        )
    return blockquote("\n\n".join(parts)) if parts else ""


def _reply_line(reply: ReplyContext) -> str:
    """Return the line above a quote: who wrote, forwarded or posted it, and where."""
    place = f" in {speaker_label(reply.channel)}" if reply.channel and reply.channel != reply.author else ""
    if reply.forwarded_from is not None:
        source = _forward_line(reply.forwarded_from).removeprefix("Forwarded")
        return f"{speaker_label(reply.author)} forwarded{source}"
    if reply.by_bot:
        return f"You wrote{place}:"
    if not reply.author:
        return f"Replying to{place}:"
    return f"{speaker_label(reply.author)} wrote{place}:"


def unsupported_line(unsupported: Sequence[UnsupportedContent]) -> str:
    """Return lines that name what could not be read; "" if there is nothing to name."""
    return "\n".join(_UNSUPPORTED_LINES[kind] for kind in unsupported if kind in _UNSUPPORTED_LINES)


def display_name(name: str, kind: AttachmentKind) -> str:
    """Return a file's name for a sentence: one short line without markup."""
    if len(name) > MAX_READ_CHARS:  # no platform allows it
        name = name[:_HEAD_CHARS] + name[-MAX_FILE_NAME_CHARS:]
    printable = "".join(char if char.isprintable() else " " for char in name).replace("://", " ")
    plain = " ".join(printable.split()).translate({ord(mark): "'" for mark in '`*_[]<>"~|$\\\\'})
    if not plain:
        return _UNNAMED[kind]
    return plain if len(plain) <= MAX_FILE_NAME_CHARS else f"{plain[:_HEAD_CHARS]}…{plain[-_TAIL_CHARS:]}"


def attachments_line(attachments: Sequence[Attachment]) -> str:
    """Return the line that names attachments, such as "[attached: a.pdf]"; "" if there are none."""
    names = ", ".join(display_name(attachment.name, attachment.kind) for attachment in attachments)
    return f"[attached: {names}]" if names else ""


def _forward_line(origin: ForwardOrigin) -> str:
    source = origin.author or origin.channel
    if origin.author and origin.channel:
        source = f"{origin.author}, {origin.channel}"
    return f"Forwarded from {speaker_label(source)}:" if source else "Forwarded:"
