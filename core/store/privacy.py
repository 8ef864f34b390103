"""Deleting what was said: by person, or by age.

What stays of an event is that it was delivered, so that a redelivery is not answered; what stays
of a call is what it cost.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Select, delete, exists, func, select, update

from core.access import Actor
from core.domain.events import MessageReceived, UnparsedEvent
from core.domain.message_content import ReplyContext
from core.domain.turn_states import Outcome, TurnState
from core.store import budget, chat_members, desk_privacy, files, guard, schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.inbox import EventStatus, Lane
from core.store.payload import decode, encode

_C, _I, _T, _M = schema.conversations, schema.inbox, schema.turns, schema.messages
_R, _U, _F, _S = schema.message_refs, schema.usage, schema.feedback, schema.summaries

RETENTION_LOCK: Final = 0x6D6F7274  #: the advisory lock of whoever deletes by age
BATCH_SIZE: Final = 500  #: events that are deleted in one transaction

StripQuote: TypeAlias = Callable[[str, ReplyContext], tuple[str, int]]
"""Takes a quoted message out of the stored words of the one that replies to it; with their tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetResult:
    """How much was deleted."""

    messages: int = 0  #: messages of the person
    answers: int = 0
    conversations: int = 0  #: in which they were
    files: int = 0


def _blank_payload(fault: str) -> dict[str, Any]:
    """Return the payload of an event of which nothing is kept."""
    return encode(UnparsedEvent(delivery_id="", platform="", tenant="", raw="", error=fault))


async def answering_conversation_ids(tx: Transaction, actor: Actor) -> list[int]:
    """Return the conversations in which this person is being answered."""
    query = select(_T.c.conversation_id).where(
        _T.c.id.in_(_turns_of(actor)), _T.c.state == TurnState.RUNNING.value
    )
    return list((await tx.execute(query)).scalars())


async def forget_person(
    tx: Transaction,
    actor: Actor,
    *,
    alias: str,
    strip_quote: StripQuote | None = None,
    now: datetime | None = None,
) -> ForgetResult:
    """Delete what a person said in all conversations of a tenant, and what was answered to them.

    Summaries of those conversations go too; they are made anew of what is left. What the person
    used today stays counted under ``alias``, and before under no name. Orders that are being
    handled stay, among them the one that asks for this. Where others replied to the person's
    words, ``unquote`` takes those out.
    """
    today = budget.utc_day_start(now or utc_now())
    await guard.forget_person(
        tx, actor
    )  # first, as the door does: two that lock in one order never wait in a ring
    talks = _conversations_of(actor)
    mine = set((await tx.execute(talks)).scalars())
    answers = await tx.execute(delete(_M).where(_M.c.id.in_(_answers_to(actor))))
    await _remove_refs(tx, actor)
    spoke = (_M.c.author_id == actor.person_id) & (_M.c.role == "user")
    said = await tx.execute(delete(_M).where(spoke, _M.c.conversation_id.in_(_tenant_conversations(actor))))
    await tx.execute(delete(_S).where(_S.c.conversation_id.in_(mine)))
    await _remove_personas(tx, mine)
    if strip_quote is not None:
        await _remove_quotes(tx, actor, strip_quote)
    await _blank_events(tx, actor)
    forgotten_files = await files.forget_person(
        tx, platform=actor.platform, tenant=actor.tenant, author_id=actor.person_id
    )
    tenant_turns = select(_T.c.id).where(_T.c.conversation_id.in_(_tenant_conversations(actor)))
    await tx.execute(delete(_F).where(_F.c.person_id == actor.person_id, _F.c.turn_id.in_(tenant_turns)))
    await _pseudonymize_usage(tx, actor, alias=alias, today=today)
    await desk_privacy.forget_person(tx, actor)
    await chat_members.forget_person(
        tx, platform=actor.platform, tenant=actor.tenant, person_id=actor.person_id
    )
    return ForgetResult(
        messages=said.rowcount, answers=answers.rowcount, conversations=len(mine), files=forgotten_files
    )


async def purge(tx: Transaction, *, before: datetime, limit: int = BATCH_SIZE) -> int | None:
    """Delete what is older than ``before``, up to ``limit`` events; return how many were deleted.

    0 says that nothing is left; None that another replica is at it.
    """
    if tx.dialect.name == "postgresql":
        mine = await tx.execute(select(func.pg_try_advisory_xact_lock(RETENTION_LOCK)))
        if not mine.scalar_one():
            return None
    old = (
        select(_I.c.id)
        .where(_I.c.received_at < before, _I.c.state != EventStatus.OPEN.value)
        .where(~exists().where(_T.c.inbox_id == _I.c.id, _T.c.state != TurnState.DONE.value))
        .order_by(_I.c.received_at)
        .limit(limit)
    )
    ids = list((await tx.execute(old)).scalars())
    gone = select(_T.c.id).where(_T.c.inbox_id.in_(ids))
    await tx.execute(delete(_R).where(_R.c.turn_id.in_(gone)))
    await tx.execute(delete(_I).where(_I.c.id.in_(ids)))  # turns and their answers go with it
    messages = await _purge_messages(tx, before, limit)
    if ids or messages:
        return len(ids) + messages
    await _purge_rest(tx, before)
    return 0


async def _purge_messages(tx: Transaction, before: datetime, limit: int) -> int:
    """Delete old messages, which may have come without an event of ours (read from a thread)."""
    old = select(_M.c.id).where(_M.c.created_at < before).order_by(_M.c.created_at).limit(limit)
    ids = list((await tx.execute(old)).scalars())
    await tx.execute(delete(_R).where(_refers_to_message(_M.c.id.in_(ids))))
    await tx.execute(delete(_M).where(_M.c.id.in_(ids)))
    return len(ids)


async def _purge_rest(tx: Transaction, before: datetime) -> None:
    """Delete what hangs on nothing any more."""
    await files.remove_before(tx, before)
    await desk_privacy.delete_ended(tx, before)
    await tx.execute(delete(_S).where(_S.c.created_at < before))
    await tx.execute(update(_U).where(_U.c.created_at < before, _U.c.person_id != "").values(person_id=""))
    await guard.delete_flood_counters(tx, before)
    await budget.delete_notices(tx, before=budget.utc_day_start(utc_now()))
    empty = (
        ~exists().where(_M.c.conversation_id == _C.c.id)
        & ~exists().where(_I.c.conversation_id == _C.c.id)
        & (_C.c.created_at < before)
    )
    bare = select(_C.c.id).where(empty)
    await tx.execute(delete(_R).where(_R.c.conversation_id.in_(bare)))
    await tx.execute(delete(_S).where(_S.c.conversation_id.in_(bare)))
    choices = schema.choices
    await tx.execute(delete(choices).where(choices.c.conversation_id.in_(bare)))
    # What its calls cost needs the conversation's row, and nothing else does.
    await tx.execute(delete(_C).where(empty, ~exists().where(_U.c.conversation_id == _C.c.id)))


def _tenant_conversations(actor: Actor) -> Select[tuple[int]]:
    return select(_C.c.id).where(_C.c.platform == actor.platform, _C.c.tenant == actor.tenant)


def _turns_of(actor: Actor) -> Select[tuple[int]]:
    """Select the person's turns, but not those of orders that are being handled."""
    return select(_T.c.id).where(
        _T.c.asker_id == actor.person_id,
        _T.c.conversation_id.in_(_tenant_conversations(actor)),
        ~((_T.c.outcome == Outcome.NOTICE.value) & (_T.c.state != TurnState.DONE.value)),
        _T.c.state != TurnState.NOTICE.value,
    )


def _conversations_of(actor: Actor) -> Any:
    """Select the conversations in which the person spoke or was answered."""
    spoke = select(_M.c.conversation_id).where(_M.c.author_id == actor.person_id, _M.c.role == "user")
    asked = select(_T.c.conversation_id).where(_T.c.id.in_(_turns_of(actor)))
    return select(_C.c.id).where(_C.c.id.in_(_tenant_conversations(actor)), _C.c.id.in_(spoke.union(asked)))


def _answers_to(actor: Actor) -> Any:
    """Select the answers to the person's questions: by their turns, which an index finds."""
    message = _M.alias()
    same = (message.c.conversation_id == _T.c.conversation_id) & (message.c.seq == _T.c.seq)
    answers = select(message.c.id).join(_T, same).where(message.c.role == "assistant")
    return answers.where(_T.c.id.in_(_turns_of(actor)))


def _refers_to_message(which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Tell a reference to a message on a screen that is one of these messages of people."""
    talks = select(_M.c.conversation_id).where(which)  # what the index is for
    return _R.c.conversation_id.in_(talks) & exists(
        select(_M.c.id)
        .where(which, _M.c.conversation_id == _R.c.conversation_id, _M.c.message_id == _R.c.message_id)
        .correlate(_R)
    )


async def _remove_refs(tx: Transaction, actor: Actor) -> None:
    await tx.execute(delete(_R).where(_R.c.turn_id.in_(_turns_of(actor))))
    mine = _refers_to_message((_M.c.author_id == actor.person_id) & (_M.c.role == "user"))
    await tx.execute(delete(_R).where(_R.c.platform == actor.platform, _R.c.tenant == actor.tenant, mine))


async def _remove_personas(tx: Transaction, conversation_ids: set[int]) -> None:
    """Delete personas in people's own words where nobody else could have written them."""
    choices = schema.choices
    direct = select(_C.c.id).where(_C.c.id.in_(conversation_ids), _C.c.scene == "direct")
    await tx.execute(
        delete(choices).where(choices.c.name == "persona", choices.c.conversation_id.in_(direct))
    )


async def _remove_quotes(tx: Transaction, actor: Actor, strip_quote: StripQuote) -> None:
    """Take the person's words out of messages of others that reply to them."""
    quoting = select(_I.c.id, _I.c.conversation_id, _I.c.payload).where(
        _I.c.platform == actor.platform,
        _I.c.tenant == actor.tenant,
        _I.c.payload["quoted"]["author_id"].as_string() == actor.person_id,
    )
    for inbox_id, conversation_id, payload in (await tx.execute(quoting)).all():
        event = decode(payload)
        if not isinstance(event, MessageReceived) or event.quoted is None:
            continue
        told = (_M.c.conversation_id == conversation_id) & (_M.c.seq == inbox_id) & (_M.c.role == "user")
        for message_id, text in (await tx.execute(select(_M.c.id, _M.c.text).where(told))).all():
            words, tokens = strip_quote(text, event.quoted)
            await tx.execute(update(_M).where(_M.c.id == message_id).values(text=words, tokens=tokens))
        bare = replace(event, quoted=ReplyContext(message_id=event.quoted.message_id))
        await tx.execute(update(_I).where(_I.c.id == inbox_id).values(payload=encode(bare)))
        await tx.execute(delete(_S).where(_S.c.conversation_id == conversation_id))


async def _blank_events(tx: Transaction, actor: Actor) -> None:
    """Take the words out of the person's events, and back what still waits of them."""
    mine = (
        (_I.c.platform == actor.platform)
        & (_I.c.tenant == actor.tenant)
        & (_I.c.payload["author"]["id"].as_string() == actor.person_id)
        & ~((_I.c.state == EventStatus.OPEN.value) & (_I.c.lane == Lane.COMMANDS.value))
    )
    waiting = mine & (_I.c.state == EventStatus.OPEN.value)
    await tx.execute(update(_I).where(waiting).values(state=EventStatus.DROPPED.value, done_at=utc_now()))
    await tx.execute(update(_I).where(mine).values(payload=_blank_payload("forgotten"), album=""))


async def _pseudonymize_usage(tx: Transaction, actor: Actor, *, alias: str, today: datetime) -> None:
    """Take words and name out of the person's turns, and the name off what they used."""
    mine = _T.c.id.in_(_turns_of(actor))
    blank: dict[str, Any] = {"partial": "", "reasoning": "", "refs": []}
    await tx.execute(update(_T).where(mine, _T.c.started_at < today).values(asker_id="", **blank))
    await tx.execute(update(_T).where(mine).values(asker_id=alias, **blank))
    used = (_U.c.person_id == actor.person_id) & _U.c.conversation_id.in_(_tenant_conversations(actor))
    await tx.execute(update(_U).where(used, _U.c.created_at < today).values(person_id=""))
    await tx.execute(update(_U).where(used).values(person_id=alias))
