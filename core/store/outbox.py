"""What is shown on either side of a handover: one row for each message, written before it is sent.

A row is due to an event of the inbox, in whose transaction it is stored. The event's line of work
sends its rows in order; ``run`` is the fence, as in turns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Row

from core.domain.addresses import Address, ThreadKey
from core.domain.bot_messages import MessageRef
from core.domain.buttons import ActionButton, OptionButton, encode_button, parse_button_data
from core.domain.errors import DuplicateEvent, LeaseLost
from core.domain.events import UnparsedEvent
from core.domain.message_content import Attachment
from core.store import inbox, schema
from core.store.clock import utc_now
from core.store.conversations import Conversation
from core.store.database import Transaction
from core.store.inbox import EventStatus, Lane, QueueKey
from core.store.stored_refs import dump_refs, load_refs

_P = schema.relayed
_I = schema.inbox


class OutboxSide(StrEnum):
    """The side of a handoff that sees a message."""

    CUSTOMER = "customer"
    DESK = "desk"


class OutboxState(StrEnum):
    """Stage of a row."""

    OPEN = "open"  #: to be sent
    DONE = "done"
    FAILED = "failed"  #: could not be sent, and will not be tried again


class OutboxKind(StrEnum):
    """What is to be done."""

    TEXT = "words"  #: a message, of a person or of ours
    FILE = "file"  #: a file or picture of a person
    EDIT = "edit"  #: of an earlier row's message
    DELETE = "delete"
    TICKET = "card"  #: the desk's card of a handover: opened first, changed later
    CLOSE_TOPIC = "seal"  #: close the desk's topic
    SUMMARY = "summary"  #: let Kimi summarise, and put it into the card
    DRAFT = "draft"  #: let Kimi suggest a reply


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxContent:
    """What a row shows."""

    text: str = ""  #: Markdown
    choices: tuple[OptionButton, ...] = ()
    file: Attachment | None = None
    platform: str = ""  #: where the file lies
    of: int = 0  #: the row that is changed or taken away
    draft: str = ""  #: Kimi's words that a press may send to the customer, once
    address: Address | None = None  #: where the customer is answered, where there is no handover yet


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMessage:
    """The message that a row is the copy of; "" where it is our own."""

    platform: str = ""
    channel: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxItem:
    """One row as whoever sends it sees it."""

    id: int
    conversation_id: int
    handoff_id: int | None
    inbox_id: int
    kind: OutboxKind
    side: OutboxSide
    state: OutboxState
    attempt: int
    content: OutboxContent
    refs: tuple[MessageRef, ...] = field(default_factory=tuple)


_CONTENT = TypeAdapter(OutboxContent)
_COLUMNS = (
    _P.c.id,
    _P.c.conversation_id,
    _P.c.handover_id,
    _P.c.inbox_id,
    _P.c.kind,
    _P.c.side,
    _P.c.state,
    _P.c.run,
    _P.c.payload,
    _P.c.refs,
)


def _encode_content(content: OutboxContent) -> dict[str, Any]:
    payload: dict[str, Any] = _CONTENT.dump_python(content, mode="json")
    payload["choices"] = [
        {"label": button.label, "data": encode_button(button.action)} for button in content.choices
    ]
    return payload


def _decode_content(payload: dict[str, Any]) -> OutboxContent:
    buttons = [(stored["label"], parse_button_data(stored["data"])) for stored in payload["choices"]]
    choices = [
        OptionButton(label=label, action=action)
        for label, action in buttons
        if action is not None and not isinstance(action, ActionButton)
    ]
    return _CONTENT.validate_python(payload | {"choices": choices})


def empty_payload() -> dict[str, Any]:
    """Return the payload of a row of which nothing is kept."""
    payload: dict[str, Any] = _encode_content(OutboxContent())
    return payload


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
    """Store what is to be shown, behind all that was stored before; return its id."""
    source = source or SourceMessage()
    made = await tx.execute(
        insert(_P)
        .values(
            conversation_id=conversation_id,
            handover_id=handoff_id,
            inbox_id=inbox_id,
            kind=kind.value,
            side=side.value,
            state=OutboxState.OPEN.value,
            run=0,
            payload=_encode_content(content or OutboxContent()),
            refs=[],
            source_platform=source.platform,
            source_channel=source.channel,
            source_message_id=source.message_id,
            created_at=utc_now(),
        )
        .returning(_P.c.id)
    )
    return int(made.scalar_one())


async def add_system_event(tx: Transaction, conversation: Conversation, name: str, lane: Lane) -> int | None:
    """Store an event of nobody, for rows that are due to none; None where ``name`` was there before.

    What is kept of it is that it came.
    """
    key = conversation.key
    event = UnparsedEvent(
        delivery_id=f"desk:{name}", platform=key.platform, tenant=key.tenant, raw="", error="desk"
    )
    try:
        return await inbox.add(tx, event, conversation_id=conversation.id, lane=lane, status=EventStatus.OPEN)
    except DuplicateEvent:
        return None


async def claim_next(tx: Transaction, queue_key: QueueKey) -> OutboxItem | None:
    """Take the oldest row of a line of work for this run; None where nothing is open.

    Events whose rows are all done are closed on the way.
    """
    while True:
        oldest = (
            select(_I.c.id)
            .where(
                _I.c.state == EventStatus.OPEN.value,
                _I.c.conversation_id == queue_key.conversation_id,
                _I.c.lane == queue_key.lane.value,
            )
            .order_by(_I.c.id)
            .limit(1)
        )
        inbox_id = (await tx.execute(oldest)).scalar_one_or_none()
        if inbox_id is None:
            return None
        open_row = (
            select(_P.c.id)
            .where(_P.c.inbox_id == inbox_id, _P.c.state == OutboxState.OPEN.value)
            .order_by(_P.c.id)
            .limit(1)
        )
        row_id = (await tx.execute(open_row)).scalar_one_or_none()
        if row_id is None:
            await inbox.set_status(tx, [inbox_id], EventStatus.DONE)
            continue
        taken = await tx.execute(
            update(_P).where(_P.c.id == row_id).values(run=_P.c.run + 1).returning(*_COLUMNS)
        )
        return _item(taken.one())


async def get(tx: Transaction, item_id: int) -> OutboxItem | None:
    """Return a row; None where it is gone."""
    row = (await tx.execute(select(*_COLUMNS).where(_P.c.id == item_id))).one_or_none()
    return None if row is None else _item(row)


async def load_copies(tx: Transaction, key: ThreadKey, message_id: str) -> Sequence[OutboxItem]:
    """Return the copies of a message, in the order in which they were made."""
    query = (
        select(*_COLUMNS)
        .where(
            _P.c.source_platform == key.platform,
            _P.c.source_channel == key.channel,
            _P.c.source_message_id == message_id,
        )
        .order_by(_P.c.id)
    )
    return [_item(row) for row in await tx.execute(query)]


async def get_ticket_event_id(tx: Transaction, handoff_id: int) -> int | None:
    """Return the event that a handover's card was first due to; None where it has none."""
    query = select(func.min(_P.c.inbox_id)).where(
        _P.c.handover_id == handoff_id, _P.c.kind == OutboxKind.TICKET.value
    )
    inbox_id: int | None = (await tx.execute(query)).scalar_one_or_none()
    return inbox_id


async def find_shown(tx: Transaction, handoff_id: int, message_id: str) -> OutboxItem | None:
    """Return the customer's side's row of a handover that stands in this message."""
    query = select(*_COLUMNS).where(_P.c.handover_id == handoff_id, _P.c.side == OutboxSide.CUSTOMER.value)
    posts = [_item(row) for row in await tx.execute(query.order_by(_P.c.id.desc()))]
    shown = (post for post in posts if message_id in {ref.message_id for ref in post.refs})
    return next(shown, None)


async def set_button(tx: Transaction, item_id: int, button: OptionButton) -> None:
    """Put a button under a row that names the row itself."""
    found = await get(tx, item_id)
    if found is not None:
        payload = _encode_content(replace(found.content, choices=(button,)))
        await tx.execute(update(_P).where(_P.c.id == item_id).values(payload=payload))


async def claim_draft(tx: Transaction, item: OutboxItem) -> bool:
    """Take a draft for whoever sends it; False where somebody did before."""
    row = (await tx.execute(select(_P.c.payload).where(_P.c.id == item.id).with_for_update())).one_or_none()
    if row is None or not _decode_content(row.payload).draft:
        return False
    payload = _encode_content(replace(item.content, draft=""))
    await tx.execute(update(_P).where(_P.c.id == item.id).values(payload=payload))
    return True


async def load_message_ids(tx: Transaction, handoff_id: int) -> frozenset[str]:
    """Return the ids of all messages that a handover's rows stand in."""
    query = select(_P.c.refs).where(_P.c.handover_id == handoff_id)
    return frozenset(ref["message_id"] for refs in (await tx.execute(query)).scalars() for ref in refs)


async def save_refs(tx: Transaction, item: OutboxItem, refs: Sequence[MessageRef]) -> None:
    """Store the messages sent so far.

    Raises:
        Fenced: another run owns the row.
    """
    await _write(tx, item, refs=dump_refs(refs))


async def finish(tx: Transaction, item: OutboxItem, *, state: OutboxState) -> None:
    """Close a row.

    Raises:
        Fenced: another run owns the row.
    """
    await _write(tx, item, state=state.value, done_at=utc_now())


async def update_shown(tx: Transaction, item_id: int, refs: Sequence[MessageRef], text: str) -> None:
    """Note where an edited row stands now, and with which words."""
    found = await get(tx, item_id)
    if found is None:
        return
    content = replace(found.content, text=text)
    payload = _encode_content(content)
    await tx.execute(update(_P).where(_P.c.id == item_id).values(refs=dump_refs(refs), payload=payload))


async def _write(tx: Transaction, item: OutboxItem, **values: object) -> None:
    written = await tx.execute(
        update(_P)
        .where(_P.c.id == item.id, _P.c.run == item.attempt, _P.c.state == OutboxState.OPEN.value)
        .values(**values)
    )
    if written.rowcount == 0:
        raise LeaseLost(f"what is relayed as {item.id} belongs to a later run than {item.attempt}")


def _item(row: Row[*tuple[Any, ...]]) -> OutboxItem:
    return OutboxItem(
        id=row.id,
        conversation_id=row.conversation_id,
        handoff_id=row.handover_id,
        inbox_id=row.inbox_id,
        kind=OutboxKind(row.kind),
        side=OutboxSide(row.side),
        state=OutboxState(row.state),
        attempt=row.run,
        content=_decode_content(row.payload),
        refs=load_refs(row.refs),
    )
