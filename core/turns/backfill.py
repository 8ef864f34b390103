"""Backfill: a thread's messages from before the bot was mentioned in it, read once and stored as history."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Final

import structlog

from core.domain.addresses import ThreadKey
from core.domain.errors import PlatformError
from core.domain.events import MessageReceived
from core.domain.message_content import MessageRole
from core.inbound.recordings import with_recordings_in
from core.ports.backfill import Backfill, ThreadMessage
from core.store import Database, Transaction, conversations, files, history
from core.store.conversations import Conversation
from core.store.history import HistoryMessage
from core.turns.claimed_turn import ClaimedTurn

log = structlog.get_logger(__name__)

MAX_REMEMBERED: Final = 10_000  #: conversations that nothing is missing of, before all are forgotten


class ThreadBackfill:
    """Reads the earlier messages of threads, on platforms that can."""

    def __init__(
        self,
        database: Database,
        backfills: Mapping[str, Backfill],
        *,
        max_messages: int,
        hears_recordings: bool = False,
    ) -> None:
        """Build the reader.

        Args:
            database: the store.
            backfills: the readers of those platforms, by their names.
            max_messages: of one thread that are read.
            hears_recordings: whether recordings are read as the words in them.
        """
        self._hears_recordings = hears_recordings
        self._database = database
        self._backfills = backfills
        self._max_messages = max_messages
        self._connections: dict[int, int] = {}  # by conversation: of which nothing is missing

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
        if backfill is None or question is None or not question.message_id:
            return claimed
        if question.begins_thread or not question.address.key.thread:
            self._remember(conversation, backfill)
            return claimed  # no message is before it
        if conversation.backfilled:
            if self._connections.get(conversation.id) == backfill.connection:
                return claimed
            self._remember(conversation, backfill)
            return await self._catch_up(claimed, backfill, question)
        try:
            earlier = await backfill.load_earlier_messages(
                question.address, before_message_id=question.message_id, limit=self._max_messages
            )
        except PlatformError as exc:
            log.info("backfill.refused", error=str(exc))
            return claimed
        earlier = self._with_recordings(earlier)
        self._remember(conversation, backfill)
        async with self._database.begin() as tx:
            known = await conversations.load_message_ids(tx, conversation.id)
            await _store_unknown(tx, earlier, known, claimed, question)
            await conversations.mark_backfilled(tx, conversation.id)
        return _with_files_of(replace(claimed, conversation=replace(conversation, backfilled=True)), earlier)

    def _with_recordings(self, messages: Sequence[ThreadMessage]) -> Sequence[ThreadMessage]:
        hears = self._hears_recordings
        return [replace(one, content=with_recordings_in(one.content, hears=hears)) for one in messages]

    def _remember(self, conversation: Conversation, backfill: Backfill) -> None:
        if len(self._connections) >= MAX_REMEMBERED:
            self._connections.clear()
        self._connections[conversation.id] = backfill.connection

    async def _catch_up(
        self, claimed: ClaimedTurn, backfill: Backfill, question: MessageReceived
    ) -> ClaimedTurn:
        """Store the messages of a known thread from a time when no event could arrive."""
        conversation = claimed.conversation
        async with self._database.read() as tx:
            known = await conversations.load_message_ids(tx, conversation.id)
        try:
            missed = await backfill.load_missed_messages(
                question.address,
                known_ids=known,
                before_message_id=question.message_id,
                limit=self._max_messages,
            )
        except PlatformError as exc:
            log.info("backfill.refused", error=str(exc))
            return claimed
        if not missed:
            return claimed
        missed = self._with_recordings(missed)
        async with self._database.begin() as tx:
            await _store_unknown(tx, missed, known, claimed, question)
        return _with_files_of(claimed, missed)


async def _store_unknown(
    tx: Transaction,
    messages: Sequence[ThreadMessage],
    known: Collection[str],
    claimed: ClaimedTurn,
    question: MessageReceived,
) -> None:
    for message in messages:
        if message.message_id not in known and not message.content.is_blank:
            key = question.address.key
            await _store(tx, message, claimed.conversation, key, claimed.turn.inbox_id - 1)


def _with_files_of(claimed: ClaimedTurn, messages: Sequence[ThreadMessage]) -> ClaimedTurn:
    """Return a turn that knows of the files in messages that were stored for it."""
    if not any(message.content.all_attachments for message in messages):
        return claimed
    return replace(claimed, available_context=replace(claimed.available_context, has_files=True))


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
