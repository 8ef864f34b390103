"""Deletes what people said: by person, or by age.

An event's delivery id stays, so that a redelivery is not answered; the cost of a request stays under
no name.
"""

import zlib
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, delete, exists, func, select, update

from core.access import Actor
from core.domain.addresses import ChatType
from core.domain.events import UnparsedEvent
from core.domain.message_content import MessageRole, ReplyContext
from core.domain.queue import EventStatus, Lane
from core.domain.turn_states import Outcome, TurnState
from core.store import (
    blocked_people,
    chat_members,
    conversation_settings,
    files,
    flood_counters,
    handoff_privacy,
    person_settings,
    quotas,
    remembered,
    schema,
)
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.event_codec import encode
from core.store.tenancy import is_in_conversation_of, is_of_tenants

_C, _I, _T, _M = schema.conversations, schema.inbox, schema.turns, schema.messages
_P, _U, _F, _S = schema.platform_messages, schema.usage, schema.feedback, schema.summaries
_X = schema.conversation_settings

RETENTION_LOCK: Final = 0x6D6F7274  #: PostgreSQL's advisory lock of the replica that deletes by age
BATCH_SIZE: Final = 500  #: events that are deleted in one transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetResult:
    """Numbers of deleted rows."""

    messages: int = 0  #: messages of the person
    answers: int = 0
    conversations: int = 0  #: that the person took part in
    files: int = 0
    remembered: int = 0  #: messages that were kept for digests


async def answering_conversation_ids(tx: Transaction, actor: Actor) -> list[int]:
    """Return the conversations in which an answer to this person is being written."""
    query = select(_T.c.conversation_id).where(_T.c.id.in_(_turns_of(actor)), _T.c.state == TurnState.RUNNING)
    return list((await tx.execute(query)).scalars())


async def forget_person(
    tx: Transaction, actor: Actor, *, alias: str, now: datetime | None = None
) -> ForgetResult:
    """Delete a person's messages in all conversations of a tenant, and the answers to them.

    Summaries of those conversations go too; they are made again from what is left. Messages of others
    lose the words of the person that they reply to. The person's usage of today stays counted under
    ``alias``, older usage under no name. Commands in progress stay, among them the one that asks for this.
    """
    today = quotas.utc_day_start(now or utc_now())
    # Incoming events lock these rows first too: two transactions that lock in one order cannot deadlock.
    await flood_counters.forget_person(tx, actor)
    await blocked_people.forget_name(tx, actor)
    await person_settings.forget_person(tx, actor)
    conversation_ids = set((await tx.execute(_conversations_of(actor))).scalars())
    answers = await tx.execute(delete(_M).where(_M.c.id.in_(_answers_to(actor))))
    await _delete_references(tx, actor)
    kept = await remembered.forget_person(tx, actor)
    written = await tx.execute(
        delete(_M).where(_written_by(actor), _M.c.conversation_id.in_(_tenant_conversations(actor)))
    )
    await tx.execute(delete(_S).where(_S.c.conversation_id.in_(conversation_ids)))
    await _delete_personas(tx, conversation_ids)
    await _blank_replies(tx, actor)
    await _blank_events(tx, actor)
    forgotten_files = await files.forget_person(
        tx, platform=actor.platform, tenant=actor.tenant, author_id=actor.person_id
    )
    tenant_turns = select(_T.c.id).where(_T.c.conversation_id.in_(_tenant_conversations(actor)))
    await tx.execute(delete(_F).where(_F.c.person_id == actor.person_id, _F.c.turn_id.in_(tenant_turns)))
    await _pseudonymize_usage(tx, actor, alias=alias, today=today)
    await handoff_privacy.forget_person(tx, actor)
    await chat_members.forget_person(
        tx, platform=actor.platform, tenant=actor.tenant, person_id=actor.person_id
    )
    return ForgetResult(
        messages=written.rowcount,
        answers=answers.rowcount,
        conversations=len(conversation_ids),
        files=forgotten_files,
        remembered=kept,
    )


async def purge(
    tx: Transaction, *, before: datetime, tenants: Collection[tuple[str, str]], limit: int = BATCH_SIZE
) -> int | None:
    """Delete up to ``limit`` events and as many messages from before a moment; return their number.

    0 if nothing is left; None if another replica is deleting. Only rows of ``tenants``, which are
    (platform, tenant) pairs, are deleted: another bot on the same database may keep its own for longer.
    """
    if tx.dialect.name == "postgresql":
        whose = zlib.crc32(repr(sorted(tenants)).encode()) >> 1
        locked = await tx.execute(select(func.pg_try_advisory_xact_lock(RETENTION_LOCK, whose)))
        if not locked.scalar_one():
            return None
    unfinished = exists().where(_T.c.inbox_id == _I.c.id, _T.c.state != TurnState.DONE)
    old = (
        select(_I.c.id)
        .where(_I.c.received_at < before, _I.c.status != EventStatus.OPEN, ~unfinished)
        .where(is_of_tenants(_I.c.platform, _I.c.tenant, tenants))
        .order_by(_I.c.received_at)
        .limit(limit)
    )
    ids = list((await tx.execute(old)).scalars())
    turn_ids = select(_T.c.id).where(_T.c.inbox_id.in_(ids))
    await tx.execute(delete(_P).where(_P.c.turn_id.in_(turn_ids)))
    await tx.execute(delete(_I).where(_I.c.id.in_(ids)))  # with their turns and answers
    messages = await _purge_messages(tx, before, tenants, limit)
    if ids or messages:
        return len(ids) + messages
    await _purge_rest(tx, before, tenants)
    await flood_counters.delete_before(tx, before, tenants=tenants)
    await quotas.delete_notices(tx, before=quotas.utc_day_start(utc_now()))
    return 0


async def _purge_messages(
    tx: Transaction, before: datetime, tenants: Collection[tuple[str, str]], limit: int
) -> int:
    """Delete old messages; those read from a thread's past have no event."""
    old = (
        select(_M.c.id)
        .where(_M.c.created_at < before, is_in_conversation_of(_M.c.conversation_id, tenants))
        .order_by(_M.c.created_at)
        .limit(limit)
    )
    ids = list((await tx.execute(old)).scalars())
    await tx.execute(delete(_P).where(_refers_to(_M.c.id.in_(ids))))
    await tx.execute(delete(_M).where(_M.c.id.in_(ids)))
    return len(ids)


async def _purge_rest(tx: Transaction, before: datetime, tenants: Collection[tuple[str, str]]) -> None:
    """Delete old rows that no event or message refers to."""
    await files.remove_before(tx, before, tenants)
    await remembered.purge(tx, before, tenants)
    await handoff_privacy.delete_ended(tx, before, tenants)
    await tx.execute(
        delete(_S).where(_S.c.created_at < before, is_in_conversation_of(_S.c.conversation_id, tenants))
    )
    old_usage = update(_U).where(_U.c.created_at < before, _U.c.person_id != "")
    await tx.execute(
        old_usage.where(is_in_conversation_of(_U.c.conversation_id, tenants)).values(person_id="")
    )
    is_empty = (
        ~exists().where(_M.c.conversation_id == _C.c.id)
        & ~exists().where(_I.c.conversation_id == _C.c.id)
        & (_C.c.created_at < before)
        & is_of_tenants(_C.c.platform, _C.c.tenant, tenants)
    )
    empty = select(_C.c.id).where(is_empty)
    for table in (_P, _S, _X):
        await tx.execute(delete(table).where(table.c.conversation_id.in_(empty)))
    # The cost of a request refers to its conversation.
    await tx.execute(delete(_C).where(is_empty, ~exists().where(_U.c.conversation_id == _C.c.id)))


def _tenant_conversations(actor: Actor) -> Select[tuple[int]]:
    return select(_C.c.id).where(_C.c.platform == actor.platform, _C.c.tenant == actor.tenant)


def _written_by(actor: Actor) -> ColumnElement[bool]:
    return and_(_M.c.author_id == actor.person_id, _M.c.role == MessageRole.USER)


def _turns_of(actor: Actor) -> Select[tuple[int]]:
    """Select the person's turns, without those of commands in progress."""
    in_progress = _T.c.outcome.is_not_distinct_from(Outcome.NOTICE) & (_T.c.state != TurnState.DONE)
    return select(_T.c.id).where(
        _T.c.asker_id == actor.person_id,
        _T.c.conversation_id.in_(_tenant_conversations(actor)),
        ~in_progress,
        _T.c.state != TurnState.NOTICE,
    )


def _conversations_of(actor: Actor) -> Any:
    """Select the conversations in which the person wrote or was answered."""
    wrote = select(_M.c.conversation_id).where(_written_by(actor))
    asked = select(_T.c.conversation_id).where(_T.c.id.in_(_turns_of(actor)))
    return select(_C.c.id).where(_C.c.id.in_(_tenant_conversations(actor)), _C.c.id.in_(wrote.union(asked)))


def _answers_to(actor: Actor) -> Any:
    """Select the answers to the person's questions by their turns, for which there is an index."""
    message = _M.alias()
    same = (message.c.conversation_id == _T.c.conversation_id) & (message.c.seq == _T.c.seq)
    answers = select(message.c.id).join(_T, same).where(message.c.role == MessageRole.ASSISTANT)
    return answers.where(_T.c.id.in_(_turns_of(actor)))


def _refers_to(messages: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition for a reference to one of these messages of people."""
    conversations = select(_M.c.conversation_id).where(messages)  # for the index
    return _P.c.conversation_id.in_(conversations) & exists(
        select(_M.c.id)
        .where(messages, _M.c.conversation_id == _P.c.conversation_id, _M.c.message_id == _P.c.message_id)
        .correlate(_P)
    )


async def _delete_references(tx: Transaction, actor: Actor) -> None:
    await tx.execute(delete(_P).where(_P.c.turn_id.in_(_turns_of(actor))))
    in_tenant = (_P.c.platform == actor.platform) & (_P.c.tenant == actor.tenant)
    await tx.execute(delete(_P).where(in_tenant, _refers_to(_written_by(actor))))


async def _delete_personas(tx: Transaction, conversation_ids: set[int]) -> None:
    """Delete the personas of direct conversations, which only the person can have written."""
    direct = select(_C.c.id).where(_C.c.id.in_(conversation_ids), _C.c.chat_type == ChatType.DIRECT)
    is_persona = _X.c.name == conversation_settings.PERSONA
    await tx.execute(delete(_X).where(is_persona, _X.c.conversation_id.in_(direct)))


async def _blank_replies(tx: Transaction, actor: Actor) -> None:
    """Delete the person's words from messages and events of others that reply to them."""
    by_person = _M.c.reply["value"]["author_id"].as_string() == actor.person_id
    quoting = select(_M.c.id, _M.c.conversation_id, _M.c.reply).where(
        _M.c.conversation_id.in_(_tenant_conversations(actor)), by_person
    )
    for message_id, conversation_id, reply in (await tx.execute(quoting)).all():
        blank = ReplyContext(message_id=reply.message_id)
        await tx.execute(update(_M).where(_M.c.id == message_id).values(reply=blank))
        await tx.execute(delete(_S).where(_S.c.conversation_id == conversation_id))
    events = select(_I.c.id, _I.c.event).where(
        _I.c.platform == actor.platform,
        _I.c.tenant == actor.tenant,
        _I.c.event["quoted"]["author_id"].as_string() == actor.person_id,
    )
    for inbox_id, event in (await tx.execute(events)).all():
        quoted = {"message_id": event["quoted"]["message_id"]}
        await tx.execute(update(_I).where(_I.c.id == inbox_id).values(event=event | {"quoted": quoted}))


async def _blank_events(tx: Transaction, actor: Actor) -> None:
    """Delete the content of the person's events, and drop those that are still open."""
    is_open = _I.c.status == EventStatus.OPEN
    theirs = (
        (_I.c.platform == actor.platform)
        & (_I.c.tenant == actor.tenant)
        & (_I.c.event["author"]["id"].as_string() == actor.person_id)
        & ~(is_open & (_I.c.lane == Lane.COMMANDS))
    )
    await tx.execute(
        update(_I).where(theirs, is_open).values(status=EventStatus.DROPPED, closed_at=utc_now())
    )
    blank = encode(UnparsedEvent(delivery_id="", platform="", tenant="", raw="", error="forgotten"))
    await tx.execute(update(_I).where(theirs).values(event=blank, media_group_id=""))


async def _pseudonymize_usage(tx: Transaction, actor: Actor, *, alias: str, today: datetime) -> None:
    """Delete text and name from the person's turns, and replace the name in their usage."""
    theirs = _T.c.id.in_(_turns_of(actor))
    blank: dict[str, Any] = {
        "partial_text": "",
        "partial_reasoning": "",
        "options": None,
        "approval": None,
        "refs": (),
    }
    await tx.execute(update(_T).where(theirs, _T.c.started_at < today).values(asker_id="", **blank))
    await tx.execute(update(_T).where(theirs).values(asker_id=alias, **blank))
    used = (_U.c.person_id == actor.person_id) & _U.c.conversation_id.in_(_tenant_conversations(actor))
    await tx.execute(update(_U).where(used, _U.c.created_at < today).values(person_id=""))
    await tx.execute(update(_U).where(used).values(person_id=alias))
