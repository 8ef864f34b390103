"""Notes at the desk: the summary in a ticket, drafts of replies, and the words of recordings.

Each note becomes work of the handoff's queue, so that relayed messages wait neither for Kimi nor for an
engine that hears.
"""

from typing import Final

from core.domain.clock import Clock
from core.domain.handoff_state import OutboxKind, OutboxSide
from core.domain.message_content import AttachmentKind
from core.domain.queue import Lane, QueueKey
from core.handoff import texts_for_staff
from core.handoff.ai_assist import HandoffAssistant
from core.handoff.languages import ticket_language
from core.handoff.outbox_writer import enqueue
from core.store import Database, conversations, due_handoffs, handoffs, outbox
from core.store.handoffs import Handoff
from core.store.outbox import OutboxContent, OutboxItem
from core.turns.hearing import HearMessage
from core.work_queue.port import WorkQueue

MAX_WAIT_S: Final = 600.0  #: of a summary for the tickets of other customers
LOOK_INTERVAL_S: Final = 3.0


class AssistNotes:
    """Lets Kimi write notes, and enqueues them for the desk."""

    def __init__(
        self,
        database: Database,
        assistant: HandoffAssistant,
        work_queue: WorkQueue,
        clock: Clock,
        *,
        hear: HearMessage | None = None,
    ) -> None:
        """``hear`` is None if recordings are not heard."""
        self._hear = hear
        self._database = database
        self._assistant = assistant
        self._work_queue = work_queue
        self._clock = clock

    async def request_summary(self, handoff: Handoff) -> None:
        """Enqueue the summary of a new handoff, in the lane that waits for Kimi."""
        await self._enqueue(handoff, f"summary:{handoff.id}", OutboxKind.SUMMARY, lane=Lane.AI_ASSIST)

    async def add_summary(self, handoff: Handoff) -> None:
        """Store Kimi's summary, and enqueue the ticket's update; without a summary the ticket stays."""
        summary = await self._assistant.summarize(handoff)
        if not summary:
            return
        async with self._database.begin() as tx:
            await handoffs.save_summary(tx, handoff.id, summary)
        await self._let_tickets_pass(handoff)
        await self._enqueue(handoff, f"summarised:{handoff.id}", OutboxKind.TICKET)

    async def _let_tickets_pass(self, handoff: Handoff) -> None:
        """Wait while customers have no ticket at the desk yet: a room takes few messages in a minute."""
        deadline = self._clock.time() + MAX_WAIT_S
        while self._clock.time() < deadline:
            async with self._database.read() as tx:
                if not await due_handoffs.is_any_without_ticket(tx, handoff.desk_room):
                    return
            await self._clock.sleep(LOOK_INTERVAL_S)

    async def add_draft(self, item: OutboxItem, handoff: Handoff) -> None:
        """Enqueue Kimi's draft of a reply, with a button that sends it, or a notice that there is none."""
        language = ticket_language(handoff)
        draft = await self._assistant.draft_reply(handoff)
        content = OutboxContent(text=texts_for_staff.draft_failed_text(language))
        if draft:
            content = OutboxContent(text=texts_for_staff.draft_text(language, draft), draft=draft)
        await self._enqueue(handoff, f"draft:{item.id}", OutboxKind.TEXT, content)

    async def add_answer(self, item: OutboxItem, handoff: Handoff) -> None:
        """Enqueue Kimi's answer to a question of the team, or a notice that there is none."""
        language = ticket_language(handoff)
        answer = await self._assistant.answer_question(handoff, item.content.text)
        text = texts_for_staff.answer_text(language, answer) if answer else ""
        content = OutboxContent(text=text or texts_for_staff.answer_failed_text(language))
        await self._enqueue(handoff, f"answer:{item.id}", OutboxKind.TEXT, content)

    async def request_transcript(self, item: OutboxItem, handoff: Handoff | None) -> None:
        """Enqueue the words of a recording that an item relays to the team, if it relays one."""
        file = item.content.file
        if self._hear is None or handoff is None or item.side is not OutboxSide.DESK:
            return
        if file is not None and file.kind is AttachmentKind.AUDIO:
            content, name = OutboxContent(seq=item.inbox_id), f"heard:{item.inbox_id}"
            await self._enqueue(handoff, name, OutboxKind.TRANSCRIPT, content, lane=Lane.AI_ASSIST)

    async def add_transcript(self, item: OutboxItem, handoff: Handoff) -> None:
        """Enqueue the words of a message's recordings; nothing if none were heard."""
        async with self._database.read() as tx:
            conversation = await conversations.get(tx, handoff.conversation_id)
        words = "" if self._hear is None else await self._hear(conversation, item.content.seq)
        if words:
            content = OutboxContent(text=texts_for_staff.transcript_text(ticket_language(handoff), words))
            await self._enqueue(handoff, f"transcript:{item.id}", OutboxKind.TEXT, content)

    async def _enqueue(
        self,
        handoff: Handoff,
        idempotency_key: str,
        kind: OutboxKind,
        content: OutboxContent | None = None,
        *,
        lane: Lane = Lane.HANDOFF,
    ) -> None:
        """Store an outbox item with an event of its own; once for each key."""
        async with self._database.begin() as tx:
            conversation = await conversations.get(tx, handoff.conversation_id)
            inbox_id = await outbox.add_system_event(tx, conversation, idempotency_key, lane)
            if inbox_id is None:
                return
            item_id = await enqueue(tx, handoff, inbox_id, kind, OutboxSide.DESK, content)
            if content is not None and content.draft:
                button = texts_for_staff.send_draft_button(ticket_language(handoff), item_id)
                await outbox.set_button(tx, item_id, button)
            queue_key = QueueKey(conversation.id, lane)
            wake_up = await self._work_queue.enqueue(tx, queue_key)
        wake_up()
