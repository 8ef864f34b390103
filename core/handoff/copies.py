"""Copies of people's messages for the other side: outbox items, stored in the caller's transaction."""

from collections.abc import Sequence

from core.domain.events import MessageReceived
from core.domain.handoff_state import OutboxKind, OutboxSide
from core.handoff.outbox_writer import enqueue
from core.store import Transaction, outbox_copies
from core.store.handoffs import Handoff
from core.store.outbox import OutboxContent, OutboxItem, SourceMessage


async def enqueue_copies(
    tx: Transaction, handoff: Handoff, event: MessageReceived, inbox_id: int, side: OutboxSide, text: str
) -> None:
    """Store the copies of a message: its text, if there is any, and each of its files."""
    key, media_group_id = event.address.key, event.media_group_id
    source = SourceMessage(platform=key.platform, channel=key.channel, message_id=event.message_id)
    if text:
        content = OutboxContent(text=text, media_group_id=media_group_id)
        await enqueue(tx, handoff, inbox_id, OutboxKind.TEXT, side, content, source)
    for file in event.attachments:
        content = OutboxContent(file=file, platform=key.platform, media_group_id=media_group_id)
        await enqueue(tx, handoff, inbox_id, OutboxKind.FILE, side, content, source)


async def withdraw_copies(
    tx: Transaction, handoff: Handoff, copies: Sequence[OutboxItem], inbox_id: int
) -> None:
    """Take copies back: those that are not sent yet are cancelled, the others deleted."""
    for copy in copies:
        if copy.kind in (OutboxKind.TEXT, OutboxKind.FILE) and await outbox_copies.withdraw(tx, copy):
            content = OutboxContent(of=copy.id)
            await enqueue(tx, handoff, inbox_id, OutboxKind.DELETE, copy.side, content)


async def with_album(tx: Transaction, copies: Sequence[OutboxItem]) -> Sequence[OutboxItem]:
    """Return the copies of a message together with those of the rest of its album."""
    first = copies[0]
    if not first.content.media_group_id or first.handoff_id is None:
        return copies
    return await outbox_copies.load_media_group(tx, first.handoff_id, first.content.media_group_id)
