"""Backfill: a thread's messages from before the bot was mentioned in it, read once and stored as history."""

from collections.abc import Mapping
from dataclasses import replace

import structlog

from core.domain.addresses import ThreadKey
from core.domain.errors import PlatformError
from core.domain.message_content import MessageRole
from core.ports.platform import Backfill, ThreadMessage
from core.store import Database, Transaction, conversations, files, history
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.turns.claimed_turn import ClaimedTurn

log = structlog.get_logger(__name__)


class ThreadBackfill:
    """Reads the earlier messages of threads, on platforms that can."""

    def __init__(self, database: Database, backfills: Mapping[str, Backfill], *, max_messages: int) -> None:
        """``backfills`` maps the names of those platforms to their readers."""
        self._database = database
        self._backfills = backfills
        self._max_messages = max_messages

    async def run(self, claimed: ClaimedTurn) -> ClaimedTurn:
        """Store the messages before a thread's first question, unless it was done before.

        If the platform refuses, the question is answered without them, and the next one tries again.

        Returns:
            The turn, with its conversation marked as backfilled and the thread's files known.

        Raises:
            StoreUnavailable: nothing was stored.
        """
        conversation, question = claimed.conversation, claimed.question
        backfill = self._backfills.get(conversation.key.platform)
        if backfill is None or conversation.backfilled or question is None:
            return claimed
        try:
            earlier = await backfill.load_earlier_messages(
                question.address, before_message_id=question.message_id, limit=self._max_messages
            )
        except PlatformError as exc:
            log.info("backfill.refused", error=str(exc))
            return claimed
        async with self._database.begin() as tx:
            known = await conversations.load_message_ids(tx, conversation.id)
            for message in earlier:
                if message.message_id not in known and not message.content.is_blank:
                    await _store(tx, message, conversation, question.address.key, claimed.turn.inbox_id - 1)
            await conversations.mark_backfilled(tx, conversation.id)
        has_files = any(message.content.all_attachments for message in earlier)
        return replace(
            claimed,
            conversation=replace(conversation, backfilled=True),
            available_context=replace(
                claimed.available_context, has_files=has_files or claimed.available_context.has_files
            ),
        )


async def _store(
    tx: Transaction, message: ThreadMessage, conversation: Conversation, key: ThreadKey, seq: int
) -> None:
    """Store an earlier message as history at ``seq``, with its files and its reference."""
    line = HistoryMessage(
        seq=seq,
        role=MessageRole.ASSISTANT if message.by_bot else MessageRole.USER,
        author_id=message.author_id,
        author=message.author,
        content=message.content,
    )
    await history.append(tx, line, conversation_id=conversation.id, message_id=message.message_id)
    await files.add(
        tx,
        conversation_id=conversation.id,
        seq=seq,
        author_id=message.author_id,
        attachments=message.content.all_attachments,
    )
    await conversations.save_ref(tx, key, message.message_id, conversation.id, None)
