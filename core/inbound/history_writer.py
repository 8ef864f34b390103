"""Stores people's messages as history: their content, and their files."""

from collections.abc import Sequence
from dataclasses import replace

from core.domain.events import MessageReceived
from core.domain.message_content import MessageRole, ReplyContext
from core.domain.queue import EventStatus
from core.store import Transaction, conversations, files, history, inbox, turns
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.store.inbox import MediaGroupMessage


async def append_to_history(
    tx: Transaction, event: MessageReceived, conversation: Conversation, seq: int
) -> None:
    """Store a person's message and its files as part of a conversation's history.

    The message that it replies to comes with it, unless that is the conversation's latest answer as a
    whole. Files of the replied message become files of this one, unless the conversation has them.
    """
    reply = event.quoted
    if reply is not None and await _is_latest_answer(tx, event, reply, conversation):
        reply = None
    content = replace(event.content, reply=reply)
    if not content.is_blank:
        message = HistoryMessage(
            seq=seq,
            role=MessageRole.USER,
            content=content,
            author_id="" if event.by_app else event.author.id,
            author=event.author.name or (event.author.id if event.by_app else ""),
        )
        await history.append(tx, message, conversation_id=conversation.id, message_id=event.message_id)
    author_id = event.author.id
    await files.add(
        tx, conversation_id=conversation.id, seq=seq, author_id=author_id, attachments=event.attachments
    )
    if reply is not None and reply.attachments and not await _has_files_of(tx, conversation, reply):
        await files.add(
            tx,
            conversation_id=conversation.id,
            seq=seq,
            author_id=reply.author_id or author_id,
            attachments=reply.attachments,
        )
    if event.message_id:  # a slash command has none
        await conversations.save_ref(tx, event.address.key, event.message_id, conversation.id, None)


async def attach_media_group(
    tx: Transaction, siblings: Sequence[MediaGroupMessage], conversation: Conversation
) -> None:
    """Add the earlier messages of a media group, which were only recorded so far, to the question."""
    recorded = [
        sibling
        for sibling in siblings
        if sibling.status is EventStatus.RECORDED and isinstance(sibling.event, MessageReceived)
    ]
    for sibling in recorded:
        if sibling.conversation_id is None and isinstance(sibling.event, MessageReceived):
            await append_to_history(tx, sibling.event, conversation, sibling.id)
    await inbox.reopen(tx, [sibling.id for sibling in recorded], conversation.id)


async def _is_latest_answer(
    tx: Transaction, event: MessageReceived, reply: ReplyContext, conversation: Conversation
) -> bool:
    """Return whether a message replies to the whole of the latest answer, which every prompt ends with.

    A retry is a turn of its own that answers the same question in the same message.
    """
    if not reply.by_bot or not reply.message_id or reply.selection:
        return False
    turn_id = await conversations.find_turn_id(tx, event.address.key, reply.message_id)
    answered = await turns.get(tx, turn_id) if turn_id is not None else None
    latest = await turns.get_latest(tx, conversation.id) if answered is not None else None
    return answered is not None and latest is not None and latest.seq == answered.seq


async def _has_files_of(tx: Transaction, conversation: Conversation, reply: ReplyContext) -> bool:
    """Return whether the files of a replied message are in the conversation's history already."""
    if not reply.message_id:
        return False
    message = await history.get_user_message(tx, conversation.id, reply.message_id)
    return (
        message is not None
        and bool(message.content.attachments)
        and message.seq > conversation.history_cutoff_seq
    )
