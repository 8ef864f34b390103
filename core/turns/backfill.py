"""What stood in a thread before the bot was called into it: read once, kept as history."""

import structlog

from core.domain.errors import PlatformError
from core.domain.events import MessageReceived
from core.domain.message_content import MessageContent, MessageRole
from core.ports.platform import Backfill
from core.store import Database, conversations, history
from core.store.conversations import Conversation
from core.store.history import HistoryMessage

log = structlog.get_logger(__name__)


async def backfill_thread(
    database: Database,
    backfill: Backfill,
    conversation: Conversation,
    question: MessageReceived,
    *,
    before_seq: int,
    limit: int,
) -> None:
    """Store up to ``limit`` earlier messages of the thread, just before ``before_seq``.

    A platform that refuses is no reason not to answer: it is tried again with the next question.
    """
    try:
        heard = await backfill.load_earlier_messages(
            question.address, before_message_id=question.message_id, limit=limit
        )
    except PlatformError as exc:
        log.info("backfill.refused", error=str(exc))
        return
    async with database.begin() as tx:
        known = await conversations.load_message_ids(tx, conversation.id)
        for message in heard:
            if message.message_id in known or not message.text.strip():
                continue
            line = HistoryMessage(
                seq=before_seq - 1,
                role=MessageRole.ASSISTANT if message.by_bot else MessageRole.USER,
                content=MessageContent(text=message.text),
                author_id=message.author_id,
                author=message.author,
            )
            await history.append(tx, line, conversation_id=conversation.id, message_id=message.message_id)
            await conversations.save_ref(tx, question.address.key, message.message_id, conversation.id, None)
        await conversations.mark_backfilled(tx, conversation.id)
