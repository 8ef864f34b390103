"""Making what people say part of the history: their words, what they quote, what they attach."""

from collections.abc import Sequence

from core.domain.events import MessageReceived
from core.domain.message_content import MessageContent, MessageRole
from core.domain.queue import EventStatus
from core.store import Transaction, conversations, files, history, inbox
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.store.inbox import MediaGroupMessage


async def append_to_history(
    tx: Transaction, event: MessageReceived, conversation: Conversation, seq: int, *, include_quote: bool
) -> None:
    """Store a person's message and its files as part of a conversation's history.

    Without ``include_quote`` the message that it replies to is left out.
    """
    content = content_of(event)
    content = content if include_quote else content.without_reply()
    if not content.is_blank:
        message = HistoryMessage(
            seq=seq,
            role=MessageRole.USER,
            content=content,
            author_id=event.author.id,
            author=event.author.name,
        )
        await history.append(tx, message, conversation_id=conversation.id, message_id=event.message_id)
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
        if one.status is EventStatus.RECORDED and isinstance(one.event, MessageReceived)
    ]
    for sibling in noted:
        if sibling.conversation_id is None and isinstance(sibling.event, MessageReceived):
            await append_to_history(tx, sibling.event, conversation, sibling.id, include_quote=True)
    await inbox.reopen(tx, [one.id for one in noted], conversation.id)


def content_of(event: MessageReceived) -> MessageContent:
    """Return the content of a person's message."""
    unsupported = () if event.unsupported_content is None else (event.unsupported_content,)
    return MessageContent(
        text=event.text, reply=event.quoted, attachments=event.attachments, unsupported=unsupported
    )
