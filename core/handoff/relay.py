"""What one side says becomes rows for the other side: words, files, edits, deletions.

Words that begin with ``//`` are a note of the desk's and reach no customer, also where an edit makes
them one.
"""

from core.domain.addresses import Person
from core.domain.events import MessageDeleted, MessageEdited, MessageReceived
from core.domain.handoff_state import HandoffAction, HandoffState
from core.files.file_policy import attachments_line
from core.handoff import texts_for_customers, texts_for_staff, ticket_card
from core.handoff.deadlines import next_check_at
from core.handoff.policy import HandoffPolicy
from core.handoff.service import HandoffService
from core.inbound.history_writer import append_to_history
from core.store import Transaction, conversations, handoffs, history
from core.store.handoffs import Handoff
from core.store.history import HistoryMessage
from core.store.outbox import OutboxContent, OutboxItem, OutboxKind, OutboxSide, SourceMessage
from core.text.tokens import estimate_tokens

NOTE_PREFIX = "//"


def is_internal_note(text: str) -> bool:
    """Return whether words on the desk are for the team alone."""
    return text.lstrip().startswith(NOTE_PREFIX)


class Relay:
    """Makes rows of what is said; all within the caller's transaction."""

    def __init__(self, service: HandoffService) -> None:
        self._service = service

    async def relay_customer_message(
        self, tx: Transaction, handoff: Handoff, event: MessageReceived, inbox_id: int
    ) -> None:
        """Pass a customer's message on to the desk; it is part of the history as any other."""
        conversation = await conversations.get(tx, handoff.conversation_id)
        await append_to_history(tx, event, conversation, inbox_id, include_quote=False)
        terms = await self._load_policy(tx, handoff)
        look_at = next_check_at(
            handoff.state, terms.timeouts, now=self._service.now(), reminder_count=0, customer_waits=True
        )
        await handoffs.record_customer_message(tx, handoff, event.address, due_at=look_at)
        if not handoff.desk_room.platform:
            return  # the person reads it in the same room
        name = event.author.name or handoff.customer.name or event.author.id
        words = event.text.strip() or texts_for_staff.unsupported_content_text(
            event, ticket_card.ticket_language(handoff)
        )
        await self._enqueue_copies(
            tx,
            handoff,
            event,
            inbox_id,
            OutboxSide.DESK,
            texts_for_customers.prefix_author(name, words) if words else "",
        )

    async def relay_staff_message(
        self, tx: Transaction, handoff: Handoff, event: MessageReceived, inbox_id: int
    ) -> None:
        """Pass a person's message on to the customer, and take the handover where nobody has."""
        if is_internal_note(event.text):
            return
        done = await self._service.apply_action(
            tx, handoff, HandoffAction.REPLY, event.author, inbox_id=inbox_id
        )
        if done is None:
            await self._service.enqueue_text(
                tx,
                handoff,
                inbox_id,
                OutboxSide.DESK,
                texts_for_staff.handoff_ended_text(ticket_card.ticket_language(handoff)),
            )
            return
        terms = await self._load_policy(tx, handoff)
        await self._mark_answered(tx, done.handoff, terms)
        await self._append_to_history(tx, handoff, event, inbox_id)
        words = event.text.strip()
        await self._enqueue_copies(
            tx,
            handoff,
            event,
            inbox_id,
            OutboxSide.CUSTOMER,
            self.format_staff_text(terms, event.author, words),
        )

    async def record_staff_message(
        self, tx: Transaction, handoff: Handoff, event: MessageReceived, inbox_id: int
    ) -> None:
        """Note what a person said to the customer in the customer's own room."""
        await self._mark_answered(tx, handoff, await self._load_policy(tx, handoff))
        await self._append_to_history(tx, handoff, event, inbox_id)

    async def relay_edit(
        self, tx: Transaction, copies: list[OutboxItem], event: MessageEdited, inbox_id: int
    ) -> None:
        """Let the copy of a message follow its edit."""
        words = next((copy for copy in copies if copy.kind is OutboxKind.TEXT), None)
        handover = await self._load_handoff(tx, words)
        if words is None or handover is None:
            return
        if words.side is OutboxSide.CUSTOMER and is_internal_note(event.text):
            await self._enqueue_deletions(tx, handover, copies, inbox_id)
            return
        text = event.text.strip()
        if words.side is OutboxSide.DESK:
            text = texts_for_customers.prefix_author(
                event.author.name or handover.customer.name or event.author.id, text
            )
        else:
            text = self.format_staff_text(await self._load_policy(tx, handover), event.author, text)
        await history.edit_message(
            tx, handover.conversation_id, event.message_id, event.text, estimate_tokens(event.text)
        )
        content = OutboxContent(text=text, of=words.id)
        await self._service.enqueue(tx, handover, inbox_id, OutboxKind.EDIT, words.side, content)

    async def relay_deletion(
        self, tx: Transaction, copies: list[OutboxItem], event: MessageDeleted, inbox_id: int
    ) -> None:
        """Let the copies of a message go with it."""
        handover = await self._load_handoff(tx, copies[0])
        if handover is not None:
            await history.remove_message(tx, handover.conversation_id, event.message_id)
            await self._enqueue_deletions(tx, handover, copies, inbox_id)

    def format_staff_text(self, policy: HandoffPolicy, author: Person, text: str) -> str:
        """Return a person's words as the customer sees them."""
        return (
            texts_for_customers.prefix_author(author.name, text)
            if policy.show_staff_names and author.name and text
            else text
        )

    async def _enqueue_copies(
        self,
        tx: Transaction,
        handoff: Handoff,
        event: MessageReceived,
        inbox_id: int,
        side: OutboxSide,
        text: str,
    ) -> None:
        key = event.address.key
        source = SourceMessage(platform=key.platform, channel=key.channel, message_id=event.message_id)
        if text:
            await self._service.enqueue(
                tx, handoff, inbox_id, OutboxKind.TEXT, side, OutboxContent(text=text), source
            )
        for file in event.attachments:
            content = OutboxContent(file=file, platform=key.platform)
            await self._service.enqueue(tx, handoff, inbox_id, OutboxKind.FILE, side, content, source)

    async def _enqueue_deletions(
        self, tx: Transaction, handoff: Handoff, copies: list[OutboxItem], inbox_id: int
    ) -> None:
        for copy in copies:
            if copy.kind in (OutboxKind.TEXT, OutboxKind.FILE):
                content = OutboxContent(of=copy.id)
                await self._service.enqueue(tx, handoff, inbox_id, OutboxKind.DELETE, copy.side, content)

    async def _mark_answered(self, tx: Transaction, handoff: Handoff, policy: HandoffPolicy) -> None:
        now = self._service.now()
        look_at = next_check_at(
            HandoffState.STAFF, policy.timeouts, now=now, reminder_count=0, customer_waits=False
        )
        await handoffs.record_staff_message(tx, handoff, now=now, due_at=look_at)

    async def _append_to_history(
        self, tx: Transaction, handoff: Handoff, event: MessageReceived, inbox_id: int
    ) -> None:
        """Keep a person's words as an answer that the conversation got: Kimi reads them later."""
        text = "\n\n".join(part for part in (event.text.strip(), attachments_line(event.attachments)) if part)
        line = HistoryMessage(
            seq=inbox_id,
            role="assistant",
            author_id=event.author.id,
            author=event.author.name,
            text=text,
            tokens=estimate_tokens(text),
        )
        if text:
            await history.append(
                tx, line, conversation_id=handoff.conversation_id, message_id=event.message_id
            )

    async def _load_handoff(self, tx: Transaction, item: OutboxItem | None) -> Handoff | None:
        if item is None or item.handoff_id is None:
            return None
        return await handoffs.get(tx, item.handoff_id)

    async def _load_policy(self, tx: Transaction, handoff: Handoff) -> HandoffPolicy:
        return await self._service.load_policy(tx, handoff.address, ticket_card.ticket_language(handoff))
