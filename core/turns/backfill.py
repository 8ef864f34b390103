"""What stood in a thread before the bot was called into it: read once, kept as history."""

import structlog

from core.domain.errors import SurfaceError
from core.domain.events import Said
from core.ports.platform import Backfill
from core.store import Database, conversations, history
from core.store.conversations import Conversation
from core.store.history import Line
from core.text.tokens import estimate_tokens

log = structlog.get_logger(__name__)


async def read_earlier(
    database: Database,
    backfill: Backfill,
    conversation: Conversation,
    said: Said,
    *,
    before_seq: int,
    limit: int,
) -> None:
    """Store up to ``limit`` earlier messages of the thread, just before ``before_seq``.

    A platform that refuses is no reason not to answer: it is tried again with the next question.
    """
    try:
        heard = await backfill.earlier(said.address, before=said.message_id, limit=limit)
    except SurfaceError as exc:
        log.info("earlier_messages_refused", error=str(exc))
        return
    async with database.begin() as tx:
        known = await conversations.known_refs(tx, conversation.id)
        for message in heard:
            if message.message_id in known or not message.text.strip():
                continue
            line = Line(
                seq=before_seq - 1,
                role="assistant" if message.by_bot else "user",
                author_id=message.author_id,
                author=message.author,
                text=message.text,
                tokens=estimate_tokens(message.text),
            )
            await history.add(tx, line, conversation_id=conversation.id, message_id=message.message_id)
            await conversations.remember_ref(tx, said.address.key, message.message_id, conversation.id, None)
        await conversations.mark_backfilled(tx, conversation.id)
