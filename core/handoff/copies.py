"""Copies of people's messages for the other side: outbox items, stored in the caller's transaction.

A platform that can copy a message within itself (Telegram) copies all that it carries: voice messages,
stickers, places, contacts and polls arrive as such. Elsewhere files are sent as files, and the rest in words.
"""

from collections.abc import Sequence

from core.domain.events import MessageReceived
from core.domain.handoff_state import OutboxKind, OutboxSide
from core.domain.message_content import Attachment, OtherContent, UnsupportedContent
from core.handoff.outbox_writer import enqueue
from core.store import Transaction, outbox_copies
from core.store.handoffs import Handoff
from core.store.outbox import OutboxContent, OutboxItem, SourceMessage


async def enqueue_copies(
    tx: Transaction, handoff: Handoff, event: MessageReceived, inbox_id: int, side: OutboxSide, text: str
) -> None:
    """Store the copies of a message: its text, if there is any, and what it carries."""
    key, media_group_id = event.address.key, event.media_group_id
    source = SourceMessage(platform=key.platform, channel=key.channel, message_id=event.message_id)
    if text:
        content = OutboxContent(text=text, media_group_id=media_group_id)
        await enqueue(tx, handoff, inbox_id, OutboxKind.TEXT, side, content, source)
    files = files_of(event)
    if is_copied_whole(event, handoff, side):
        content = OutboxContent(
            text="\n\n".join(one.text for one in event.other),
            file=next(iter(files), None),
            platform=key.platform,
            media_group_id=media_group_id,
            can_be_copied=True,
        )
        await enqueue(tx, handoff, inbox_id, OutboxKind.FILE, side, content, source)
        return
    for file in files:
        content = OutboxContent(file=file, platform=key.platform, media_group_id=media_group_id)
        await enqueue(tx, handoff, inbox_id, OutboxKind.FILE, side, content, source)


def files_of(event: MessageReceived) -> tuple[Attachment, ...]:
    """Return all files of a message, also those that the bot does not read."""
    return (*event.attachments, *event.relay_files)


def is_copied_whole(event: MessageReceived, handoff: Handoff, side: OutboxSide) -> bool:
    """Return whether the platform copies a message with all that it carries besides its words."""
    target = handoff.desk_room.platform if side is OutboxSide.DESK else handoff.address.key.platform
    carries = bool(event.attachments or event.relay_files or event.other)
    return carries and event.can_be_copied and target == event.address.key.platform


def words_needed(event: MessageReceived, handoff: Handoff, side: OutboxSide) -> tuple[OtherContent, ...]:
    """Return the content that is neither words nor files, and that only words can pass on."""
    return () if is_copied_whole(event, handoff, side) else event.other


def lost_content(event: MessageReceived, handoff: Handoff, side: OutboxSide) -> UnsupportedContent | None:
    """Return the kind of content of a message that cannot be passed on at all; None if there is none."""
    passes = event.relay_files or event.other or is_copied_whole(event, handoff, side)
    if event.unsupported_content is UnsupportedContent.EMPTY or passes:
        return None
    return event.unsupported_content


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
