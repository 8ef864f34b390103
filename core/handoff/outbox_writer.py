"""Outbox items of a handoff, stored in the caller's transaction and sent by the outbox runner."""

from core.domain.buttons import OptionButton
from core.domain.handoff_state import OutboxKind, OutboxSide
from core.store import Transaction, outbox
from core.store.handoffs import Handoff
from core.store.outbox import OutboxContent, SourceMessage


async def enqueue(
    tx: Transaction,
    handoff: Handoff,
    inbox_id: int,
    kind: OutboxKind,
    side: OutboxSide,
    content: OutboxContent | None = None,
    source: SourceMessage | None = None,
) -> int:
    """Store an outbox item; return its id.

    Args:
        tx: the transaction of the event that causes it.
        handoff: the item's handoff.
        inbox_id: the event that causes it; its queue sends the item.
        kind: what to do.
        side: on which side.
        content: what to show.
        source: the message that the item is a copy of.
    """
    return await outbox.enqueue(
        tx,
        conversation_id=handoff.conversation_id,
        handoff_id=handoff.id,
        inbox_id=inbox_id,
        kind=kind,
        side=side,
        content=content,
        source=source,
    )


async def notify_customer(
    tx: Transaction, handoff: Handoff, inbox_id: int, text: str, buttons: tuple[OptionButton, ...] = ()
) -> None:
    """Send a text of the bot to the customer."""
    content = OutboxContent(text=text, choices=buttons)
    await enqueue(tx, handoff, inbox_id, OutboxKind.TEXT, OutboxSide.CUSTOMER, content)


async def notify_desk(tx: Transaction, handoff: Handoff, inbox_id: int, text: str) -> None:
    """Send a text of the bot to the handoff's thread at the desk; a shared room has none."""
    if handoff.desk_room.platform:
        content = OutboxContent(text=text)
        await enqueue(tx, handoff, inbox_id, OutboxKind.TEXT, OutboxSide.DESK, content)


async def update_ticket(tx: Transaction, handoff: Handoff, inbox_id: int) -> None:
    """Show the handoff's present state in its ticket at the desk; a shared room has no ticket."""
    if handoff.desk_room.platform:
        await enqueue(tx, handoff, inbox_id, OutboxKind.TICKET, OutboxSide.DESK)
