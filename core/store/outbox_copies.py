"""Rows of the outbox as copies of people's messages: found by their source, and taken back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Text, cast, select, update

from core.domain.addresses import ThreadKey
from core.domain.buttons import ButtonAction, OptionButton
from core.domain.handoff_state import OutboxKind, OutboxSide, OutboxState
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.outbox import COLUMNS, OutboxItem, SourceMessage, build_item, set_content

_O, _H = schema.handoff_outbox, schema.handoffs


async def load_copies(tx: Transaction, key: ThreadKey, message_id: str) -> Sequence[OutboxItem]:
    """Return the rows that copy a message, in the order in which they were stored."""
    query = (
        select(*COLUMNS)
        .where(
            _O.c.source_platform == key.platform,
            _O.c.source_channel == key.channel,
            _O.c.source_message_id == message_id,
        )
        .order_by(_O.c.id)
    )
    return [build_item(row) for row in await tx.execute(query)]


async def get_source(tx: Transaction, item_id: int) -> SourceMessage | None:
    """Return the message that a row copies; None if the row was deleted."""
    columns = (_O.c.source_platform, _O.c.source_channel, _O.c.source_message_id)
    row = (await tx.execute(select(*columns).where(_O.c.id == item_id))).one_or_none()
    if row is None:
        return None
    platform, channel, message_id = row
    return SourceMessage(platform=platform, channel=channel, message_id=message_id)


async def load_media_group(tx: Transaction, handoff_id: int, media_group_id: str) -> Sequence[OutboxItem]:
    """Return the rows that copy an album, in the order in which they were stored."""
    query = select(*COLUMNS).where(_O.c.handoff_id == handoff_id).order_by(_O.c.id.desc()).limit(100)
    items = [build_item(row) for row in await tx.execute(query)]
    return [one for one in reversed(items) if one.content.media_group_id == media_group_id]


async def load_rest_of_album(tx: Transaction, item: OutboxItem) -> Sequence[OutboxItem]:
    """Return the later rows of a row's album that can be copied with it: unclaimed, on the same side."""
    if item.handoff_id is None or not item.content.media_group_id:
        return []
    album = await load_media_group(tx, item.handoff_id, item.content.media_group_id)
    return [
        one
        for one in album
        if one.id > item.id
        and one.side is item.side
        and (one.state, one.attempt) == (OutboxState.OPEN, 0)
        and one.content.can_be_copied
        and not one.content.withdrawn
    ]


async def withdraw(tx: Transaction, item: OutboxItem) -> bool:
    """Take a copy back; return whether its message has to be deleted.

    A row that no worker has claimed is cancelled. One that was claimed may be shown at this moment.
    """
    unclaimed = (_O.c.id == item.id, _O.c.state == OutboxState.OPEN, _O.c.attempt == 0)
    cancelled = await tx.execute(
        update(_O).where(*unclaimed).values(state=OutboxState.CANCELLED, finished_at=utc_now())
    )
    await set_content(tx, item.id, replace(item.content, withdrawn=True))
    return cancelled.rowcount == 0 and item.state in (OutboxState.OPEN, OutboxState.DONE)


async def find_shown(
    tx: Transaction, handoff_id: int, message_id: str, side: OutboxSide = OutboxSide.CUSTOMER
) -> OutboxItem | None:
    """Return the row of a handoff that one side sees as this message; None if there is none."""
    query = select(*COLUMNS).where(_O.c.handoff_id == handoff_id, _O.c.side == side)
    items = [build_item(row) for row in await tx.execute(query.order_by(_O.c.id.desc()))]
    shown = (item for item in items if message_id in {ref.message_id for ref in item.refs})
    return next(shown, None)


async def find_shown_at_desk(tx: Transaction, key: ThreadKey, message_id: str) -> OutboxItem | None:
    """Return the row that a desk in ``key``'s channel sees as this message; None if there is none."""
    query = (
        select(*COLUMNS)
        .join(_H, _H.c.id == _O.c.handoff_id)
        .where(
            _H.c.desk_platform == key.platform,
            _H.c.desk_channel == key.channel,
            _H.c.ended_at.is_(None),
            _O.c.side == OutboxSide.DESK,
            cast(_O.c.refs, Text).contains(f'"{message_id}"', autoescape=True),
        )
    )
    items = [build_item(row) for row in await tx.execute(query.order_by(_O.c.id.desc()).limit(10))]
    return next((item for item in items if message_id in {ref.message_id for ref in item.refs}), None)


async def is_newest(tx: Transaction, item: OutboxItem) -> bool:
    """Return whether nothing that copies a message was stored for a row's side after it."""
    later = select(_O.c.id).where(
        _O.c.handoff_id == item.handoff_id,
        _O.c.side == item.side,
        _O.c.source_message_id != "",
        _O.c.id > item.id,
    )
    return (await tx.execute(later.limit(1))).one_or_none() is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a message of the outbox offers."""

    item: OutboxItem  #: the row that posted the message
    choices: tuple[OptionButton, ...]  #: its present buttons, those of the last edit
    offered_to: str  #: id of the person whose press counts; "" if the handoff's customer decides

    def offers(self, action: ButtonAction) -> bool:
        """Return whether a button with this action is among the message's."""
        return any(choice.action == action for choice in self.choices)


async def find_offer(tx: Transaction, conversation_id: int, message_id: str) -> Offer | None:
    """Return what a message to a conversation's customer offers; None if the outbox did not post it."""
    query = select(*COLUMNS).where(_O.c.conversation_id == conversation_id, _O.c.side == OutboxSide.CUSTOMER)
    edits: dict[int, OutboxItem] = {}  # row → its newest edit
    for item in map(build_item, await tx.execute(query.order_by(_O.c.id.desc()))):
        if item.kind is OutboxKind.EDIT:
            edits.setdefault(item.content.of, item)
        elif message_id in {ref.message_id for ref in item.refs}:
            newest = edits.get(item.id, item)
            return Offer(item=item, choices=newest.content.choices, offered_to=item.content.offered_to)
    return None
