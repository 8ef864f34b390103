"""Works off what is to be shown for handovers, in order, each message exactly once.

::

    take   the row's run number is raised: whoever had it before can write nothing more
    show   through the courier, from the references that an earlier run stored
    close  the row; what could not be delivered is told to the other side
"""

import asyncio
from collections.abc import Sequence
from functools import partial

import structlog

from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef
from core.domain.errors import LeaseLost, PlatformError, PlatformForbidden, PlatformRefused
from core.domain.handoff_state import HandoffAction
from core.handoff import texts_for_customers, texts_for_staff, ticket_card
from core.handoff.ai_assist import HandoffAssistant
from core.handoff.handoff_service import HandoffService
from core.handoff.outbox_writer import enqueue, notify_desk
from core.handoff.sender import HandoffSender
from core.store import (
    Database,
    Lane,
    QueueKey,
    Transaction,
    conversations,
    handoffs,
    history,
    outbox,
    ratings,
)
from core.store.handoffs import NOBODY, Handoff
from core.store.outbox import OutboxContent, OutboxItem, OutboxKind, OutboxSide, OutboxState
from core.work_queue.port import WorkQueue

log = structlog.get_logger(__name__)


class OutboxRunner:
    """Implements :data:`core.work_queue.port.ProcessQueue` for the lanes of handovers."""

    def __init__(
        self,
        database: Database,
        service: HandoffService,
        sender: HandoffSender,
        assistant: HandoffAssistant,
        work_queue: WorkQueue,
        *,
        shutdown: asyncio.Event | None = None,
    ) -> None:
        """Once ``shutdown`` is set, no further item is claimed."""
        self._database = database
        self._service = service
        self._sender = sender
        self._assistant = assistant
        self._work_queue = work_queue
        self._shutdown = shutdown or asyncio.Event()

    async def __call__(self, queue_key: QueueKey) -> None:
        """Work off everything that is open in one line of work, in order.

        Raises:
            StoreUnavailable: what is open stays open.
        """
        while not self._shutdown.is_set():
            async with self._database.begin() as tx:
                conversation = await conversations.get(tx, queue_key.conversation_id)
                if not self._sender.serves(conversation.key.platform):
                    return  # another process serves that platform, or none does today
                post = await outbox.claim_next(tx, queue_key)
            if post is None:
                return
            try:
                await self._process(post)
            except LeaseLost:
                log.info("outbox.lease_lost", post=post.id)
                return

    async def _process(self, item: OutboxItem) -> None:
        async with self._database.read() as tx:
            handover = await handoffs.get(tx, item.handoff_id) if item.handoff_id is not None else None
        try:
            await self._dispatch(item, handover)
        except PlatformError as exc:
            log.warning(
                "outbox.delivery_failed", post=item.id, kind=item.kind.value, side=item.side, error=str(exc)
            )
            await self._handle_failure(item, handover, exc)
        else:
            async with self._database.begin() as tx:
                await outbox.finish(tx, item, state=OutboxState.DONE)

    async def _dispatch(self, item: OutboxItem, handoff: Handoff | None) -> None:
        match item.kind:
            case OutboxKind.TEXT:
                await self._send_text(item, handoff)
            case OutboxKind.EDIT | OutboxKind.DELETE:
                await self._edit_or_delete(item, handoff)
            case OutboxKind.FILE if handoff is not None:
                address = self._address_of(item, handoff)
                await self._sender.send_file(item, address, on_refs=partial(self._save_refs, item, handoff))
            case OutboxKind.TICKET if handoff is not None:
                await self._show_ticket(item, handoff)
            case OutboxKind.CLOSE_TOPIC if handoff is not None and handoff.desk_thread:
                await self._sender.close_topic(handoff)
            case OutboxKind.SUMMARY if handoff is not None:
                await self._add_summary(handoff)
            case OutboxKind.DRAFT if handoff is not None:
                await self._add_draft(item, handoff)
            case _:
                log.info("outbox.item_skipped", post=item.id, kind=item.kind.value)

    # -- messages ------------------------------------------------------------------------------------

    def _address_of(self, item: OutboxItem, handoff: Handoff | None) -> Address:
        """Return where a row is shown.

        Raises:
            PlatformForbidden: there is no such place.
        """
        if handoff is None:
            if item.content.address is None:
                raise PlatformForbidden("nowhere to show it")
            return item.content.address
        if item.side is OutboxSide.CUSTOMER:
            return handoff.address
        if not handoff.desk_thread:
            raise PlatformForbidden("the desk has no thread for it")
        return self._sender.platforms.desk_address(handoff)

    async def _send_text(self, item: OutboxItem, handoff: Handoff | None) -> None:
        """Show a message; where the desk's topic is closed by now, in the desk's room instead."""
        try:
            await self._deliver_text(item, handoff, self._address_of(item, handoff), item.content.text)
        except (PlatformForbidden, PlatformRefused):
            if item.side is OutboxSide.CUSTOMER or handoff is None or handoff.ended_at is None:
                raise
            room = self._sender.platforms.desk_room_address(handoff)
            text = f"**{ticket_card.title(handoff)}**\n\n{item.content.text}"
            await self._deliver_text(item, handoff, room, text)

    async def _deliver_text(
        self, item: OutboxItem, handoff: Handoff | None, address: Address, text: str
    ) -> None:
        await self._sender.deliver_text(
            item,
            address,
            text,
            item.content.choices,
            refs=item.refs,
            known_message_ids=await self._known_message_ids(item, handoff),
            on_refs=partial(self._save_refs, item, handoff),
        )

    async def _edit_or_delete(self, item: OutboxItem, handoff: Handoff | None) -> None:
        """Edit an earlier row's messages, or with no text take them away."""
        async with self._database.read() as tx:
            target = await outbox.get(tx, item.content.of)
        if target is None or not target.refs:
            return  # it never stood anywhere
        gone = item.kind is OutboxKind.DELETE
        await self._sender.deliver_text(
            item,
            self._address_of(target, handoff),
            "" if gone else item.content.text,
            item.content.choices,
            refs=target.refs,
            known_message_ids=frozenset(),
            on_refs=partial(self._save_edit, target, "" if gone else item.content.text),
        )

    async def _save_edit(self, target: OutboxItem, text: str, refs: Sequence[MessageRef]) -> None:
        async with self._database.begin() as tx:
            await outbox.update_shown(tx, target.id, refs, text)

    async def _save_refs(self, item: OutboxItem, handoff: Handoff | None, refs: Sequence[MessageRef]) -> None:
        """Store the references; a copy on the customer's side belongs to their conversation."""
        async with self._database.begin() as tx:
            await outbox.save_refs(tx, item, refs)
            if item.side is OutboxSide.CUSTOMER:
                address = self._address_of(item, handoff)
                await self._link_to_conversation(tx, item, address, refs)

    async def _link_to_conversation(
        self, tx: Transaction, item: OutboxItem, address: Address, refs: Sequence[MessageRef]
    ) -> None:
        for ref in refs:
            await conversations.save_ref(tx, address.key, ref.message_id, item.conversation_id, None)

    async def _known_message_ids(self, item: OutboxItem, handoff: Handoff | None) -> frozenset[str]:
        """Return the messages of ours that are not the one that a dead run may have posted."""
        if item.attempt <= 1:
            return frozenset()
        async with self._database.read() as tx:
            known = await conversations.load_message_ids(tx, item.conversation_id)
            if handoff is not None:
                known |= await outbox.load_message_ids(tx, handoff.id)
                known |= {ref.message_id for ref in handoff.ticket}
        return known - {ref.message_id for ref in item.refs}

    # -- the card --------------------------------------------------------------------------------------

    async def _show_ticket(self, item: OutboxItem, handoff: Handoff) -> None:
        """Open the handover's thread with its card, or show in the card what has changed."""
        first = not handoff.ticket
        async with self._database.read() as tx:
            lines = await history.load_recent(
                tx,
                handoff.conversation_id,
                after_seq=-1,
                up_to_seq=await outbox.get_ticket_event_id(tx, handoff.id) or item.inbox_id,
                limit=ticket_card.MAX_LINES,
            )
            rating = await ratings.get(tx, handoff.id)
        thread = handoff.desk_thread
        if first and not thread:
            thread = await self._sender.open_topic(handoff, ticket_card.title(handoff))
            if thread:
                await self._save_ticket_refs(handoff, thread, ())
        address = self._sender.platforms.desk_address(handoff, thread)
        await self._sender.deliver_text(
            item,
            address,
            ticket_card.render(handoff, lines, rating=rating),
            ticket_card.buttons(handoff),
            refs=handoff.ticket,
            known_message_ids=await self._known_message_ids(item, handoff),
            on_refs=partial(self._save_ticket_refs, handoff, thread),
        )
        if first:
            await self._enqueue_follow_up(
                handoff, f"summary:{handoff.id}", Lane.AI_ASSIST, OutboxKind.SUMMARY
            )

    async def _save_ticket_refs(self, handoff: Handoff, thread: str, refs: Sequence[MessageRef]) -> None:
        async with self._database.begin() as tx:
            await handoffs.set_desk_thread(
                tx, handoff.id, thread=thread or (refs[0].message_id if refs else ""), ticket=refs
            )

    # -- Kimi's notes ----------------------------------------------------------------------------------

    async def _add_summary(self, handoff: Handoff) -> None:
        """Let Kimi summarise; the card shows it, or goes without."""
        summary = await self._assistant.summarize(handoff)
        if not summary:
            return
        async with self._database.begin() as tx:
            await handoffs.save_summary(tx, handoff.id, summary)
        await self._enqueue_follow_up(handoff, f"summarised:{handoff.id}", Lane.HANDOFF, OutboxKind.TICKET)

    async def _add_draft(self, item: OutboxItem, handoff: Handoff) -> None:
        language = ticket_card.ticket_language(handoff)
        words = await self._assistant.draft_reply(handoff)
        content = OutboxContent(text=texts_for_staff.draft_failed_text(language))
        if words:
            content = OutboxContent(text=texts_for_staff.draft_text(language, words), draft=words)
        await self._enqueue_follow_up(handoff, f"draft:{item.id}", Lane.HANDOFF, OutboxKind.TEXT, content)

    async def _enqueue_follow_up(
        self,
        handoff: Handoff,
        idempotency_key: str,
        lane: Lane,
        kind: OutboxKind,
        content: OutboxContent | None = None,
    ) -> None:
        """Store what follows for the desk, as work of its own; once for each name."""
        async with self._database.begin() as tx:
            conversation = await conversations.get(tx, handoff.conversation_id)
            inbox_id = await outbox.add_system_event(tx, conversation, idempotency_key, lane)
            if inbox_id is None:
                return
            number = await enqueue(tx, handoff, inbox_id, kind, OutboxSide.DESK, content)
            if content is not None and content.draft:
                await outbox.set_button(
                    tx,
                    number,
                    texts_for_staff.send_draft_button(ticket_card.ticket_language(handoff), number),
                )
            work = QueueKey(conversation.id, lane)
            await self._work_queue.enqueue(tx, work)
        self._work_queue.wake(work)

    # -- what could not be done ------------------------------------------------------------------------

    async def _handle_failure(self, item: OutboxItem, handoff: Handoff | None, error: PlatformError) -> None:
        """Close a row that cannot be shown, and let somebody know."""
        async with self._database.begin() as tx:
            await outbox.finish(tx, item, state=OutboxState.FAILED)
            if handoff is None:
                return
            language = ticket_card.ticket_language(handoff)
            if item.kind is OutboxKind.TICKET and not handoff.desk_thread:
                await self._service.apply_action(
                    tx,
                    handoff,
                    HandoffAction.RETURN_TO_BOT,
                    NOBODY,
                    inbox_id=item.inbox_id,
                    customer_notice=texts_for_customers.staff_unreachable_text(language),
                )
            elif item.side is OutboxSide.CUSTOMER and handoff.desk_thread:
                told = texts_for_staff.undelivered_text(language, _error_text(error))
                await notify_desk(tx, handoff, item.inbox_id, told)
            elif item.kind is OutboxKind.FILE and handoff.desk_thread and item.content.file is not None:
                told = texts_for_staff.file_failed_text(
                    language, item.content.file.name or item.content.file.kind
                )
                await notify_desk(tx, handoff, item.inbox_id, told)


def _error_text(error: PlatformError) -> str:
    """Return a platform's refusal in a few words."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
