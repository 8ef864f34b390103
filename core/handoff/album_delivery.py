"""Delivery of an album: the files that a person sent together are shown together.

::

    claim    the rows of the album behind the first one, so that none is sent or taken back by itself
    send     copied by the platform in one call, or as files in as few messages as it takes
    finish   each row with its message, in the transaction that stores the messages

The text of the album is the caption, if there is one text and the platform takes it as such.
"""

from collections.abc import Sequence
from dataclasses import replace

from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef
from core.domain.handoff_state import OutboxKind, OutboxSide, OutboxState
from core.handoff.sender import HandoffSender
from core.store import Database, Transaction, conversations, outbox, outbox_copies
from core.store.handoffs import Handoff
from core.store.outbox import OutboxItem


class AlbumDelivery:
    """Sends the albums of handoffs."""

    def __init__(self, database: Database, sender: HandoffSender) -> None:
        self._database = database
        self._sender = sender

    async def claim_rest(self, item: OutboxItem, handoff: Handoff | None) -> Sequence[OutboxItem]:
        """Claim the rows that are shown together with a row; () if it is shown by itself.

        Args:
            item: a row that this worker has claimed.
            handoff: its handoff.
        """
        is_copy = item.kind in (OutboxKind.TEXT, OutboxKind.FILE) and bool(item.source.message_id)
        if handoff is None or not is_copy or item.refs:
            return ()
        at_desk = item.side is OutboxSide.DESK
        platform = handoff.desk_room.platform if at_desk else handoff.address.key.platform
        async with self._database.read() as tx:
            rest = self._select(item, await outbox_copies.load_album(tx, item), platform)
        if not rest:
            return ()
        async with self._database.begin() as tx:
            claimed = [await outbox.claim(tx, one) for one in rest]
        return [one for one in claimed if one is not None]

    def _select(self, item: OutboxItem, album: Sequence[OutboxItem], platform: str) -> Sequence[OutboxItem]:
        """Return the open rows of an album that are shown together with the first one of them."""
        later = [one for one in album if one.id > item.id and _is_unsent(one)]
        if item.kind is OutboxKind.FILE and item.content.can_be_copied:
            return [one for one in later if one.content.can_be_copied]
        files = [one for one in (item, *later) if _is_file(one)]
        texts = [one for one in album if one.kind is OutboxKind.TEXT]
        caption = texts[0] if len(texts) == 1 and self._can_caption(texts[0], files, platform) else None
        if len(files) < 2 or item not in (*files, caption):
            return []
        return [one for one in later if one in files or one is caption]

    def _can_caption(self, text: OutboxItem, files: Sequence[OutboxItem], platform: str) -> bool:
        """Return whether a text is of a message with one of the files, and short enough."""
        room = self._sender.platforms.rooms.get(platform)
        of_file = text.source in [one.source for one in files]
        return of_file and room is not None and room.fits_caption(self._sender.with_quote(text, platform))

    async def send(
        self, items: Sequence[OutboxItem], address: Address, *, known_message_ids: frozenset[str]
    ) -> Sequence[OutboxItem]:
        """Send an album, and finish the rows that are shown; return those that have to be sent alone.

        Args:
            items: the first row of the album and those of :meth:`claim_rest`, all claimed by this worker.
            address: of the first row.
            known_message_ids: our messages that no attempt at these rows has posted.

        Raises:
            PlatformError: the address cannot be reached; what is not finished is not shown.
            LeaseLost: another worker has claimed one of the rows.
        """
        if all(one.content.can_be_copied for one in items):
            copied = await self._sender.files.copy_messages(
                items, address, on_refs=lambda refs: self._finish(items, refs, address)
            )
            return [] if copied else items
        caption = next((one for one in items if one.kind is OutboxKind.TEXT), None)
        files = [one for one in items if one is not caption]
        captioned = False

        async def finish(rows: Sequence[OutboxItem], refs: Sequence[MessageRef]) -> None:
            nonlocal captioned
            await self._finish(rows, refs, address, caption=None if captioned else caption)
            captioned = True

        if caption is not None and caption.content.reply_to:
            address = replace(address, reply_to=caption.content.reply_to)
        words = self._sender.with_quote(caption, address.key.platform) if caption is not None else ""
        alone = await self._sender.files.send_album(
            files, address, caption=words, known_message_ids=known_message_ids, on_refs=finish
        )
        return alone if captioned or caption is None else [caption, *alone]

    async def _finish(
        self,
        rows: Sequence[OutboxItem],
        refs: Sequence[MessageRef],
        address: Address,
        *,
        caption: OutboxItem | None = None,
    ) -> None:
        """Store what shows the rows: a message for each, or one for all of them; and close the rows.

        If fewer messages than rows are shown, it is not known which, and all are the first row's.
        """
        async with self._database.begin() as tx:
            if caption is not None:
                await save_refs(tx, caption, refs[:1], address)
                await outbox.update_shown(tx, caption.id, refs[:1], caption.content.text, is_caption=True)
                await outbox.finish(tx, caption, state=OutboxState.DONE)
            for at, row in enumerate(rows):
                await save_refs(tx, row, _refs_of(at, len(rows), refs), address)
                await outbox.finish(tx, row, state=OutboxState.DONE)


def _is_unsent(item: OutboxItem) -> bool:
    return item.state is OutboxState.OPEN and not item.refs


def _is_file(item: OutboxItem) -> bool:
    return item.kind is OutboxKind.FILE and item.content.file is not None and not item.content.can_be_copied


def _refs_of(at: int, rows: int, refs: Sequence[MessageRef]) -> Sequence[MessageRef]:
    """Return the messages that show one of several rows."""
    if len(refs) == rows:
        return refs[at : at + 1]
    return refs if len(refs) == 1 or at == 0 else ()


async def save_refs(tx: Transaction, item: OutboxItem, refs: Sequence[MessageRef], address: Address) -> None:
    """Store the messages that show a row; a customer's belong to their conversation, so that replies find it.

    Raises:
        LeaseLost: another worker has claimed the row.
    """
    await outbox.save_refs(tx, item, refs)
    if item.side is OutboxSide.CUSTOMER:
        for ref in refs:
            await conversations.save_ref(tx, address.key, ref.message_id, item.conversation_id, None)
