"""Rows of the outbox as copies of people's messages: found by their source, and taken back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Text, cast, select, update

from core.domain.addresses import ThreadKey
from core.domain.buttons import ButtonAction, OptionButton
from core.domain.handoff_state import OutboxKind, OutboxSide, OutboxState
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.outbox import COLUMNS, OutboxItem, build_item, set_content

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


async def load_media_group(tx: Transaction, handoff_id: int, media_group_id: str) -> Sequence[OutboxItem]:
    """Return the rows that copy an album, in the order in which they were stored."""
    query = select(*COLUMNS).where(_O.c.handoff_id == handoff_id, _mentions(media_group_id))
    items = [build_item(row) for row in await tx.execute(query.order_by(_O.c.id))]
    return [one for one in items if one.content.media_group_id == media_group_id]


async def load_album(tx: Transaction, item: OutboxItem) -> Sequence[OutboxItem]:
    """Return the rows of a row's album on its side that are or will be shown, in the order they were stored.

    An album consists of the copies of one message, or of the messages of one media group.
    """
    group, source = item.content.media_group_id, item.source
    if item.handoff_id is None or not source.message_id:
        return [item]
    of_message = (
        _O.c.source_platform == source.platform,
        _O.c.source_channel == source.channel,
        _O.c.source_message_id == source.message_id,
    )
    query = select(*COLUMNS).where(
        *((_mentions(group),) if group else of_message),
        _O.c.handoff_id == item.handoff_id,
        _O.c.side == item.side,
        _O.c.kind.in_((OutboxKind.TEXT, OutboxKind.FILE)),
        _O.c.state.in_((OutboxState.OPEN, OutboxState.DONE)),
    )
    rows = [build_item(row) for row in await tx.execute(query.order_by(_O.c.id))]
    return [one for one in rows if one.content.media_group_id == group and not one.content.withdrawn]


def _mentions(media_group_id: str) -> ColumnElement[bool]:
    """Return the condition that a row's content holds an album's id, which is plain ASCII."""
    return cast(_O.c.content, Text).contains(f'"{media_group_id}"', autoescape=True)


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
    return _first_shown([build_item(row) for row in await tx.execute(query.order_by(_O.c.id))], message_id)


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
    items = [build_item(row) for row in await tx.execute(query.order_by(_O.c.id))]
    return _first_shown(items, message_id)


def _first_shown(items: Sequence[OutboxItem], message_id: str) -> OutboxItem | None:
    """Return the row that a message shows; the first one of several that it shows together, as an album.

    A handoff that moved to another room may have used the id before: the last room counts.
    """
    shown = [(item, ref) for item in items for ref in item.refs if ref.message_id == message_id]
    return next((item for item, ref in shown if ref.channel == shown[-1][1].channel), None)


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
