"""Outbox of handoffs: each message to either side is stored before it is sent.

A row belongs to the event in whose transaction it is stored. The event's queue sends its rows in order;
``attempt`` is the fencing token, as in turns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.engine import Row

from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef
from core.domain.buttons import OptionButton
from core.domain.errors import DuplicateEvent, LeaseLost
from core.domain.events import UnparsedEvent
from core.domain.handoff_state import OutboxKind, OutboxSide, OutboxState
from core.domain.message_content import Attachment
from core.domain.queue import EventStatus, Lane
from core.store import inbox, schema
from core.store.clock import utc_now
from core.store.conversations import Conversation
from core.store.database import Transaction
from core.store.option_codec import decode_options, encode_options

_O, _I = schema.handoff_outbox, schema.inbox

CONTENT_VERSION: Final = 1  #: raised when the JSON of a content changes so that older code cannot read it


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxContent:
    """What a row sends."""

    text: str = ""  #: Markdown
    choices: tuple[OptionButton, ...] = ()
    file: Attachment | None = None
    platform: str = ""  #: that holds the file
    reply_to: str = ""  #: id of the message, in the same place, that it replies to
    quote: str = ""  #: Markdown of that message, shown above the text if the platform shows no replies
    can_be_copied: bool = False  #: the platform may copy the source message instead of the file
    of: int = 0  #: the row whose message is edited or deleted
    seq: int = 0  #: of the message whose recordings are heard
    reaction: str = ""  #: emoji that is put on the message ``reply_to``; ``text`` says so in words
    removes: bool = False  #: the reaction is taken away
    draft: str = ""  #: Kimi's text that a button sends to the customer, once
    address: Address | None = None  #: where the customer is answered, if there is no handoff yet
    offered_to: str = ""  #: id of the person whose press counts if there is no handoff yet
    media_group_id: str = ""  #: of the album that the copied message belongs to
    moves: int = 0  #: to another thread or room, after the former was gone
    while_active: bool = False  #: not shown once the handoff has ended
    withdrawn: bool = False  #: the copy was taken back, and later edits of its source do not bring it back
    is_caption: bool = False  #: the text is shown as the caption of the files in the same message


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMessage:
    """The message that a row copies; all "" if the text is the bot's own."""

    platform: str = ""
    channel: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxItem:
    """One stored row."""

    id: int
    conversation_id: int
    handoff_id: int | None  #: None for an offer of a handoff
    inbox_id: int
    kind: OutboxKind
    side: OutboxSide
    state: OutboxState
    attempt: int
    content: OutboxContent
    refs: tuple[MessageRef, ...] = field(default_factory=tuple)
    source: SourceMessage = field(default_factory=SourceMessage)


_CONTENT = TypeAdapter(OutboxContent)
COLUMNS = (
    _O.c.id,
    _O.c.conversation_id,
    _O.c.handoff_id,
    _O.c.inbox_id,
    _O.c.kind,
    _O.c.side,
    _O.c.state,
    _O.c.attempt,
    _O.c.content,
    _O.c.refs,
    _O.c.source_platform,
    _O.c.source_channel,
    _O.c.source_message_id,
)
_GET = select(*COLUMNS).where(_O.c.id == bindparam("id"))


def encode_content(content: OutboxContent) -> dict[str, Any]:
    """Return a content as JSON; buttons hold the same data as on a platform."""
    stored: dict[str, Any] = _CONTENT.dump_python(content, mode="json")
    stored["choices"] = encode_options(content.choices)
    return {"version": CONTENT_VERSION} | stored


def decode_content(stored: dict[str, Any]) -> OutboxContent:
    """Return the content that :func:`encode_content` was given.

    Raises:
        ValueError: another version of the program stored it.
    """
    fields = dict(stored)
    if fields.pop("version", None) != CONTENT_VERSION:
        raise ValueError("unknown version of a stored outbox content")
    return _CONTENT.validate_python(fields | {"choices": decode_options(fields["choices"])})


async def enqueue(
    tx: Transaction,
    *,
    conversation_id: int,
    handoff_id: int | None,
    inbox_id: int,
    kind: OutboxKind,
    side: OutboxSide,
    content: OutboxContent | None = None,
    source: SourceMessage | None = None,
) -> int:
    """Store a row behind all that were stored before; return its id."""
    source = source or SourceMessage()
    added = await tx.execute(
        insert(_O)
        .values(
            conversation_id=conversation_id,
            handoff_id=handoff_id,
            inbox_id=inbox_id,
            kind=kind,
            side=side,
            state=OutboxState.OPEN,
            content=encode_content(content or OutboxContent()),
            refs=(),
            source_platform=source.platform,
            source_channel=source.channel,
            source_message_id=source.message_id,
            created_at=utc_now(),
        )
        .returning(_O.c.id)
    )
    return int(added.scalar_one())


async def add_system_event(tx: Transaction, conversation: Conversation, name: str, lane: Lane) -> int | None:
    """Store an event without an author, for rows that no other event causes.

    Returns its inbox id; None if an event of this name was stored before.
    """
    key = conversation.key
    event = UnparsedEvent(
        delivery_id=f"desk:{name}", platform=key.platform, tenant=key.tenant, raw="", error="desk"
    )
    try:
        return await inbox.add(tx, event, conversation_id=conversation.id, lane=lane, status=EventStatus.OPEN)
    except DuplicateEvent:
        return None


async def claim(tx: Transaction, item: OutboxItem) -> OutboxItem | None:
    """Claim a row for one attempt; None if it is no longer open."""
    claimed = (
        update(_O)
        .where(_O.c.id == item.id, _O.c.state == OutboxState.OPEN)
        .values(attempt=_O.c.attempt + 1)
        .returning(*COLUMNS)
    )
    row = (await tx.execute(claimed)).one_or_none()
    return None if row is None else build_item(row)


async def get(tx: Transaction, item_id: int) -> OutboxItem | None:
    """Return a row by its id; None if it was deleted."""
    row = (await tx.execute(_GET, {"id": item_id})).one_or_none()
    return None if row is None else build_item(row)


async def get_ticket_event_id(tx: Transaction, handoff_id: int) -> int | None:
    """Return the event that a handoff's ticket was first sent for; None if there is no ticket."""
    query = select(func.min(_O.c.inbox_id)).where(
        _O.c.handoff_id == handoff_id, _O.c.kind == OutboxKind.TICKET
    )
    inbox_id: int | None = (await tx.execute(query)).scalar_one_or_none()
    return inbox_id


async def set_button(tx: Transaction, item_id: int, button: OptionButton) -> None:
    """Replace a row's buttons by one that refers to the row itself."""
    found = await get(tx, item_id)
    if found is not None:
        await set_content(tx, item_id, replace(found.content, choices=(button,)))


async def claim_draft(tx: Transaction, item: OutboxItem) -> bool:
    """Take a row's draft to send it; return False if it was sent before."""
    locked = select(_O.c.content).where(_O.c.id == item.id).with_for_update()
    stored = (await tx.execute(locked)).scalar_one_or_none()
    if stored is None or not decode_content(stored).draft:
        return False
    await set_content(tx, item.id, replace(item.content, draft=""))
    return True


async def load_message_ids(tx: Transaction, handoff_id: int) -> frozenset[str]:
    """Return the ids of all messages that a handoff's rows sent."""
    query = select(_O.c.refs).where(_O.c.handoff_id == handoff_id)
    return frozenset(ref.message_id for refs in (await tx.execute(query)).scalars() for ref in refs)


async def save_refs(tx: Transaction, item: OutboxItem, refs: Sequence[MessageRef]) -> None:
    """Store references to the messages sent so far.

    Raises:
        LeaseLost: another worker has claimed the row.
    """
    await _write(tx, item, refs=tuple(refs))


async def finish(tx: Transaction, item: OutboxItem, *, state: OutboxState) -> None:
    """Close a row.

    Raises:
        LeaseLost: another worker has claimed the row.
    """
    await _write(tx, item, state=state, finished_at=utc_now())


async def update_shown(
    tx: Transaction, item_id: int, refs: Sequence[MessageRef], text: str, *, is_caption: bool = False
) -> None:
    """Store where the message of a row is now, its text, and whether that is the caption of files."""
    found = await get(tx, item_id)
    if found is not None:
        content = replace(found.content, text=text, is_caption=is_caption)
        await set_content(tx, item_id, content, refs=tuple(refs))


async def set_content(tx: Transaction, item_id: int, content: OutboxContent, **values: object) -> None:
    """Replace a row's content, and other columns with it."""
    changed = update(_O).where(_O.c.id == item_id).values(content=encode_content(content), **values)
    await tx.execute(changed)


async def _write(tx: Transaction, item: OutboxItem, **values: object) -> None:
    owned = (_O.c.id == item.id, _O.c.attempt == item.attempt, _O.c.state == OutboxState.OPEN)
    written = await tx.execute(update(_O).where(*owned).values(**values))
    if written.rowcount == 0:
        raise LeaseLost(f"outbox row {item.id} was claimed again after attempt {item.attempt}")


def build_item(row: Row[*tuple[Any, ...]]) -> OutboxItem:
    """Return a selected row of :data:`COLUMNS` as an item."""
    return OutboxItem(
        id=row.id,
        conversation_id=row.conversation_id,
        handoff_id=row.handoff_id,
        inbox_id=row.inbox_id,
        kind=row.kind,
        side=row.side,
        state=row.state,
        attempt=row.attempt,
        content=decode_content(row.content),
        refs=row.refs,
        source=SourceMessage(
            platform=row.source_platform, channel=row.source_channel, message_id=row.source_message_id
        ),
    )
