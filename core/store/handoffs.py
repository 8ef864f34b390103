"""Handoffs to people, and every transition of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, func, insert, or_, select, update
from sqlalchemy.engine import Row

from core.domain.addresses import Address, Person, ThreadKey
from core.domain.bot_messages import MessageRef
from core.domain.handoff_state import ASSIGNING, HandoffAction, HandoffReason, HandoffState
from core.store import schema
from core.store.database import Transaction

_H, _T, _C, _O = schema.handoffs, schema.handoff_transitions, schema.conversations, schema.handoff_outbox

NOBODY: Final = Person(id="")  #: the author of what the service itself does


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskRoom:
    """The room in which a chat's team works."""

    platform: str = ""  #: "": the team answers in the customer's own room
    channel: str = ""

    def is_channel_of(self, key: ThreadKey) -> bool:
        """Return whether ``key`` is a thread of this room."""
        return (self.platform, self.channel) == (key.platform, key.channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """One stored handoff."""

    id: int
    conversation_id: int
    state: HandoffState
    reason: HandoffReason
    customer: Person
    language: str  #: of the customer: "zh" or "en"
    desk_language: str  #: of the team: "zh" or "en"; "" if it reads the customer's
    address: Address  #: where the customer is answered
    desk_room: DeskRoom
    desk_thread: str  #: "" until its topic is open
    ticket: tuple[MessageRef, ...]  #: messages of the ticket in the team's room
    summary: str
    assignee: Person
    requested_at: datetime
    first_reply_at: datetime | None  #: of a person to the customer
    ended_at: datetime | None
    customer_waiting: bool  #: whether the customer wrote the last message
    due_at: datetime | None  #: time of the next reminder
    reminder_count: int  #: in the current wait


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
    desk_language: str = "",
    assignee: Person = NOBODY,
    now: datetime,
    due_at: datetime | None,
) -> Handoff:
    """Begin a handoff; the caller has checked that the conversation has none under way."""
    added = await tx.execute(
        insert(_H)
        .values(
            conversation_id=conversation_id,
            state=state,
            reason=reason,
            customer_id=customer.id,
            customer_name=customer.name[:255],
            language=language,
            desk_language=desk_language,
            address=address,
            desk_platform=desk_room.platform,
            desk_channel=desk_room.channel,
            ticket_refs=(),
            assignee_id=assignee.id,
            assignee_name=assignee.name[:255],
            requested_at=now,
            customer_waiting=True,
            due_at=due_at,
        )
        .returning(*_H.c)
    )
    return build_handoff(added.one())


async def get(tx: Transaction, handoff_id: int) -> Handoff | None:
    """Return a handoff by its id; None if it was deleted."""
    return await _load_latest(tx, _H.c.id == handoff_id)


async def get_active(tx: Transaction, conversation_id: int) -> Handoff | None:
    """Return the handoff under way in a conversation; None if there is none."""
    return await _load_latest(tx, _H.c.conversation_id == conversation_id, _H.c.ended_at.is_(None))


async def get_latest(tx: Transaction, conversation_id: int) -> Handoff | None:
    """Return a conversation's newest handoff, ended or not; None if there is none."""
    return await _load_latest(tx, _H.c.conversation_id == conversation_id)


async def get_active_of_customer(tx: Transaction, key: ThreadKey, person_id: str) -> Handoff | None:
    """Return a customer's handoff under way in any thread of ``key``'s channel; None if there is none."""
    in_channel = select(_C.c.id).where(
        _C.c.platform == key.platform, _C.c.tenant == key.tenant, _C.c.channel == key.channel
    )
    return await _load_latest(
        tx, _H.c.ended_at.is_(None), _H.c.customer_id == person_id, _H.c.conversation_id.in_(in_channel)
    )


async def get_by_desk_thread(tx: Transaction, key: ThreadKey) -> Handoff | None:
    """Return the handoff with this thread in the team's room, or None."""
    if not key.thread:
        return None
    return await _load_latest(
        tx,
        _H.c.desk_platform == key.platform,
        _H.c.desk_channel == key.channel,
        _H.c.desk_thread == key.thread,
        _may_be_of(key),
    )


async def get_active_at_desk(tx: Transaction, key: ThreadKey) -> Handoff | None:
    """Return the newest active handoff at the desk in ``key``'s channel; None if there is none."""
    return await _load_latest(
        tx,
        _H.c.desk_platform == key.platform,
        _H.c.desk_channel == key.channel,
        _H.c.ended_at.is_(None),
        _may_be_of(key),
    )


async def get_by_ticket(tx: Transaction, handoff_id: int, key: ThreadKey) -> Handoff | None:
    """Return a handoff by its id if ``key``'s channel is its team's room; else None."""
    return await _load_latest(
        tx,
        _H.c.id == handoff_id,
        _H.c.desk_platform == key.platform,
        _H.c.desk_channel == key.channel,
        _may_be_of(key),
    )


def _may_be_of(key: ThreadKey) -> ColumnElement[bool]:
    """Return the condition that a handoff is not of another bot that shares the desk's room with ours."""
    conversation = select(_C.c.id).where(
        _C.c.id == _H.c.conversation_id, or_(_C.c.platform != key.platform, _C.c.tenant == key.tenant)
    )
    return conversation.exists()


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
    """Store the new state of a handoff, and who brought it about."""
    values: dict[str, Any] = {"state": after, "due_at": due_at, "reminder_count": 0}
    if ends:
        values["ended_at"] = now
    if action in ASSIGNING:
        values |= {"assignee_id": author.id, "assignee_name": author.name[:255]}
    await _update(tx, handoff.id, **values)
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
    """Store one transition with its time and author."""
    await tx.execute(
        insert(_T).values(
            handoff_id=handoff_id,
            action=action,
            state_before=before,
            state_after=after,
            author_id=author.id,
            author_name=author.name[:255],
            at=now,
        )
    )


async def record_customer_message(
    tx: Transaction, handoff: Handoff, address: Address, *, due_at: datetime | None
) -> None:
    """Record a message of the customer, and the address that they are answered at from now on.

    The next reminder stays as it is if the customer was waiting before.
    """
    values: dict[str, Any] = {"customer_waiting": True, "address": address}
    if not handoff.customer_waiting:
        values |= {"due_at": due_at, "reminder_count": 0}
    await _update(tx, handoff.id, **values)


async def record_staff_message(
    tx: Transaction, handoff: Handoff, *, now: datetime, due_at: datetime | None
) -> None:
    """Record a message of the team to the customer."""
    first_reply_at = func.coalesce(_H.c.first_reply_at, now)
    await _update(
        tx, handoff.id, customer_waiting=False, reminder_count=0, due_at=due_at, first_reply_at=first_reply_at
    )


async def set_desk_thread(
    tx: Transaction, handoff_id: int, *, thread: str, ticket: Sequence[MessageRef]
) -> None:
    """Store a handoff's thread in the team's room and the messages of its ticket."""
    await _update(tx, handoff_id, desk_thread=thread, ticket_refs=tuple(ticket))


async def set_desk_room(tx: Transaction, handoff_id: int, room: DeskRoom) -> None:
    """Move a handoff to another room, in which it has no thread yet."""
    await _update(
        tx,
        handoff_id,
        desk_platform=room.platform,
        desk_channel=room.channel,
        desk_thread="",
        ticket_refs=(),
    )


async def save_summary(tx: Transaction, handoff_id: int, summary: str) -> None:
    """Store the summary that the ticket shows."""
    await _update(tx, handoff_id, summary=summary)


async def migrate_channel(tx: Transaction, *, platform: str, old: str, new: str) -> None:
    """Replace a channel's old id in handoffs of that team's room, and in the sources of copies."""
    desk = (_H.c.desk_platform == platform, _H.c.desk_channel == old)
    source = (_O.c.source_platform == platform, _O.c.source_channel == old)
    await tx.execute(update(_H).where(*desk).values(desk_channel=new))
    await tx.execute(update(_O).where(*source).values(source_channel=new))


async def _update(tx: Transaction, handoff_id: int, **values: Any) -> None:
    await tx.execute(update(_H).where(_H.c.id == handoff_id).values(**values))


async def _load_latest(tx: Transaction, *where: ColumnElement[bool]) -> Handoff | None:
    query = select(_H).where(*where).order_by(_H.c.id.desc()).limit(1)
    row = (await tx.execute(query)).one_or_none()
    return None if row is None else build_handoff(row)


def build_handoff(row: Row[*tuple[Any, ...]]) -> Handoff:
    """Return a row that holds every column of the table as a handoff."""
    return Handoff(
        id=row.id,
        conversation_id=row.conversation_id,
        state=row.state,
        reason=row.reason,
        customer=Person(id=row.customer_id, name=row.customer_name),
        language=row.language,
        desk_language=row.desk_language,
        address=row.address,
        desk_room=DeskRoom(platform=row.desk_platform, channel=row.desk_channel),
        desk_thread=row.desk_thread,
        ticket=row.ticket_refs,
        summary=row.summary,
        assignee=Person(id=row.assignee_id, name=row.assignee_name),
        requested_at=row.requested_at,
        first_reply_at=row.first_reply_at,
        ended_at=row.ended_at,
        customer_waiting=row.customer_waiting,
        due_at=row.due_at,
        reminder_count=row.reminder_count,
    )
