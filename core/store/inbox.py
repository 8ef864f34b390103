"""The inbox: every event, once, before it is acknowledged."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, func, literal, select, text, update

from core.access import RefusalReason
from core.domain.errors import DuplicateEvent
from core.domain.events import Event, MessageReceived, UnparsedEvent, origin_of
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.payload import decode, encode
from core.store.upsert import Upsert

_I = schema.inbox


class Lane(StrEnum):
    """What may run beside what in one conversation."""

    TURNS = "turns"  #: questions: strictly in order
    COMMANDS = "orders"  #: commands: at once, in order among themselves
    HANDOFF = "desk"  #: what is relayed between a customer and the people of a desk, in both directions
    AI_ASSIST = "notes"  #: Kimi's summaries and drafts for the desk, beside what is relayed


class EventStatus(StrEnum):
    """What became of an event."""

    OPEN = "open"  #: waits to be worked on
    DONE = "done"
    RECORDED = "noted"  #: became history; asked for no answer
    SKIPPED = "skipped"  #: could not be read
    DROPPED = "dropped"  #: its person took it back before it was answered


@dataclass(frozen=True, slots=True)
class QueueKey:
    """A line of work of one conversation: the unit the engine runs exclusively."""

    conversation_id: int
    lane: Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxItem:
    """One open event."""

    id: int
    event: Event
    received_at: datetime  #: when it was stored
    refusal_reason: RefusalReason | None = None  #: why it is not to be answered


async def add(
    tx: Transaction,
    event: Event,
    *,
    conversation_id: int | None,
    lane: Lane,
    status: EventStatus,
) -> int:
    """Store an event and return its inbox id.

    Raises:
        DuplicateEvent: it was stored before.
    """
    now = utc_now()
    platform, tenant = origin_of(event)
    row = await tx.execute(
        _ADD.on(tx),
        {
            "platform": platform,
            "tenant": tenant,
            "delivery_id": event.delivery_id[:255],
            "conversation_id": conversation_id,
            "lane": lane.value,
            "state": status.value,
            "payload": encode(event),
            "album": event.media_group_id[:128] if isinstance(event, MessageReceived) else "",
            "received_at": now,
            "done_at": None if status is EventStatus.OPEN else now,
        },
    )
    inbox_id: int | None = row.scalar_one_or_none()
    if inbox_id is None:
        raise DuplicateEvent(event.delivery_id)
    return inbox_id


_ADD = Upsert(_I, lambda insert: insert.on_conflict_do_nothing().returning(_I.c.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaGroupMessage:
    """A message that was made of the same saying as another."""

    id: int
    conversation_id: int | None  #: None where it was overheard and nobody had spoken to us yet
    state: EventStatus
    event: Event | None  #: None where another version wrote it


async def load_media_group(tx: Transaction, event: MessageReceived) -> Sequence[MediaGroupMessage]:
    """Return the messages of an event's album that came before it, oldest first."""
    if not event.media_group_id:
        return []
    platform, tenant = origin_of(event)
    query = (
        select(_I.c.id, _I.c.conversation_id, _I.c.state, _I.c.payload)
        .where(_I.c.platform == platform, _I.c.tenant == tenant, _I.c.album == event.media_group_id[:128])
        .order_by(_I.c.id)
    )
    return [
        MediaGroupMessage(
            id=id_, conversation_id=conversation_id, state=EventStatus(state), event=_decode_or_none(payload)
        )
        for id_, conversation_id, state, payload in await tx.execute(query)
    ]


async def reopen(tx: Transaction, inbox_ids: Sequence[int], conversation_id: int) -> None:
    """Make events that were only noted questions of a conversation."""
    if not inbox_ids:
        return
    await tx.execute(
        update(_I)
        .where(_I.c.id.in_(inbox_ids))
        .values(conversation_id=conversation_id, state=EventStatus.OPEN.value, done_at=None)
    )


async def load_open_items(tx: Transaction, queue_key: QueueKey, *, limit: int) -> Sequence[InboxItem]:
    """Return the oldest open events of a line of work, oldest first."""
    values = {"conversation": queue_key.conversation_id, "lane": queue_key.lane.value, "most": limit}
    return [build_item(*row) for row in await tx.execute(_LOAD_OPEN_ITEMS, values)]


OPEN_IN_QUEUE = (
    _I.c.state == literal(EventStatus.OPEN.value, literal_execute=True),  # so that the partial index serves
    _I.c.conversation_id == bindparam("conversation"),
    _I.c.lane == bindparam("lane"),
)
"""Whether an event is open in a line of work."""

_LOAD_OPEN_ITEMS = (
    select(_I.c.id, _I.c.payload, _I.c.received_at)
    .where(*OPEN_IN_QUEUE)
    .order_by(_I.c.id)
    .limit(bindparam("most"))
)


def build_item(
    inbox_id: int,
    payload: dict[str, Any],
    received_at: datetime,
    *,
    refusal_reason: RefusalReason | None = None,
) -> InboxItem:
    """Return an open event of the inbox.

    One that this version cannot decode is a :class:`core.domain.events.UnparsedEvent`.
    """
    try:
        event = decode(payload)
    except ValueError as exc:
        event = UnparsedEvent(delivery_id=str(inbox_id), platform="", tenant="", raw="", error=str(exc)[:500])
    return InboxItem(id=inbox_id, event=event, received_at=received_at, refusal_reason=refusal_reason)


async def queue_depth(tx: Transaction) -> tuple[int, float]:
    """Return how many events are open, on all replicas, and for how many seconds the oldest is."""
    query = select(func.count(), func.min(_I.c.received_at)).where(text("state = 'open'"))
    count, oldest = (await tx.execute(query)).one()
    return int(count), 0.0 if oldest is None else max(0.0, (utc_now() - oldest).total_seconds())


async def get_event(tx: Transaction, inbox_id: int) -> Event | None:
    """Return a stored event; None where it is gone or was written by another version."""
    payload = (await tx.execute(select(_I.c.payload).where(_I.c.id == inbox_id))).scalar_one_or_none()
    return None if payload is None else _decode_or_none(payload)


async def load_open_queues(
    tx: Transaction, *, platforms: Collection[str] | None = None
) -> Sequence[QueueKey]:
    """Return every line of work that has an open event, if given only those on some platforms."""
    query = select(_I.c.conversation_id, _I.c.lane).where(_I.c.state == EventStatus.OPEN.value).distinct()
    if platforms is not None:
        query = query.where(_I.c.platform.in_(platforms))
    return [QueueKey(conversation_id, Lane(lane)) for conversation_id, lane in await tx.execute(query)]


async def set_status(tx: Transaction, inbox_ids: Sequence[int], status: EventStatus) -> None:
    """Close events."""
    await tx.execute(_SET_STATUS, {"inbox_ids": list(inbox_ids), "state": status.value, "done_at": utc_now()})


_SET_STATUS = update(_I).where(_I.c.id.in_(bindparam("inbox_ids", expanding=True)))


async def drop_open(tx: Transaction, conversation_id: int, *, except_ids: Sequence[int]) -> int:
    """Take every waiting question of a conversation back, but ``except_ids``; return how many."""
    dropped = await tx.execute(
        update(_I)
        .where(
            _I.c.state == EventStatus.OPEN.value,
            _I.c.conversation_id == conversation_id,
            _I.c.lane == Lane.TURNS.value,
            _I.c.id.not_in(except_ids),
        )
        .values(state=EventStatus.DROPPED.value, done_at=utc_now())
    )
    return dropped.rowcount


def _decode_or_none(payload: dict[str, Any]) -> Event | None:
    try:
        return decode(payload)
    except ValueError:
        return None
