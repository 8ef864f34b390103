"""Deleting what was said: by person, or by age.

What stays of an event is that it was delivered, so that a redelivery is not answered; what stays
of a call is what it cost.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Select, delete, exists, func, select, update

from core.access import Who
from core.domain.events import Quoted, Said, Unparsed
from core.store import budget, chat_members, desk_privacy, files, guard, schema
from core.store.clock import utc_now
from core.store.database import Transaction
from core.store.inbox import Lane, Mark
from core.store.payload import decode, encode

_C, _I, _T, _M = schema.conversations, schema.inbox, schema.turns, schema.messages
_R, _U, _F, _S = schema.message_refs, schema.usage, schema.feedback, schema.summaries

RETENTION_LOCK: Final = 0x6D6F7274  #: the advisory lock of whoever deletes by age
PORTION: Final = 500  #: events that are deleted in one transaction

Unquote: TypeAlias = Callable[[str, Quoted], tuple[str, int]]
"""Takes a quoted message out of the stored words of the one that replies to it; with their tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """How much was deleted."""

    said: int = 0  #: messages of the person
    answers: int = 0
    conversations: int = 0  #: in which they were
    files: int = 0


def _blank(fault: str) -> dict[str, Any]:
    """Return the payload of an event of which nothing is kept."""
    return encode(Unparsed(delivery_id="", platform="", tenant="", raw="", fault=fault))


async def running(tx: Transaction, who: Who) -> list[int]:
    """Return the conversations in which this person is being answered."""
    query = select(_T.c.conversation_id).where(_T.c.id.in_(_turns_of(who)), _T.c.state == "running")
    return list((await tx.execute(query)).scalars())


async def forget_person(
    tx: Transaction, who: Who, *, alias: str, unquote: Unquote | None = None, now: datetime | None = None
) -> Forgotten:
    """Delete what a person said in all conversations of a tenant, and what was answered to them.

    Summaries of those conversations go too; they are made anew of what is left. What the person
    used today stays counted under ``alias``, and before under no name. Orders that are being
    handled stay, among them the one that asks for this. Where others replied to the person's
    words, ``unquote`` takes those out.
    """
    today = budget.day_of(now or utc_now())
    await guard.forget(tx, who)  # first, as the door does: two that lock in one order never wait in a ring
    talks = _talks_of(who)
    mine = set((await tx.execute(talks)).scalars())
    answers = await tx.execute(delete(_M).where(_M.c.id.in_(_answers_to(who))))
    await _drop_refs(tx, who)
    spoke = (_M.c.author_id == who.person_id) & (_M.c.role == "user")
    said = await tx.execute(delete(_M).where(spoke, _M.c.conversation_id.in_(_tenant_talks(who))))
    await tx.execute(delete(_S).where(_S.c.conversation_id.in_(mine)))
    await _drop_personas(tx, mine)
    if unquote is not None:
        await _drop_quotes(tx, who, unquote)
    await _blank_events(tx, who)
    forgotten_files = await files.forget_person(
        tx, platform=who.platform, tenant=who.tenant, author_id=who.person_id
    )
    tenant_turns = select(_T.c.id).where(_T.c.conversation_id.in_(_tenant_talks(who)))
    await tx.execute(delete(_F).where(_F.c.person_id == who.person_id, _F.c.turn_id.in_(tenant_turns)))
    await _rename(tx, who, alias=alias, today=today)
    await desk_privacy.forget(tx, who)
    await chat_members.forget(tx, platform=who.platform, tenant=who.tenant, person_id=who.person_id)
    return Forgotten(
        said=said.rowcount, answers=answers.rowcount, conversations=len(mine), files=forgotten_files
    )


async def purge(tx: Transaction, *, before: datetime, limit: int = PORTION) -> int | None:
    """Delete what is older than ``before``, up to ``limit`` events; return how many were deleted.

    0 says that nothing is left; None that another replica is at it.
    """
    if tx.dialect.name == "postgresql":
        mine = await tx.execute(select(func.pg_try_advisory_xact_lock(RETENTION_LOCK)))
        if not mine.scalar_one():
            return None
    old = (
        select(_I.c.id)
        .where(_I.c.received_at < before, _I.c.state != Mark.OPEN.value)
        .where(~exists().where(_T.c.inbox_id == _I.c.id, _T.c.state != "done"))
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
    await tx.execute(delete(_R).where(_is_shown(_M.c.id.in_(ids))))
    await tx.execute(delete(_M).where(_M.c.id.in_(ids)))
    return len(ids)


async def _purge_rest(tx: Transaction, before: datetime) -> None:
    """Delete what hangs on nothing any more."""
    await files.forget_before(tx, before)
    await desk_privacy.purge(tx, before)
    await tx.execute(delete(_S).where(_S.c.created_at < before))
    await tx.execute(update(_U).where(_U.c.created_at < before, _U.c.person_id != "").values(person_id=""))
    await guard.purge_paces(tx, before)
    await budget.forget_told(tx, before=budget.day_of(utc_now()))
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


def _tenant_talks(who: Who) -> Select[tuple[int]]:
    return select(_C.c.id).where(_C.c.platform == who.platform, _C.c.tenant == who.tenant)


def _turns_of(who: Who) -> Select[tuple[int]]:
    """Select the person's turns, but not those of orders that are being handled."""
    return select(_T.c.id).where(
        _T.c.asker_id == who.person_id,
        _T.c.conversation_id.in_(_tenant_talks(who)),
        ~((_T.c.outcome == "notice") & (_T.c.state != "done")),
        _T.c.state != "notice",
    )


def _talks_of(who: Who) -> Any:
    """Select the conversations in which the person spoke or was answered."""
    spoke = select(_M.c.conversation_id).where(_M.c.author_id == who.person_id, _M.c.role == "user")
    asked = select(_T.c.conversation_id).where(_T.c.id.in_(_turns_of(who)))
    return select(_C.c.id).where(_C.c.id.in_(_tenant_talks(who)), _C.c.id.in_(spoke.union(asked)))


def _answers_to(who: Who) -> Any:
    """Select the answers to the person's questions: by their turns, which an index finds."""
    message = _M.alias()
    same = (message.c.conversation_id == _T.c.conversation_id) & (message.c.seq == _T.c.seq)
    answers = select(message.c.id).join(_T, same).where(message.c.role == "assistant")
    return answers.where(_T.c.id.in_(_turns_of(who)))


def _is_shown(which: ColumnElement[bool]) -> ColumnElement[bool]:
    """Tell a reference to a message on a screen that is one of these messages of people."""
    talks = select(_M.c.conversation_id).where(which)  # what the index is for
    return _R.c.conversation_id.in_(talks) & exists(
        select(_M.c.id)
        .where(which, _M.c.conversation_id == _R.c.conversation_id, _M.c.message_id == _R.c.message_id)
        .correlate(_R)
    )


async def _drop_refs(tx: Transaction, who: Who) -> None:
    await tx.execute(delete(_R).where(_R.c.turn_id.in_(_turns_of(who))))
    mine = _is_shown((_M.c.author_id == who.person_id) & (_M.c.role == "user"))
    await tx.execute(delete(_R).where(_R.c.platform == who.platform, _R.c.tenant == who.tenant, mine))


async def _drop_personas(tx: Transaction, talks: set[int]) -> None:
    """Delete personas in people's own words where nobody else could have written them."""
    choices = schema.choices
    direct = select(_C.c.id).where(_C.c.id.in_(talks), _C.c.scene == "direct")
    await tx.execute(
        delete(choices).where(choices.c.name == "persona", choices.c.conversation_id.in_(direct))
    )


async def _drop_quotes(tx: Transaction, who: Who, unquote: Unquote) -> None:
    """Take the person's words out of messages of others that reply to them."""
    quoting = select(_I.c.id, _I.c.conversation_id, _I.c.payload).where(
        _I.c.platform == who.platform,
        _I.c.tenant == who.tenant,
        _I.c.payload["quoted"]["author_id"].as_string() == who.person_id,
    )
    for inbox_id, conversation_id, payload in (await tx.execute(quoting)).all():
        event = decode(payload)
        if not isinstance(event, Said) or event.quoted is None:
            continue
        told = (_M.c.conversation_id == conversation_id) & (_M.c.seq == inbox_id) & (_M.c.role == "user")
        for message_id, text in (await tx.execute(select(_M.c.id, _M.c.text).where(told))).all():
            words, tokens = unquote(text, event.quoted)
            await tx.execute(update(_M).where(_M.c.id == message_id).values(text=words, tokens=tokens))
        bare = replace(event, quoted=Quoted(message_id=event.quoted.message_id))
        await tx.execute(update(_I).where(_I.c.id == inbox_id).values(payload=encode(bare)))
        await tx.execute(delete(_S).where(_S.c.conversation_id == conversation_id))


async def _blank_events(tx: Transaction, who: Who) -> None:
    """Take the words out of the person's events, and back what still waits of them."""
    mine = (
        (_I.c.platform == who.platform)
        & (_I.c.tenant == who.tenant)
        & (_I.c.payload["author"]["id"].as_string() == who.person_id)
        & ~((_I.c.state == Mark.OPEN.value) & (_I.c.lane == Lane.ORDERS.value))
    )
    waiting = mine & (_I.c.state == Mark.OPEN.value)
    await tx.execute(update(_I).where(waiting).values(state=Mark.DROPPED.value, done_at=utc_now()))
    await tx.execute(update(_I).where(mine).values(payload=_blank("forgotten"), album=""))


async def _rename(tx: Transaction, who: Who, *, alias: str, today: datetime) -> None:
    """Take words and name out of the person's turns, and the name off what they used."""
    mine = _T.c.id.in_(_turns_of(who))
    blank: dict[str, Any] = {"partial": "", "reasoning": "", "refs": []}
    await tx.execute(update(_T).where(mine, _T.c.started_at < today).values(asker_id="", **blank))
    await tx.execute(update(_T).where(mine).values(asker_id=alias, **blank))
    used = (_U.c.person_id == who.person_id) & _U.c.conversation_id.in_(_tenant_talks(who))
    await tx.execute(update(_U).where(used, _U.c.created_at < today).values(person_id=""))
    await tx.execute(update(_U).where(used).values(person_id=alias))
