"""Storing of events that concern a handoff."""

from core.domain.events import Event
from core.domain.queue import EventStatus, Lane, QueueKey
from core.handoff.handoff_service import HandoffResult
from core.inbound.handler import Handled
from core.inbound.message_intake import store_without_work
from core.store import Transaction, inbox


async def store_event(
    tx: Transaction, event: Event, conversation_id: int, *, lane: Lane = Lane.HANDOFF
) -> int:
    """Store an event as open in a conversation's lane; return its inbox id.

    Raises:
        DuplicateEvent: it was stored before.
    """
    return await inbox.add(tx, event, conversation_id=conversation_id, lane=lane, status=EventStatus.OPEN)


async def skip_event(tx: Transaction, event: Event) -> Handled:
    """Store an event that has no effect.

    Raises:
        DuplicateEvent: it was stored before.
    """
    return await store_without_work(tx, event, EventStatus.SKIPPED)


def enqueued(
    conversation_id: int, result: HandoffResult | None = None, *, lane: Lane = Lane.HANDOFF
) -> Handled:
    """Return the result of an event that :func:`store_event` stored, and of its action on a handoff."""
    cancel_reason = result.cancel_reason if result is not None else None
    return Handled(queue_key=QueueKey(conversation_id, lane), cancel_reason=cancel_reason)
