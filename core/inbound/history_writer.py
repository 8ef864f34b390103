"""Making what people say part of the history: their words, what they quote, what they attach."""

from collections.abc import Sequence

from core.domain.events import Event, MessageReceived
from core.domain.message_content import ReplyContext
from core.files.file_policy import attachments_line
from core.store import Transaction, conversations, files, history, inbox
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.store.inbox import EventStatus, MediaGroupMessage
from core.text.quoting import prepend_quote
from core.text.tokens import estimate_tokens


async def append_to_history(
    tx: Transaction, event: MessageReceived, conversation: Conversation, seq: int, *, include_quote: bool
) -> None:
    """Make a person's message part of the history."""
    text = event.text
    if include_quote and event.quoted is not None and event.quoted.text:
        text = prepend_quote(text, quote=event.quoted.text, author=event.quoted.author)
    text = with_attachment_names(text, event)
    line = HistoryMessage(
        seq=seq,
        role="user",
        author_id=event.author.id,
        author=event.author.name,
        text=text,
        tokens=estimate_tokens(text),
    )
    if text.strip():
        await history.append(tx, line, conversation_id=conversation.id, message_id=event.message_id)
    await files.add(
        tx,
        conversation_id=conversation.id,
        seq=seq,
        author_id=event.author.id,
        attachments=event.attachments,
    )
    await conversations.save_ref(tx, event.address.key, event.message_id, conversation.id, None)


async def attach_media_group(
    tx: Transaction, siblings: Sequence[MediaGroupMessage], conversation: Conversation
) -> None:
    """Let the rest of an album that was only noted so far be part of the question."""
    noted = [
        one
        for one in siblings
        if one.state is EventStatus.RECORDED and isinstance(one.event, MessageReceived)
    ]
    for sibling in noted:
        if sibling.conversation_id is None and isinstance(sibling.event, MessageReceived):
            await append_to_history(tx, sibling.event, conversation, sibling.id, include_quote=True)
    await inbox.reopen(tx, [one.id for one in noted], conversation.id)


def with_attachment_names(text: str, event: MessageReceived) -> str:
    """Put the names of what came with a message below its words."""
    marks = attachments_line(event.attachments)
    return f"{text}\n\n{marks}".strip() if marks else text


def strip_quote(text: str, quoted: ReplyContext) -> str:
    """Return a message as it stands in the history without the one that stands quoted above it."""
    above = prepend_quote("", quote=quoted.text, author=quoted.author)
    return text.removeprefix(above).lstrip("\n") if quoted.text else text


def apply_edit(text: str, original: Event | None, *, stored_text: str) -> str:
    """Return changed words as they stand in the history, where ``stored`` stands now.

    Above them is again what stood above them before, the message that they reply to; below them what
    came with them.
    """
    if not isinstance(original, MessageReceived):
        return text
    match original.quoted:
        case ReplyContext(text=quoted, author=author) if quoted and stored_text.startswith(
            prepend_quote("", quote=quoted, author=author)
        ):
            text = prepend_quote(text, quote=quoted, author=author)
    return with_attachment_names(text, original)
