"""Copies of people's messages for the other side: outbox items, stored in the caller's transaction.

A platform that can copy a message within itself (Telegram) copies all that it carries: voice messages,
stickers, places, contacts and polls arrive as such. Elsewhere files are sent as files, and the rest in words.
"""

from collections.abc import Sequence
from dataclasses import replace

from core.domain.events import MessageReceived
from core.domain.handoff_state import OutboxKind, OutboxSide
from core.domain.message_content import Attachment, OtherContent, UnsupportedContent
from core.handoff.outbox_writer import enqueue
from core.handoff.reply_links import ReplyLink
from core.store import Transaction, outbox_copies
from core.store.handoffs import Handoff
from core.store.outbox import OutboxContent, OutboxItem, SourceMessage


async def enqueue_copies(
    tx: Transaction,
    handoff: Handoff,
    event: MessageReceived,
    inbox_id: int,
    side: OutboxSide,
    text: str,
    *,
    link: ReplyLink | None = None,
    more_files: Sequence[Attachment] = (),
) -> None:
    """Store the copies of a message: its text, if there is any, and its content.

    Args:
        tx: the transaction of the event ``inbox_id``.
        handoff: of the message.
        event: the message.
        inbox_id: the event whose queue sends the copies.
        side: on which they are shown.
        text: what is shown of its words; "" for none.
        link: what the message replies to.
        more_files: files that it quotes.
    """
    key, link = event.address.key, link or ReplyLink()
    source = SourceMessage(platform=key.platform, channel=key.channel, message_id=event.message_id)
    text = "\n\n".join(filter(None, (link.selection, text)))
    whole = is_copied_whole(event, handoff, side)
    files: list[Attachment | None] = [*more_files, *files_of(event)]
    contents = [OutboxContent(text=text, quote=link.quote)] if text else []
    if whole:
        words = "\n\n".join(one.text for one in event.other)
        carried = OutboxContent(text=words, file=next(iter(files_of(event)), None), can_be_copied=True)
        contents.append(carried)
        files = [*more_files]
    contents += [OutboxContent(file=file) for file in files]
    for number, content in enumerate(contents):
        of_message = replace(
            content,
            platform="" if number == 0 and text else key.platform,
            media_group_id=event.media_group_id,
            reply_to=link.message_id if number == 0 else "",
        )
        kind = OutboxKind.TEXT if number == 0 and text else OutboxKind.FILE
        await enqueue(tx, handoff, inbox_id, kind, side, of_message, source)


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
