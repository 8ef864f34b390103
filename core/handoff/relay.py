"""Relay of messages between a customer and the desk: texts, files, edits and deletions.

A copy is an outbox item on the other side. A staff message that begins with ``//`` is an internal note: it
is never copied, and an edit that turns a copied message into a note deletes the copy.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from core.domain.addresses import Person
from core.domain.events import MessageDeleted, MessageEdited, MessageReceived
from core.domain.handoff_state import HandoffAction, HandoffState, OutboxKind, OutboxSide
from core.domain.message_content import MessageContent, MessageRole
from core.handoff import texts_for_staff
from core.handoff.handoff_service import HandoffService
from core.handoff.outbox_writer import enqueue, notify_desk
from core.handoff.policy import HandoffPolicy
from core.handoff.texts_for_customers import prefix_author
from core.handoff.ticket_card import ticket_language
from core.inbound.history_writer import append_to_history
from core.store import Transaction, conversations, handoffs, history
from core.store.handoffs import Handoff
from core.store.history import HistoryMessage
from core.store.outbox import OutboxContent, OutboxItem, SourceMessage
from core.text.language import Language
from core.text.message_text import render_content

NOTE_PREFIX: Final = "//"


def is_internal_note(text: str) -> bool:
    """Return whether a staff message is for the team alone."""
    return text.lstrip().startswith(NOTE_PREFIX)


class Relay:
    """Stores copies of one side's messages for the other side, in the caller's transaction."""

    def __init__(self, service: HandoffService) -> None:
        self._service = service

    async def relay_customer_message(
        self, tx: Transaction, handoff: Handoff, event: MessageReceived, inbox_id: int
    ) -> None:
        """Copy a customer's message to the desk, and append it to the history."""
        conversation = await conversations.get(tx, handoff.conversation_id)
        await append_to_history(tx, event, conversation, inbox_id)
        policy = await self._service.policy_of(tx, handoff)
        due_at = self._service.due_at(handoff.state, policy, customer_waits=True)
        await handoffs.record_customer_message(tx, handoff, event.address, due_at=due_at)
        if not handoff.desk_room.platform:
            return  # staff reads it in the same room
        text = _text_for_desk(event, ticket_language(handoff))
        name = event.author.name or handoff.customer.name or event.author.id
        copy = prefix_author(name, text) if text else ""
        await _enqueue_copies(tx, handoff, event, inbox_id, OutboxSide.DESK, copy)

    async def relay_staff_message(
        self, tx: Transaction, handoff: Handoff, event: MessageReceived, inbox_id: int
    ) -> None:
        """Copy a staff message to the customer; its author becomes the assignee."""
        if is_internal_note(event.text):
            return
        replied = await self.reply_as_staff(tx, handoff, event.author, inbox_id)
        if replied is None:
            return
        content = MessageContent(text=event.text.strip(), attachments=event.attachments)
        await self._append_answer(tx, handoff, event.author, content, inbox_id, event.message_id)
        copy = self.format_staff_text(
            await self._service.policy_of(tx, handoff), event.author, event.text.strip()
        )
        await _enqueue_copies(tx, handoff, event, inbox_id, OutboxSide.CUSTOMER, copy)

    async def record_staff_message(
        self, tx: Transaction, handoff: Handoff, event: MessageReceived, inbox_id: int
    ) -> None:
        """Record a staff message that the customer reads in the same room."""
        await self._record_answer(tx, handoff)
        content = MessageContent(text=event.text.strip(), attachments=event.attachments)
        await self._append_answer(tx, handoff, event.author, content, inbox_id, event.message_id)

    async def send_draft(
        self, tx: Transaction, handoff: Handoff, author: Person, draft: str, inbox_id: int
    ) -> bool:
        """Send a drafted text to the customer in a staff member's name; False if the handoff has ended."""
        replied = await self.reply_as_staff(tx, handoff, author, inbox_id)
        if replied is None:
            return False
        await self._append_answer(tx, handoff, author, MessageContent(text=draft), inbox_id)
        text = self.format_staff_text(await self._service.policy_of(tx, handoff), author, draft)
        content = OutboxContent(text=text)
        await enqueue(tx, handoff, inbox_id, OutboxKind.TEXT, OutboxSide.CUSTOMER, content)
        return True

    async def reply_as_staff(
        self, tx: Transaction, handoff: Handoff, author: Person, inbox_id: int
    ) -> Handoff | None:
        """Apply a reply to a handoff; None, with a notice at the desk, if it has ended."""
        result = await self._service.apply_action(tx, handoff, HandoffAction.REPLY, author, inbox_id=inbox_id)
        if result is None:
            text = texts_for_staff.handoff_ended_text(ticket_language(handoff))
            await notify_desk(tx, handoff, inbox_id, text)
            return None
        await self._record_answer(tx, result.handoff)
        return result.handoff

    async def relay_edit(
        self, tx: Transaction, copies: Sequence[OutboxItem], event: MessageEdited, inbox_id: int
    ) -> None:
        """Edit the copy of an edited message."""
        copy = next((one for one in copies if one.kind is OutboxKind.TEXT), None)
        handoff = await _load_handoff(tx, copy)
        if copy is None or handoff is None:
            return
        if copy.side is OutboxSide.CUSTOMER and is_internal_note(event.text):
            await _enqueue_deletions(tx, handoff, copies, inbox_id)
            return
        text = event.text.strip()
        if copy.side is OutboxSide.DESK:
            text = prefix_author(event.author.name or handoff.customer.name or event.author.id, text)
        else:
            policy = await self._service.policy_of(tx, handoff)
            text = self.format_staff_text(policy, event.author, text)
        await history.edit_message(tx, handoff.conversation_id, event.message_id, event.text)
        content = OutboxContent(text=text, of=copy.id)
        await enqueue(tx, handoff, inbox_id, OutboxKind.EDIT, copy.side, content)

    async def relay_deletion(
        self, tx: Transaction, copies: Sequence[OutboxItem], event: MessageDeleted, inbox_id: int
    ) -> None:
        """Delete the copies of a deleted message, and remove it from the history."""
        handoff = await _load_handoff(tx, copies[0])
        if handoff is not None:
            await history.remove_message(tx, handoff.conversation_id, event.message_id)
            await _enqueue_deletions(tx, handoff, copies, inbox_id)

    def format_staff_text(self, policy: HandoffPolicy, author: Person, text: str) -> str:
        """Return a staff member's text as the customer sees it, with the name if the policy shows names."""
        show_name = policy.show_staff_names and author.name and text
        return prefix_author(author.name, text) if show_name else text

    async def _record_answer(self, tx: Transaction, handoff: Handoff) -> None:
        policy = await self._service.policy_of(tx, handoff)
        due_at = self._service.due_at(HandoffState.STAFF, policy, customer_waits=False)
        await handoffs.record_staff_message(tx, handoff, now=self._service.now(), due_at=due_at)

    async def _append_answer(
        self,
        tx: Transaction,
        handoff: Handoff,
        author: Person,
        content: MessageContent,
        inbox_id: int,
        message_id: str = "",
    ) -> None:
        """Append a staff member's message to the history as an answer, so that Kimi reads it later."""
        if content.is_blank:
            return
        message = HistoryMessage(
            seq=inbox_id,
            role=MessageRole.ASSISTANT,
            content=content,
            author_id=author.id,
            author=author.name,
        )
        await history.append(tx, message, conversation_id=handoff.conversation_id, message_id=message_id)


def _text_for_desk(event: MessageReceived, language: Language) -> str:
    """Return all that a customer's message says but its files, which follow as copies of their own.

    A reply to the bot's own message is left out: the desk has that message above.
    """
    reply = event.quoted
    shown_reply = None if reply is not None and reply.by_bot and not reply.selection else reply
    content = replace(event.content, reply=shown_reply, attachments=(), unsupported=())
    unsupported = texts_for_staff.unsupported_content_text(event, language)
    return "\n\n".join(part for part in (render_content(content).strip(), unsupported) if part)


async def _enqueue_copies(
    tx: Transaction, handoff: Handoff, event: MessageReceived, inbox_id: int, side: OutboxSide, text: str
) -> None:
    key = event.address.key
    source = SourceMessage(platform=key.platform, channel=key.channel, message_id=event.message_id)
    if text:
        content = OutboxContent(text=text)
        await enqueue(tx, handoff, inbox_id, OutboxKind.TEXT, side, content, source)
    for file in event.attachments:
        content = OutboxContent(file=file, platform=key.platform)
        await enqueue(tx, handoff, inbox_id, OutboxKind.FILE, side, content, source)


async def _enqueue_deletions(
    tx: Transaction, handoff: Handoff, copies: Sequence[OutboxItem], inbox_id: int
) -> None:
    for copy in copies:
        if copy.kind in (OutboxKind.TEXT, OutboxKind.FILE):
            content = OutboxContent(of=copy.id)
            await enqueue(tx, handoff, inbox_id, OutboxKind.DELETE, copy.side, content)


async def _load_handoff(tx: Transaction, item: OutboxItem | None) -> Handoff | None:
    if item is None or item.handoff_id is None:
        return None
    return await handoffs.get(tx, item.handoff_id)
