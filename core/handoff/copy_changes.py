"""Edits and deletions of copied messages, on either side.

An edit that makes a staff message internal (by the mark of a note, a mention of the bot, or the missing
mark of a desk that sends marked text only) takes its copies back. An edit in the other direction sends
nothing: the author may have corrected a note, so the team is told to write it anew.
"""

from collections.abc import Sequence

from core.domain.events import MessageDeleted, MessageEdited
from core.domain.handoff_state import OutboxKind, OutboxSide
from core.handoff import texts_for_staff
from core.handoff.copies import with_album, withdraw_copies
from core.handoff.handoff_service import HandoffService
from core.handoff.languages import ticket_language
from core.handoff.outbox_writer import enqueue, notify_desk
from core.handoff.policy import HandoffPolicy
from core.handoff.staff_relay import format_staff_text
from core.handoff.staff_text import ForCustomer, read_staff_text
from core.handoff.texts_for_customers import prefix_author
from core.store import Transaction, handoffs, history
from core.store.handoffs import Handoff
from core.store.outbox import OutboxContent, OutboxItem, SourceMessage


class CopyChanges:
    """Stores the changes of copies, in the caller's transaction."""

    def __init__(self, service: HandoffService) -> None:
        self._service = service

    async def relay_edit(
        self, tx: Transaction, copies: Sequence[OutboxItem], event: MessageEdited, inbox_id: int
    ) -> None:
        """Change the copies of an edited message."""
        handoff = await _load_handoff(tx, copies[0])
        if handoff is None:
            return
        if copies[0].side is OutboxSide.CUSTOMER:
            await self._relay_staff_edit(tx, handoff, copies, event, inbox_id)
            return
        name = event.author.name or handoff.customer.name or event.author.id
        await history.edit_message(tx, handoff.conversation_id, event.message_id, event.text)
        await _change_text(tx, handoff, copies, event, prefix_author(name, event.text.strip()), inbox_id)

    async def _relay_staff_edit(
        self,
        tx: Transaction,
        handoff: Handoff,
        copies: Sequence[OutboxItem],
        event: MessageEdited,
        inbox_id: int,
    ) -> None:
        policy = await self._service.policy_of(tx, handoff)
        language = ticket_language(handoff)
        read = read_staff_text(event.text, mention=event.mention, mode=policy.send_mode)
        withdrawn = all(copy.content.withdrawn for copy in copies)
        if not isinstance(read, ForCustomer):
            await history.remove_message(tx, handoff.conversation_id, event.message_id)
            await withdraw_copies(tx, handoff, await with_album(tx, copies), inbox_id)
            if not withdrawn:
                await notify_desk(tx, handoff, inbox_id, texts_for_staff.taken_back_text(language))
        elif withdrawn:
            await notify_desk(tx, handoff, inbox_id, texts_for_staff.write_anew_text(language))
        else:
            await history.edit_message(tx, handoff.conversation_id, event.message_id, read.text)
            text = format_staff_text(policy, event.author, read.text)
            await _change_text(tx, handoff, copies, event, text, inbox_id)

    async def on_edit_without_copy(
        self, tx: Transaction, handoff: Handoff, event: MessageEdited, inbox_id: int
    ) -> None:
        """Tell the team that an edited note was not sent, if it now reads as if it were for the customer."""
        policy: HandoffPolicy = await self._service.policy_of(tx, handoff)
        read = read_staff_text(event.text, mention=event.mention, mode=policy.send_mode)
        if isinstance(read, ForCustomer):
            text = texts_for_staff.write_anew_text(ticket_language(handoff))
            await notify_desk(tx, handoff, inbox_id, text)

    async def relay_deletion(
        self, tx: Transaction, copies: Sequence[OutboxItem], event: MessageDeleted, inbox_id: int
    ) -> None:
        """Take back the copies of a deleted message, and remove it from the history."""
        handoff = await _load_handoff(tx, copies[0])
        if handoff is not None:
            await history.remove_message(tx, handoff.conversation_id, event.message_id)
            await withdraw_copies(tx, handoff, copies, inbox_id)


async def _change_text(
    tx: Transaction,
    handoff: Handoff,
    copies: Sequence[OutboxItem],
    event: MessageEdited,
    text: str,
    inbox_id: int,
) -> None:
    """Edit the copy of a message's text; a caption that was added to a file becomes a copy of its own."""
    # The last copy: the first may have been lost with its thread.
    copy = next((one for one in reversed(copies) if one.kind is OutboxKind.TEXT), None)
    if copy is not None:
        content = OutboxContent(text=text, of=copy.id)
        await enqueue(tx, handoff, inbox_id, OutboxKind.EDIT, copy.side, content)
        return
    key = event.address.key
    source = SourceMessage(platform=key.platform, channel=key.channel, message_id=event.message_id)
    content = OutboxContent(text=text, media_group_id=copies[0].content.media_group_id)
    await enqueue(tx, handoff, inbox_id, OutboxKind.TEXT, copies[0].side, content, source)


async def _load_handoff(tx: Transaction, item: OutboxItem) -> Handoff | None:
    return None if item.handoff_id is None else await handoffs.get(tx, item.handoff_id)
