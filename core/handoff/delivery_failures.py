"""What follows when an outbox item cannot be shown: nobody is left to wait in silence.

::

    the customer's side                     ──▶ the desk is told
    a thread of the desk is gone            ──▶ a new thread with the ticket, then the same item again
    the desk's room is gone                 ──▶ the next room; without one, the bot goes on, and says so
    content that cannot be passed on        ──▶ both sides are told
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import structlog

from core.domain.errors import PlatformError, PlatformForbidden
from core.domain.handoff_state import HandoffAction, OutboxKind, OutboxSide, OutboxState
from core.handoff import texts_for_customers, texts_for_staff
from core.handoff.handoff_service import HandoffService
from core.handoff.languages import language_for_customer, ticket_language
from core.handoff.outbox_writer import enqueue, notify_customer, notify_desk
from core.store import Transaction, handoffs, outbox
from core.store.handoffs import NOBODY, DeskRoom, Handoff
from core.store.outbox import OutboxContent, OutboxItem

log = structlog.get_logger(__name__)

MAX_MOVES: Final = 3  #: of one item to another thread or room


class DeliveryFailures:
    """Closes items that cannot be shown, and reports or moves them."""

    def __init__(self, service: HandoffService) -> None:
        self._service = service

    async def handle(
        self, tx: Transaction, items: Sequence[OutboxItem], handoff: Handoff | None, error: PlatformError
    ) -> None:
        """Close items that were tried together after a final error.

        Args:
            tx: a transaction of its own.
            items: the items that this worker has claimed, of one side: one, or those of an album.
            handoff: their handoff as it was when they were tried; None for an offer.
            error: the platform's last error.

        Raises:
            LeaseLost: another worker has claimed one of the items.
        """
        for number, item in enumerate(items):
            if number == 0 or item.side is OutboxSide.DESK:
                await self._handle_one(tx, item, handoff, error)
            else:  # the desk has read of the first one
                await outbox.finish(tx, item, state=OutboxState.FAILED)

    async def _handle_one(
        self, tx: Transaction, item: OutboxItem, handoff: Handoff | None, error: PlatformError
    ) -> None:
        await outbox.finish(tx, item, state=OutboxState.FAILED)
        if item.kind is OutboxKind.REACTION:
            return  # a thread is not opened anew for it
        present = await handoffs.get(tx, handoff.id) if handoff is not None else None
        if handoff is None or present is None:
            return
        if item.side is OutboxSide.CUSTOMER:
            await self._report_to_desk(tx, item, present, error)
        elif present.ended_at is not None or item.kind in (OutboxKind.DELETE, OutboxKind.CLOSE_TOPIC):
            return  # nobody waits for it
        elif isinstance(error, PlatformForbidden) and item.content.moves < MAX_MOVES:
            await self._move(tx, item, handoff, present)
        elif item.kind is OutboxKind.TICKET:
            if not present.desk_thread:
                await self._return_to_bot(tx, item, present)
        else:
            await _report_content(tx, item, present)

    async def _report_to_desk(
        self, tx: Transaction, item: OutboxItem, handoff: Handoff, error: PlatformError
    ) -> None:
        if not handoff.desk_thread:
            return
        taken_back = item.kind is OutboxKind.DELETE
        report = texts_for_staff.not_taken_back_text if taken_back else texts_for_staff.undelivered_text
        await notify_desk(tx, handoff, item.inbox_id, report(ticket_language(handoff), _error_text(error)))

    async def _move(self, tx: Transaction, item: OutboxItem, tried: Handoff, present: Handoff) -> None:
        """Let the item be tried again in a new thread, in the next room if the room itself is gone."""
        has_moved = (tried.desk_room, tried.desk_thread) != (present.desk_room, present.desk_thread)
        if not has_moved and present.desk_thread:
            log.warning("handoff.thread_lost", handoff=present.id)
            await handoffs.set_desk_thread(tx, present.id, thread="", ticket=())
            await _reopen(tx, item, present)
        elif not has_moved and item.kind is OutboxKind.TICKET:
            room = await self._next_room(tx, present)
            if room is None:
                await self._return_to_bot(tx, item, present)
                return
            log.warning("handoff.room_lost", handoff=present.id)
            await handoffs.set_desk_room(tx, present.id, room)
            await _reopen(tx, item, present)
        if item.kind is not OutboxKind.TICKET:
            await requeue(tx, item)

    async def _next_room(self, tx: Transaction, handoff: Handoff) -> DeskRoom | None:
        """Return the room after the present one: the chat's own, then the deployment's."""
        policy = await self._service.policy_of(tx, handoff)
        rooms = [room for room in (policy.desk_room, policy.fallback_desk_room) if room is not None]
        if handoff.desk_room in rooms:
            rooms = rooms[rooms.index(handoff.desk_room) + 1 :]
        return next((room for room in rooms if not room.is_channel_of(handoff.address.key)), None)

    async def _return_to_bot(self, tx: Transaction, item: OutboxItem, handoff: Handoff) -> None:
        await self._service.apply_action(
            tx,
            handoff,
            HandoffAction.RETURN_TO_BOT,
            NOBODY,
            inbox_id=item.inbox_id,
            customer_notice=texts_for_customers.staff_unreachable_text(language_for_customer(handoff)),
        )


async def _reopen(tx: Transaction, item: OutboxItem, handoff: Handoff) -> None:
    """Enqueue a new ticket, and the reason for it."""
    content = OutboxContent(moves=item.content.moves + 1)
    await enqueue(tx, handoff, item.inbox_id, OutboxKind.TICKET, OutboxSide.DESK, content)
    text = texts_for_staff.reopened_text(ticket_language(handoff))
    await notify_desk(tx, handoff, item.inbox_id, text)


async def requeue(tx: Transaction, item: OutboxItem) -> None:
    """Enqueue an item again, behind the ticket of its new thread."""
    await outbox.enqueue(
        tx,
        conversation_id=item.conversation_id,
        handoff_id=item.handoff_id,
        inbox_id=item.inbox_id,
        kind=item.kind,
        side=item.side,
        content=replace(item.content, moves=item.content.moves + 1),
        source=item.source,
    )


async def _report_content(tx: Transaction, item: OutboxItem, handoff: Handoff) -> None:
    """Tell both sides that something of the customer could not be passed on."""
    language = language_for_customer(handoff)
    if item.kind is OutboxKind.FILE and item.content.file is not None:
        name = item.content.file.name or item.content.file.kind
        if handoff.desk_thread:
            text = texts_for_staff.file_failed_text(ticket_language(handoff), name)
            await notify_desk(tx, handoff, item.inbox_id, text)
        text = texts_for_customers.file_failed_text(language, name)
        await notify_customer(tx, handoff, item.inbox_id, text)
    elif item.source.message_id:
        await notify_customer(tx, handoff, item.inbox_id, texts_for_customers.text_failed_text(language))


def _error_text(error: PlatformError) -> str:
    """Return a platform's error in a few words."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
