"""Relay of a customer's messages to the desk."""

from collections.abc import Sequence
from dataclasses import replace

from core.domain.events import MessageReceived
from core.domain.handoff_state import OutboxSide
from core.domain.message_content import OtherContent
from core.handoff import texts_for_customers, texts_for_staff
from core.handoff.copies import enqueue_copies, lost_content, words_needed
from core.handoff.handoff_service import HandoffService
from core.handoff.outbox_writer import notify_customer
from core.handoff.texts_for_customers import prefix_author
from core.handoff.ticket_card import ticket_language
from core.inbound.history_writer import append_to_history
from core.store import Transaction, conversations, handoffs
from core.store.handoffs import Handoff
from core.text.message_text import render_content


async def relay_customer_message(
    tx: Transaction, service: HandoffService, handoff: Handoff, event: MessageReceived, inbox_id: int
) -> None:
    """Copy a customer's message to the desk, and append it to the history.

    Content that cannot be passed on is named to both sides.
    """
    conversation = await conversations.get(tx, handoff.conversation_id)
    await append_to_history(tx, event, conversation, inbox_id)
    policy = await service.policy_of(tx, handoff)
    due_at = service.due_at(handoff.state, policy, customer_waits=True)
    await handoffs.record_customer_message(tx, handoff, event.address, due_at=due_at)
    if not handoff.desk_room.platform:
        return  # staff reads it in the same room
    language = ticket_language(handoff)
    lost = lost_content(event, handoff, OutboxSide.DESK)
    unsupported = texts_for_staff.unsupported_content_text(language, lost) if lost is not None else ""
    other = words_needed(event, handoff, OutboxSide.DESK)
    text = "\n\n".join(part for part in (_text_for_desk(event, other), unsupported) if part)
    name = event.author.name or handoff.customer.name or event.author.id
    copy = prefix_author(name, text) if text else ""
    await enqueue_copies(tx, handoff, event, inbox_id, OutboxSide.DESK, copy)
    if lost is not None:
        notice = texts_for_customers.not_passed_on_text(language, lost)
        await notify_customer(tx, handoff, inbox_id, notice)


def _text_for_desk(event: MessageReceived, other: Sequence[OtherContent]) -> str:
    """Return all that a customer's message says but its files, which follow as copies of their own.

    ``other`` is the content that is told in words.

    A reply to the bot's own message is left out: the desk has that message above.
    """
    reply = event.quoted
    shown_reply = None if reply is not None and reply.by_bot and not reply.selection else reply
    content = replace(event.content, reply=shown_reply, attachments=(), other=tuple(other), unsupported=())
    return render_content(content).strip()
