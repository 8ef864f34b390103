"""The inbox: every event is stored once, before the platform gets an acknowledgement."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, literal, select, text, tuple_, update

from core.access import RefusalReason
from core.domain.addresses import ThreadKey
from core.domain.errors import DuplicateEvent
from core.domain.events import Event, MessageReceived, UnparsedEvent, origin_of
from core.domain.queue import EventStatus, Lane, QueueKey
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.event_codec import decode, encode
from core.store.upsert import Upsert

_I = schema.inbox

MAX_DELIVERY_ID_CHARS = 255
MAX_MEDIA_GROUP_ID_CHARS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxItem:
    """One open event."""

    id: int
    event: Event
    received_at: datetime  #: when it was stored
    refusal_reason: RefusalReason | None = None  #: why it gets a refusal instead of an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaGroupMessage:
    """A stored message that a platform made of one post of several pictures, as Telegram does."""

    id: int
    conversation_id: int | None  #: None if it was overheard outside of any conversation
    status: EventStatus
    event: Event | None  #: None if another version of the program stored it


OPEN_IN_QUEUE = (
    # A literal, so that the partial index serves.
    _I.c.status == literal(EventStatus.OPEN, literal_execute=True, type_=_I.c.status.type),
    _I.c.conversation_id == bindparam("conversation"),
    _I.c.lane == bindparam("lane"),
)
"""Conditions for an open event of the queue with parameters "conversation" and "lane"."""

_ADD = Upsert(_I, lambda insert: insert.on_conflict_do_nothing().returning(_I.c.id))
_LOAD_OPEN_ITEMS = (
    select(_I.c.id, _I.c.event, _I.c.received_at)
    .where(*OPEN_IN_QUEUE)
    .order_by(_I.c.id)
    .limit(bindparam("limit"))
)
_SET_STATUS = update(_I).where(_I.c.id.in_(bindparam("inbox_ids", expanding=True)))


def client_delivery_id(event: Event) -> str:
    """Return an id that is the same for a message that a client sent twice; "" if the client gave none."""
    if not isinstance(event, MessageReceived) or not event.client_id:
        return ""
    return f"client:{event.client_id}"[:MAX_DELIVERY_ID_CHARS]


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
    media_group_id = event.media_group_id if isinstance(event, MessageReceived) else ""
    row = await tx.execute(
        _ADD.on(tx),
        {
            "platform": platform,
            "tenant": tenant,
            "delivery_id": event.delivery_id[:MAX_DELIVERY_ID_CHARS],
            "conversation_id": conversation_id,
            "lane": lane,
            "status": status,
            "event": encode(event),
            "media_group_id": media_group_id[:MAX_MEDIA_GROUP_ID_CHARS],
            "received_at": now,
            "closed_at": None if status is EventStatus.OPEN else now,
        },
    )
    inbox_id: int | None = row.scalar_one_or_none()
    if inbox_id is None:
        raise DuplicateEvent(event.delivery_id)
    return inbox_id


async def load_media_group(tx: Transaction, event: MessageReceived) -> Sequence[MediaGroupMessage]:
    """Return the messages of an event's media group that came before it, oldest first."""
    if not event.media_group_id:
        return []
    platform, tenant = origin_of(event)
    query = (
        select(_I.c.id, _I.c.conversation_id, _I.c.status, _I.c.event)
        .where(
            _I.c.platform == platform,
            _I.c.tenant == tenant,
            _I.c.media_group_id == event.media_group_id[:MAX_MEDIA_GROUP_ID_CHARS],
        )
        .order_by(_I.c.id)
    )
    return [
        MediaGroupMessage(
            id=row.id,
            conversation_id=row.conversation_id,
            status=row.status,
            event=_decode_or_none(row.event),
        )
        for row in await tx.execute(query)
    ]


async def load_known(tx: Transaction, key: ThreadKey, delivery_ids: Sequence[str]) -> frozenset[str]:
    """Return those of some delivery ids of ``key``'s platform and tenant that are stored."""
    query = select(_I.c.delivery_id).where(
        _I.c.platform == key.platform, _I.c.tenant == key.tenant, _I.c.delivery_id.in_(delivery_ids)
    )
    return frozenset((await tx.execute(query)).scalars())


async def reopen(tx: Transaction, inbox_ids: Sequence[int], conversation_id: int) -> None:
    """Turn events that were only recorded into open questions of a conversation."""
    if not inbox_ids:
        return
    await tx.execute(
        update(_I)
        .where(_I.c.id.in_(inbox_ids))
        .values(conversation_id=conversation_id, status=EventStatus.OPEN, closed_at=None)
    )


async def load_open_items(tx: Transaction, queue_key: QueueKey, *, limit: int) -> Sequence[InboxItem]:
    """Return the oldest open events of a queue, oldest first."""
    values = {"conversation": queue_key.conversation_id, "lane": queue_key.lane, "limit": limit}
    return [build_item(*row) for row in await tx.execute(_LOAD_OPEN_ITEMS, values)]


def build_item(
    inbox_id: int,
    stored_event: dict[str, Any],
    received_at: datetime,
    *,
    refusal_reason: RefusalReason | None = None,
) -> InboxItem:
    """Return an open event of the inbox.

    The event is a :class:`core.domain.events.UnparsedEvent` if this version cannot decode the stored one.
    """
    try:
        event = decode(stored_event)
    except ValueError as exc:
        event = UnparsedEvent(delivery_id=str(inbox_id), platform="", tenant="", raw="", error=str(exc)[:500])
    return InboxItem(id=inbox_id, event=event, received_at=received_at, refusal_reason=refusal_reason)


async def queue_depth(tx: Transaction) -> tuple[int, float]:
    """Return the number of open events of all replicas, and the age of the oldest in seconds."""
    query = select(func.count(), func.min(_I.c.received_at)).where(text("status = 'open'"))
    count, oldest = (await tx.execute(query)).one()
    return int(count), 0.0 if oldest is None else max(0.0, (utc_now() - oldest).total_seconds())


async def get_event(tx: Transaction, inbox_id: int) -> Event | None:
    """Return a stored event; None if it was deleted, or if another version of the program stored it."""
    stored = (await tx.execute(select(_I.c.event).where(_I.c.id == inbox_id))).scalar_one_or_none()
    return None if stored is None else _decode_or_none(stored)


async def load_open_queues(
    tx: Transaction, *, tenants: Collection[tuple[str, str]] | None = None
) -> Sequence[QueueKey]:
    """Return every queue that has an open event, if given only those of some (platform, tenant) pairs."""
    query = select(_I.c.conversation_id, _I.c.lane).where(_I.c.status == EventStatus.OPEN).distinct()
    if tenants is not None:
        query = query.where(tuple_(_I.c.platform, _I.c.tenant).in_(list(tenants)))
    return [QueueKey(conversation_id, lane) for conversation_id, lane in await tx.execute(query)]


async def set_status(tx: Transaction, inbox_ids: Sequence[int], status: EventStatus) -> None:
    """Close events with a status."""
    await tx.execute(_SET_STATUS, {"inbox_ids": list(inbox_ids), "status": status, "closed_at": utc_now()})


async def drop_open(tx: Transaction, conversation_id: int, *, except_ids: Sequence[int]) -> int:
    """Drop every open question of a conversation but ``except_ids``; return how many there were."""
    dropped = await tx.execute(
        update(_I)
        .where(
            _I.c.status == EventStatus.OPEN,
            _I.c.conversation_id == conversation_id,
            _I.c.lane == Lane.TURNS,
            _I.c.id.not_in(except_ids),
        )
        .values(status=EventStatus.DROPPED, closed_at=utc_now())
    )
    return dropped.rowcount


async def save_refusal(tx: Transaction, inbox_id: int, reason: RefusalReason) -> None:
    """Record that an event gets a refusal for this reason instead of an answer."""
    await tx.execute(insert(schema.rejected_events).values(inbox_id=inbox_id, reason=reason))


def _decode_or_none(stored: dict[str, Any]) -> Event | None:
    try:
        return decode(stored)
    except ValueError:
        return None
