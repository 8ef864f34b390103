"""Reactions to copies of the other side's messages: put on the messages themselves.

Reactions within one side (of staff to a colleague's message, of customers to their own) stay there.
"""

from dataclasses import dataclass

from core.domain.events import ReactionChanged
from core.domain.handoff_state import OutboxKind, OutboxSide
from core.handoff.handoff_service import HandoffService
from core.handoff.intake import enqueued, store_event
from core.handoff.outbox_writer import enqueue
from core.handoff.reply_links import quote_of
from core.handoff.staff_relay import format_staff_text
from core.handoff.staff_text import SendMode
from core.handoff.texts_for_customers import prefix_author
from core.inbound.handler import Handled
from core.store import Transaction, conversations, handoffs, outbox_copies
from core.store.handoffs import Handoff
from core.store.outbox import OutboxContent, OutboxItem


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """A message that gets a reaction."""

    handoff: Handoff
    side: OutboxSide  #: on which the message is
    copy: OutboxItem  #: the row that shows it to the person who reacted


async def relay_reaction(tx: Transaction, service: HandoffService, event: ReactionChanged) -> Handled | None:
    """Pass a reaction to the other side on; None if the message is no copy of an active handoff."""
    target = await _find_target(tx, event)
    if target is None:
        return None
    handoff, side = target.handoff, target.side
    source = target.copy.source
    policy = await service.policy_of(tx, handoff)
    if not source.message_id:
        return None  # the bot's own words
    if side is OutboxSide.CUSTOMER and policy.send_mode is SendMode.MARKED:
        return None  # a reaction carries no mark
    inbox_id = await store_event(tx, event, handoff.conversation_id)
    for emoji, removes in (*((one, True) for one in event.removed), *((one, False) for one in event.added)):
        if side is OutboxSide.CUSTOMER:
            text = format_staff_text(policy, event.author, emoji)
        else:
            text = prefix_author(event.author.name or handoff.customer.name_or_id, emoji)
        content = OutboxContent(
            text=text,
            reaction=emoji,
            removes=removes,
            reply_to=source.message_id,
            quote=quote_of(target.copy),
        )
        await enqueue(tx, handoff, inbox_id, OutboxKind.REACTION, side, content)
    return enqueued(handoff.conversation_id)


async def _find_target(tx: Transaction, event: ReactionChanged) -> _Target | None:
    key = event.address.key
    at_desk = await outbox_copies.find_shown_at_desk(tx, key, event.message_id)
    if at_desk is not None and at_desk.handoff_id is not None:
        handoff = await handoffs.get(tx, at_desk.handoff_id)
        return None if handoff is None else _Target(handoff=handoff, side=OutboxSide.CUSTOMER, copy=at_desk)
    conversation = await conversations.find_by_message(tx, key, event.message_id)
    handoff = await handoffs.get_active(tx, conversation.id) if conversation is not None else None
    if handoff is None or not handoff.desk_thread:
        return None
    shown = await outbox_copies.find_shown(tx, handoff.id, event.message_id)
    return None if shown is None else _Target(handoff=handoff, side=OutboxSide.DESK, copy=shown)
