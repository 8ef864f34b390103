"""Processing of outbox items: in order, and each shown once even if a worker crashes.

::

    claim   raises the item's attempt, so that a former worker can store nothing more
    show    sends, or continues from the message references that an earlier attempt stored
    finish  closes the item; a failure is reported to the other side
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import assert_never

import structlog

from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef
from core.domain.clock import Clock
from core.domain.errors import LeaseLost, PlatformError, PlatformForbidden, PlatformRefused
from core.domain.handoff_state import OutboxKind, OutboxSide, OutboxState
from core.domain.queue import QueueKey
from core.handoff import ticket_card
from core.handoff.album_delivery import AlbumDelivery, save_refs
from core.handoff.album_hold import AlbumHold, is_held
from core.handoff.assist_notes import AssistNotes
from core.handoff.customer_first import CustomerFirst
from core.handoff.delivery_failures import MAX_MOVES, DeliveryFailures, requeue
from core.handoff.handoff_service import HandoffService
from core.handoff.sender import HandoffSender
from core.handoff.ticket_publisher import TicketPublisher
from core.store import Database, conversations, handoffs, outbox, outbox_queue
from core.store.handoffs import Handoff
from core.store.outbox import OutboxItem

log = structlog.get_logger(__name__)


class OutboxRunner:
    """Implements :data:`core.work_queue.port.ProcessNext` for the lanes of handoffs."""

    def __init__(
        self,
        database: Database,
        service: HandoffService,
        sender: HandoffSender,
        notes: AssistNotes,
        clock: Clock,
    ) -> None:
        self._database = database
        self._service = service
        self._sender = sender
        self._notes = notes
        self._customer_first = CustomerFirst(database, self._run)
        self._hold = AlbumHold(database, clock)
        self._albums = AlbumDelivery(database, sender)
        self._failures = DeliveryFailures(service)
        self._tickets = TicketPublisher(database, sender, service)

    async def __call__(self, queue_key: QueueKey) -> bool:
        """Process the oldest open item of a queue; return False if there is none.

        Raises:
            StoreUnavailable: the item stays open.
        """
        async with self._database.begin() as tx:
            conversation = await conversations.get(tx, queue_key.conversation_id)
            if not self._sender.serves(conversation.key):
                return False  # another process serves that tenant, or none does now
            item = await outbox_queue.load_next(tx, queue_key)
            if item is None:
                return False
        try:
            await self._customer_first.beside(queue_key, item, self._run(item))
        except LeaseLost:
            log.info("outbox.lease_lost", item=item.id)
            return False
        return True

    async def _run(self, item: OutboxItem) -> None:
        """Claim and process a row, unless it was taken back.

        Raises:
            LeaseLost: another worker has claimed it since.
        """
        if is_held(item):
            await self._hold.wait_until_complete(item)
        async with self._database.begin() as tx:
            claimed = await outbox.claim(tx, item)
        if claimed is not None:
            await self._process(claimed)

    async def _process(self, item: OutboxItem) -> None:
        """Show a row that this worker has claimed, with the rest of its album, and close it."""
        async with self._database.read() as tx:
            handoff = await handoffs.get(tx, item.handoff_id) if item.handoff_id is not None else None
        is_obsolete = _is_obsolete(item, handoff)
        if is_obsolete or _waits_for_ticket(item, handoff):
            async with self._database.begin() as tx:
                await outbox.finish(tx, item, state=OutboxState.CANCELLED)
                if not is_obsolete:
                    await requeue(tx, item)
            return
        album = [item, *await self._albums.claim_rest(item, handoff)]
        for one in album:
            await self._notes.request_transcript(one, handoff)
        alone = await self._show_album(album, handoff) if len(album) > 1 else album
        for one in alone:
            try:
                await self._show(one, handoff)
            except PlatformError as exc:
                await self._fail([one], handoff, exc)
            else:
                async with self._database.begin() as tx:
                    await outbox.finish(tx, one, state=OutboxState.DONE)

    async def _show_album(self, album: Sequence[OutboxItem], handoff: Handoff | None) -> Sequence[OutboxItem]:
        """Show an album; return the items that have to be shown by themselves."""
        try:
            address = self._address_of(album[0], handoff)
            known = await self._own_message_ids(album[0], handoff)
            return await self._albums.send(album, address, known_message_ids=known)
        except PlatformError as exc:
            async with self._database.read() as tx:
                states = [await outbox.get(tx, one.id) for one in album]
            unsent = [one for one in states if one is not None and one.state is OutboxState.OPEN]
            await self._fail(unsent, handoff, exc)
            return ()

    async def _fail(self, items: Sequence[OutboxItem], handoff: Handoff | None, error: PlatformError) -> None:
        """Close items that cannot be shown, and report or move them."""
        for item in items:
            log.warning(
                "outbox.delivery_failed", item=item.id, kind=item.kind.value, side=item.side, error=str(error)
            )
        async with self._database.begin() as tx:
            await self._failures.handle(tx, items, handoff, error)

    async def _show(self, item: OutboxItem, handoff: Handoff | None) -> None:
        match item.kind:
            case OutboxKind.TEXT:
                await self._send_text(item, handoff)
            case OutboxKind.EDIT:
                await self._change_earlier(item, handoff, item.content.text)
            case OutboxKind.DELETE:
                await self._change_earlier(item, handoff, "")
            case (
                OutboxKind.FILE
                | OutboxKind.REACTION
                | OutboxKind.TICKET
                | OutboxKind.CLOSE_TOPIC
                | OutboxKind.SUMMARY
                | OutboxKind.DRAFT
                | OutboxKind.QUESTION
                | OutboxKind.TRANSCRIPT
            ):
                if handoff is None:  # forgotten since, with all of its messages
                    log.info("outbox.item_skipped", item=item.id, kind=item.kind.value)
                    return
                await self._show_of_handoff(item, handoff)
            case _:
                assert_never(item.kind)

    async def _show_of_handoff(self, item: OutboxItem, handoff: Handoff) -> None:
        if item.kind is OutboxKind.FILE:
            await self._send_file(item, handoff)
        elif item.kind is OutboxKind.REACTION:
            await self._react(item, handoff)
        elif item.kind is OutboxKind.TICKET:
            known_message_ids = await self._known_message_ids(item, handoff)
            if await self._tickets.publish(item, handoff, known_message_ids=known_message_ids):
                await self._notes.request_summary(handoff)
        elif item.kind is OutboxKind.SUMMARY:
            await self._notes.add_summary(handoff)
        elif item.kind is OutboxKind.DRAFT:
            await self._notes.add_draft(item, handoff)
        elif item.kind is OutboxKind.QUESTION:
            await self._notes.add_answer(item, handoff)
        elif item.kind is OutboxKind.TRANSCRIPT:
            await self._notes.add_transcript(item, handoff)
        elif handoff.desk_thread:
            await self._sender.close_topic(handoff)

    def _address_of(self, item: OutboxItem, handoff: Handoff | None) -> Address:
        """Return where an item is shown.

        Raises:
            PlatformForbidden: there is no such place.
        """
        if handoff is None:
            if item.content.address is None:
                raise PlatformForbidden("the item has no address")
            return item.content.address
        if item.side is OutboxSide.CUSTOMER:
            address = handoff.address
        elif handoff.desk_thread:
            address = self._sender.platforms.desk_address(handoff)
        else:
            raise PlatformForbidden("the handoff has no thread at the desk")
        return replace(address, reply_to=item.content.reply_to or address.reply_to)

    async def _send_text(self, item: OutboxItem, handoff: Handoff | None) -> None:
        """Send a text; if an ended handoff's topic is closed, to the desk's room instead."""
        try:
            await self._deliver(item, handoff, self._address_of(item, handoff), item.content.text)
        except (PlatformForbidden, PlatformRefused):
            if item.side is OutboxSide.CUSTOMER or handoff is None or handoff.ended_at is None:
                raise
            room = self._sender.platforms.desk_room_address(handoff)
            text = f"**{ticket_card.title(handoff)}**\n\n{item.content.text}"
            await self._deliver(item, handoff, room, text)

    async def _send_file(self, item: OutboxItem, handoff: Handoff) -> None:
        """Copy a person's message if the platform can; else send its file, or its content in words."""
        address = self._address_of(item, handoff)
        on_refs = partial(self._save_refs, item, handoff)
        files = self._sender.files
        if item.content.can_be_copied and await files.copy_messages([item], address, on_refs=on_refs):
            return
        if item.content.file is not None:
            known = await self._own_message_ids(item, handoff)
            await files.send_file(item, address, known_message_ids=known, on_refs=on_refs)
        elif item.content.text:
            await self._deliver(item, handoff, address, item.content.text)

    async def _react(self, item: OutboxItem, handoff: Handoff) -> None:
        """Put an emoji on a message or take it away; say it in words if it cannot be put there."""
        address, content = self._address_of(item, handoff), item.content
        if item.refs or (not await self._sender.react(item, address) and not content.removes):
            await self._deliver(item, handoff, address, content.text)

    async def _deliver(self, item: OutboxItem, handoff: Handoff | None, address: Address, text: str) -> None:
        await self._sender.deliver_text(
            item,
            address,
            self._sender.with_quote(item, address.key.platform, text),
            item.content.choices,
            refs=item.refs,
            known_message_ids=await self._known_message_ids(item, handoff),
            on_refs=partial(self._save_refs, item, handoff),
        )

    async def _change_earlier(self, item: OutboxItem, handoff: Handoff | None, text: str) -> None:
        """Replace the text of an earlier item's messages; "" deletes them."""
        async with self._database.read() as tx:
            target = await outbox.get(tx, item.content.of)
        if target is None or not target.refs:
            return  # it was never shown
        address, refs = self._address_of(target, handoff), target.refs
        shown = self._sender.with_quote(target, address.key.platform, text)
        if target.content.is_caption and item.kind is OutboxKind.EDIT:
            if await self._sender.files.edit_caption(refs[0], address, shown):
                async with self._database.begin() as tx:
                    await outbox.update_shown(tx, target.id, refs, text, is_caption=True)
                return
            refs = ()  # as a message of its own, then
        await self._sender.deliver_text(
            item,
            address,
            shown,
            item.content.choices,
            refs=refs,
            known_message_ids=frozenset(),
            on_refs=partial(self._save_change, target, text),
        )

    async def _save_change(self, target: OutboxItem, text: str, refs: Sequence[MessageRef]) -> None:
        async with self._database.begin() as tx:
            await outbox.update_shown(tx, target.id, refs, text)

    async def _save_refs(self, item: OutboxItem, handoff: Handoff | None, refs: Sequence[MessageRef]) -> None:
        """Store the references; a customer's copies belong to their conversation, so that replies find it."""
        async with self._database.begin() as tx:
            await save_refs(tx, item, refs, self._address_of(item, handoff))

    async def _known_message_ids(self, item: OutboxItem, handoff: Handoff | None) -> frozenset[str]:
        """Return our messages that an earlier attempt at this item cannot have posted."""
        return frozenset() if item.attempt <= 1 else await self._own_message_ids(item, handoff)

    async def _own_message_ids(self, item: OutboxItem, handoff: Handoff | None) -> frozenset[str]:
        """Return our messages that are known, other than those of this item."""
        async with self._database.read() as tx:
            known = await conversations.load_message_ids(tx, item.conversation_id)
            if handoff is not None:
                known |= await outbox.load_message_ids(tx, handoff.id)
                known |= {ref.message_id for ref in handoff.ticket}
        return known - {ref.message_id for ref in item.refs}


def _is_obsolete(item: OutboxItem, handoff: Handoff | None) -> bool:
    """Return whether an item must not be shown any more: taken back, or true of an active handoff only."""
    ended = handoff is not None and handoff.ended_at is not None
    return (item.content.withdrawn and not item.refs) or (item.content.while_active and ended)


def _waits_for_ticket(item: OutboxItem, handoff: Handoff | None) -> bool:
    """Return whether an item says that the team is there, while the thread it lost is opened anew."""
    if handoff is None or not item.content.while_active or item.content.moves >= MAX_MOVES:
        return False
    return bool(handoff.desk_room.platform) and not handoff.desk_thread
