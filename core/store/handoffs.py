"""Handovers to people, and every change of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.engine import Row

from core.domain.addresses import Address, Person, ThreadKey
from core.domain.bot_messages import MessageRef
from core.domain.handoff_state import HandoffAction, HandoffReason, HandoffState
from core.store import schema
from core.store.database import Transaction
from core.store.stored_refs import dump_refs, load_refs

_H, _G = schema.handovers, schema.handover_changes
_C, _R = schema.conversations, schema.relayed
_ADDRESS = TypeAdapter(Address)

NOBODY = Person(id="")
"""Who acts where the service itself does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRoom:
    """Where the people of a chat work: a room of theirs, or none."""

    platform: str = ""  #: "": the customer's own room, which they share
    channel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """One handover as it is stored."""

    id: int
    conversation_id: int
    state: HandoffState
    reason: HandoffReason
    customer: Person
    language: str
    address: Address  #: where the customer is answered
    desk_room: DeskRoom
    desk_thread: str
    ticket: tuple[MessageRef, ...]
    summary: str
    assignee: Person
    requested_at: datetime
    first_reply_at: datetime | None
    ended_at: datetime | None
    customer_waiting: bool
    due_at: datetime | None
    reminder_count: int


async def add(
    tx: Transaction,
    *,
    conversation_id: int,
    state: HandoffState,
    reason: HandoffReason,
    customer: Person,
    language: str,
    address: Address,
    desk_room: DeskRoom,
    assignee: Person = NOBODY,
    now: datetime,
    due_at: datetime | None,
) -> Handoff:
    """Begin a handover; the caller made sure that the conversation has none under way."""
    made = await tx.execute(
        insert(_H)
        .values(
            conversation_id=conversation_id,
            state=state.value,
            why=reason.value,
            customer_id=customer.id,
            customer=customer.name[:255],
            language=language,
            address=_ADDRESS.dump_python(address, mode="json"),
            desk_platform=desk_room.platform,
            desk_channel=desk_room.channel,
            desk_thread="",
            card=[],
            taker_id=assignee.id,
            taker=assignee.name[:255],
            asked_at=now,
            customer_waits=True,
            due_at=due_at,
            reminded=0,
        )
        .returning(*_H.c)
    )
    return _handoff(made.one())


async def get(tx: Transaction, handoff_id: int) -> Handoff | None:
    """Return a handover; None where it is gone."""
    return await _load_latest(tx, _H.c.id == handoff_id)


async def get_active(tx: Transaction, conversation_id: int) -> Handoff | None:
    """Return the handover under way in a conversation."""
    return await _load_latest(tx, _H.c.conversation_id == conversation_id, _H.c.ended_at.is_(None))


async def get_latest(tx: Transaction, conversation_id: int) -> Handoff | None:
    """Return a conversation's newest handover, ended or not."""
    return await _load_latest(tx, _H.c.conversation_id == conversation_id)


async def get_active_of_customer(tx: Transaction, key: ThreadKey, person_id: str) -> Handoff | None:
    """Return a customer's handover under way on ``key``'s channel, in whatever thread."""
    here = select(_C.c.id).where(
        _C.c.platform == key.platform, _C.c.tenant == key.tenant, _C.c.channel == key.channel
    )
    return await _load_latest(
        tx, _H.c.ended_at.is_(None), _H.c.customer_id == person_id, _H.c.conversation_id.in_(here)
    )


async def get_by_desk_thread(tx: Transaction, key: ThreadKey) -> Handoff | None:
    """Return the handover whose thread of the desk this is."""
    if not key.thread:
        return None
    return await _load_latest(
        tx,
        _H.c.desk_platform == key.platform,
        _H.c.desk_channel == key.channel,
        _H.c.desk_thread == key.thread,
    )


async def get_by_ticket(tx: Transaction, handoff_id: int, key: ThreadKey) -> Handoff | None:
    """Return a handover where ``key``'s channel is its desk; None where somebody else names it."""
    return await _load_latest(
        tx, _H.c.id == handoff_id, _H.c.desk_platform == key.platform, _H.c.desk_channel == key.channel
    )


async def apply_action(
    tx: Transaction,
    handoff: Handoff,
    action: HandoffAction,
    after: HandoffState,
    *,
    author: Person,
    now: datetime,
    due_at: datetime | None,
    ends: bool,
) -> None:
    """Note what somebody did to a handover, and its new state."""
    values: dict[str, Any] = {"state": after.value, "due_at": due_at, "reminded": 0}
    if ends:
        values["ended_at"] = now
    if action in (HandoffAction.ASSIGN, HandoffAction.REPLY):
        values |= {"taker_id": author.id, "taker": author.name[:255]}
    await tx.execute(update(_H).where(_H.c.id == handoff.id).values(**values))
    await record_transition(tx, handoff.id, action, handoff.state, after, author=author, now=now)


async def record_transition(
    tx: Transaction,
    handoff_id: int,
    action: HandoffAction,
    before: HandoffState,
    after: HandoffState,
    *,
    author: Person,
    now: datetime,
) -> None:
    """Keep one change with its time and author."""
    await tx.execute(
        insert(_G).values(
            handover_id=handoff_id,
            before=before.value,
            after=after.value,
            action=action.value,
            author_id=author.id,
            author=author.name[:255],
            at=now,
        )
    )


async def record_customer_message(
    tx: Transaction, handoff: Handoff, address: Address, *, due_at: datetime | None
) -> None:
    """Note that the customer said something: it is the person's turn, and the answer goes there.

    The time of the next reminder stays where the customer waited before.
    """
    values: dict[str, Any] = {"customer_waits": True, "address": _ADDRESS.dump_python(address, mode="json")}
    if not handoff.customer_waiting:
        values |= {"due_at": due_at, "reminded": 0}
    await tx.execute(update(_H).where(_H.c.id == handoff.id).values(**values))


async def record_staff_message(
    tx: Transaction, handoff: Handoff, *, now: datetime, due_at: datetime | None
) -> None:
    """Note that a person said something to the customer."""
    first = func.coalesce(_H.c.answered_at, now)
    values = {"customer_waits": False, "reminded": 0, "due_at": due_at, "answered_at": first}
    await tx.execute(update(_H).where(_H.c.id == handoff.id).values(**values))


async def set_desk_thread(
    tx: Transaction, handoff_id: int, *, thread: str, ticket: Sequence[MessageRef]
) -> None:
    """Note where in the desk a handover stands."""
    values = {"desk_thread": thread, "card": dump_refs(ticket)}
    await tx.execute(update(_H).where(_H.c.id == handoff_id).values(**values))


async def save_summary(tx: Transaction, handoff_id: int, summary: str) -> None:
    """Keep what the card says that it is about."""
    await tx.execute(update(_H).where(_H.c.id == handoff_id).values(summary=summary))


async def load_due_ids(tx: Transaction, now: datetime, *, limit: int = 50) -> Sequence[int]:
    """Return the handovers that have to be looked at."""
    query = select(_H.c.id).where(_H.c.ended_at.is_(None), _H.c.due_at <= now)
    return list((await tx.execute(query.order_by(_H.c.due_at).limit(limit))).scalars())


async def claim(tx: Transaction, handoff_id: int, *, now: datetime, until: datetime | None) -> Handoff | None:
    """Take a handover that is due for this transaction; None where another replica did.

    ``until`` is when it is looked at again unless the caller says otherwise.
    """
    taken = await tx.execute(
        update(_H)
        .where(_H.c.id == handoff_id, _H.c.ended_at.is_(None), _H.c.due_at <= now)
        .values(due_at=until, reminded=_H.c.reminded + 1)
        .returning(*_H.c)
    )
    row = taken.one_or_none()
    return None if row is None else _handoff(row)


async def set_due_at(tx: Transaction, handoff_id: int, due_at: datetime | None) -> None:
    """Say when a handover has to be looked at next."""
    await tx.execute(update(_H).where(_H.c.id == handoff_id).values(due_at=due_at))


async def count_ahead(tx: Transaction, handoff: Handoff) -> int:
    """Return how many wait at the same desk for longer."""
    query = (
        select(func.count())
        .select_from(_H)
        .where(
            _H.c.desk_platform == handoff.desk_room.platform,
            _H.c.desk_channel == handoff.desk_room.channel,
            _H.c.state == HandoffState.WAITING.value,
            _H.c.id < handoff.id,
        )
    )
    return int((await tx.execute(query)).scalar_one())


async def migrate_channel(tx: Transaction, *, platform: str, old: str, new: str) -> None:
    """Follow a channel that got a new id: as a desk, and as where copies came from."""
    await tx.execute(
        update(_H).where(_H.c.desk_platform == platform, _H.c.desk_channel == old).values(desk_channel=new)
    )
    await tx.execute(
        update(_R)
        .where(_R.c.source_platform == platform, _R.c.source_channel == old)
        .values(source_channel=new)
    )


async def _load_latest(tx: Transaction, *where: ColumnElement[bool]) -> Handoff | None:
    query = select(_H).where(*where).order_by(_H.c.id.desc()).limit(1)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else _handoff(row)


def _handoff(row: Row[*tuple[Any, ...]]) -> Handoff:
    return Handoff(
        id=row.id,
        conversation_id=row.conversation_id,
        state=HandoffState(row.state),
        reason=HandoffReason(row.why),
        customer=Person(id=row.customer_id, name=row.customer),
        language=row.language,
        address=_ADDRESS.validate_python(row.address),
        desk_room=DeskRoom(platform=row.desk_platform, channel=row.desk_channel),
        desk_thread=row.desk_thread,
        ticket=load_refs(row.card),
        summary=row.summary,
        assignee=Person(id=row.taker_id, name=row.taker),
        requested_at=row.asked_at,
        first_reply_at=row.answered_at,
        ended_at=row.ended_at,
        customer_waiting=row.customer_waits,
        due_at=row.due_at,
        reminder_count=row.reminded,
    )
