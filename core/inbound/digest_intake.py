"""Intake of a command for a digest: a question in a conversation of its own, after those before it."""

from core.domain.events import CommandReceived
from core.domain.message_content import MessageContent, MessageRole
from core.domain.queue import EventStatus, Lane, QueueKey
from core.store import Transaction, conversations, history, inbox
from core.store.history import HistoryMessage


def command_text(event: CommandReceived) -> str:
    """Return a command for a digest as the words of a question."""
    if event.about is not None and event.argument:
        return event.argument
    return f"/{event.command} {event.argument}".rstrip()


async def intake_digest(tx: Transaction, event: CommandReceived) -> QueueKey:
    """Store the command in the conversation where its answer will be; return the queue that it is open in.

    Raises:
        DuplicateEvent: it was stored before.
    """
    key = event.address.key
    conversation = await conversations.get_or_create(tx, key, event.chat_type)
    seq = await inbox.add(
        tx, event, conversation_id=conversation.id, lane=Lane.TURNS, status=EventStatus.OPEN
    )
    question = HistoryMessage(
        seq=seq,
        role=MessageRole.USER,
        content=MessageContent(text=command_text(event)),
        author_id=event.author.id,
        author=event.author.name,
    )
    await history.append(tx, question, conversation_id=conversation.id, message_id=event.message_id)
    if event.message_id:  # a slash command has none
        await conversations.save_ref(tx, key, event.message_id, conversation.id, None)
    return QueueKey(conversation.id, Lane.TURNS)
