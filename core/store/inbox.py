"""The inbox: every event, once, before it is acknowledged."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, func, literal, select, text, update

from core.domain.events import Event, Said, Unparsed, origin_of
from core.store import schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.payload import decode, encode
from core.store.upsert import Upsert

_I = schema.inbox


class Lane(StrEnum):
    """What may run beside what in one conversation."""

    TURNS = "turns"  #: questions: strictly in order
    ORDERS = "orders"  #: commands: at once, in order among themselves
    DESK = "desk"  #: what is relayed between a customer and the people of a desk, in both directions
    NOTES = "notes"  #: Kimi's summaries and drafts for the desk, beside what is relayed


class Mark(StrEnum):
    """What became of an event."""

    OPEN = "open"  #: waits to be worked on
    DONE = "done"
    NOTED = "noted"  #: became history; asked for no answer
    SKIPPED = "skipped"  #: could not be read
    DROPPED = "dropped"  #: its person took it back before it was answered


@dataclass(frozen=True, slots=True)
class Work:
    """A line of work of one conversation: the unit the engine runs exclusively."""

    conversation_id: int
    lane: Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One open event."""

    id: int
    event: Event
    received_at: datetime  #: when it was stored
    refused: str = ""  #: why it is not to be answered; "" where it is


async def add(
    tx: Transaction,
    event: Event,
    *,
    conversation_id: int | None,
    lane: Lane,
    mark: Mark,
) -> int | None:
    """Store an event and return its inbox id; None where it was delivered before."""
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
            "state": mark.value,
            "payload": encode(event),
            "album": event.album[:128] if isinstance(event, Said) else "",
            "received_at": now,
            "done_at": None if mark is Mark.OPEN else now,
        },
    )
    inbox_id: int | None = row.scalar_one_or_none()
    return inbox_id


_ADD = Upsert(_I, lambda insert: insert.on_conflict_do_nothing().returning(_I.c.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sibling:
    """A message that was made of the same saying as another."""

    id: int
    conversation_id: int | None  #: None where it was overheard and nobody had spoken to us yet
    state: Mark
    event: Event | None  #: None where another version wrote it


async def siblings(tx: Transaction, event: Said) -> Sequence[Sibling]:
    """Return the messages of an event's album that came before it, oldest first."""
    if not event.album:
        return []
    platform, tenant = origin_of(event)
    query = (
        select(_I.c.id, _I.c.conversation_id, _I.c.state, _I.c.payload)
        .where(_I.c.platform == platform, _I.c.tenant == tenant, _I.c.album == event.album[:128])
        .order_by(_I.c.id)
    )
    return [
        Sibling(id=id_, conversation_id=conversation_id, state=Mark(state), event=_decoded(payload))
        for id_, conversation_id, state, payload in await tx.execute(query)
    ]


async def open_again(tx: Transaction, inbox_ids: Sequence[int], conversation_id: int) -> None:
    """Make events that were only noted questions of a conversation."""
    if not inbox_ids:
        return
    await tx.execute(
        update(_I)
        .where(_I.c.id.in_(inbox_ids))
        .values(conversation_id=conversation_id, state=Mark.OPEN.value, done_at=None)
    )


async def open_items(tx: Transaction, work: Work, *, limit: int) -> Sequence[Item]:
    """Return the oldest open events of a line of work, oldest first."""
    values = {"conversation": work.conversation_id, "lane": work.lane.value, "most": limit}
    return [item(*row) for row in await tx.execute(_OPEN_ITEMS, values)]


OPEN_IN_LINE = (
    _I.c.state == literal(Mark.OPEN.value, literal_execute=True),  # so that the partial index serves
    _I.c.conversation_id == bindparam("conversation"),
    _I.c.lane == bindparam("lane"),
)
"""Whether an event is open in a line of work."""

_OPEN_ITEMS = (
    select(_I.c.id, _I.c.payload, _I.c.received_at)
    .where(*OPEN_IN_LINE)
    .order_by(_I.c.id)
    .limit(bindparam("most"))
)


def item(inbox_id: int, payload: dict[str, Any], received_at: datetime, *, refused: str = "") -> Item:
    """Return an open event of the inbox.

    One that this version cannot decode is a :class:`core.domain.events.Unparsed`.
    """
    try:
        event = decode(payload)
    except ValueError as exc:
        event = Unparsed(delivery_id=str(inbox_id), platform="", tenant="", raw="", fault=str(exc)[:500])
    return Item(id=inbox_id, event=event, received_at=received_at, refused=refused)


async def depth(tx: Transaction) -> tuple[int, float]:
    """Return how many events are open, on all replicas, and for how many seconds the oldest is."""
    query = select(func.count(), func.min(_I.c.received_at)).where(text("state = 'open'"))
    count, oldest = (await tx.execute(query)).one()
    return int(count), 0.0 if oldest is None else max(0.0, (utc_now() - oldest).total_seconds())


async def event_of(tx: Transaction, inbox_id: int) -> Event | None:
    """Return a stored event; None where it is gone or was written by another version."""
    payload = (await tx.execute(select(_I.c.payload).where(_I.c.id == inbox_id))).scalar_one_or_none()
    return None if payload is None else _decoded(payload)


async def open_work(tx: Transaction, *, platforms: Collection[str] | None = None) -> Sequence[Work]:
    """Return every line of work that has an open event, if given only those on some platforms."""
    query = select(_I.c.conversation_id, _I.c.lane).where(_I.c.state == Mark.OPEN.value).distinct()
    if platforms is not None:
        query = query.where(_I.c.platform.in_(platforms))
    return [Work(conversation_id, Lane(lane)) for conversation_id, lane in await tx.execute(query)]


async def mark(tx: Transaction, inbox_ids: Sequence[int], became: Mark) -> None:
    """Close events."""
    await tx.execute(_MARK, {"inbox_ids": list(inbox_ids), "state": became.value, "done_at": utc_now()})


_MARK = update(_I).where(_I.c.id.in_(bindparam("inbox_ids", expanding=True)))


async def drop_open(tx: Transaction, conversation_id: int, *, except_ids: Sequence[int]) -> int:
    """Take every waiting question of a conversation back, but ``except_ids``; return how many."""
    dropped = await tx.execute(
        update(_I)
        .where(
            _I.c.state == Mark.OPEN.value,
            _I.c.conversation_id == conversation_id,
            _I.c.lane == Lane.TURNS.value,
            _I.c.id.not_in(except_ids),
        )
        .values(state=Mark.DROPPED.value, done_at=utc_now())
    )
    return dropped.rowcount


def _decoded(payload: dict[str, Any]) -> Event | None:
    try:
        return decode(payload)
    except ValueError:
        return None
