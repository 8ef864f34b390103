"""Conversations as an operator reads them: lists with filters, and the messages of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, assert_never

from sqlalchemy import ColumnElement, Select, String, func, not_, or_, select, true, type_coerce

from core.domain.addresses import ChatType
from core.domain.bot_messages import FeedbackVerdict
from core.domain.handoff_state import HandoffState
from core.domain.message_content import MessageRole
from core.domain.turn_states import FAILURE_PREFIX, TurnState
from core.store import schema
from core.store.conversation_scope import ConversationScope
from core.store.database import Transaction
from core.store.turn_reports import FAILED

_C, _M, _T, _U, _F = schema.conversations, schema.messages, schema.turns, schema.usage, schema.feedback
_H, _P = schema.handoffs, schema.turn_passages


ANY_FAILURE: Final = FAILURE_PREFIX.rstrip(":")
"""Outcome of a filter that stands for every error of Kimi's."""


class ConversationState(StrEnum):
    """Who has a conversation now."""

    ANSWERING = "answering"  #: the bot, which writes an answer
    WAITING = "waiting"  #: the desk, where nobody has taken it yet
    STAFF = "staff"  #: a person of the team
    BOT = "bot"  #: the bot, which waits for a question


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFilter:
    """Selects conversations; an empty field selects all."""

    platform: str = ""
    channel: str = ""
    person_id: str = ""  #: asked or wrote in it
    text: str = ""  #: occurs in a message, whatever its case
    failed: bool = False  #: has a question that got no answer
    rated_bad: bool = False  #: has an answer that somebody rated bad
    used_knowledge: bool = False  #: has an answer whose prompt showed passages
    state: ConversationState | None = None
    outcome: str = ""  #: has a turn that ended so; "failed" stands for every error of Kimi's
    since: datetime | None = None  #: has a turn that started since
    until: datetime | None = None  #: has a turn that started before; with ``since``, the same turn


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationReport:
    """One conversation in a list."""

    id: int
    platform: str
    channel: str
    thread: str  #: "" if the channel is the conversation
    created_at: datetime
    last_at: datetime  #: when the last turn started, or the conversation was created
    turns: int
    messages: int
    people: int  #: how many wrote in it
    first_text: str  #: of its first message of a person; "" if it was deleted
    failed: int  #: turns without an answer
    rated_good: int
    rated_bad: int
    cost_usd: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReport:
    """One message of a conversation."""

    id: int
    turn_id: int | None
    role: MessageRole
    author_id: str
    author_name: str
    text: str
    superseded: bool  #: another answer replaced it
    created_at: datetime


async def list_conversations(
    tx: Transaction,
    conversation_filter: ConversationFilter,
    *,
    scope: ConversationScope,
    limit: int,
    offset: int = 0,
) -> Sequence[ConversationReport]:
    """Return conversations in ``scope``, those with the latest turn first."""
    last = func.coalesce(_of_turns(func.max(_T.c.started_at)), _C.c.created_at)
    first_text = (
        select(_M.c.text)
        .where(_M.c.conversation_id == _C.c.id, _M.c.role == MessageRole.USER)
        .order_by(_M.c.id)
        .limit(1)
    )
    people = select(func.count(_M.c.author_id.distinct())).where(
        _M.c.conversation_id == _C.c.id, _M.c.role == MessageRole.USER
    )
    cost = select(func.coalesce(func.sum(_U.c.cost_usd), 0.0))
    query = (
        select(
            _C.c.id, _C.c.platform, _C.c.channel, _C.c.thread, _C.c.created_at, last.label("last_at"),
            _of_turns(func.count()).label("turns"), _of_turns(func.count(), FAILED).label("failed"),
            _scalar(select(func.count()).where(_M.c.conversation_id == _C.c.id)).label("messages"),
            _scalar(people).label("people"), _scalar(first_text).label("first_text"),
            _ratings(FeedbackVerdict.GOOD).label("rated_good"),
            _ratings(FeedbackVerdict.BAD).label("rated_bad"),
            _scalar(cost.where(_U.c.conversation_id == _C.c.id)).label("cost_usd"),
        )
        .where(scope.condition(), *_conditions(conversation_filter))
        .order_by(last.desc(), _C.c.id.desc())
        .limit(limit)
        .offset(offset)
    )  # fmt: skip
    return [
        ConversationReport(**row._asdict() | {"first_text": row.first_text or ""})
        for row in await tx.execute(query)
    ]


async def list_messages(
    tx: Transaction,
    conversation_id: int,
    *,
    scope: ConversationScope,
    limit: int,
    before_id: int | None = None,
) -> Sequence[MessageReport]:
    """Return the latest messages of a conversation, or those before one of them, in order.

    A conversation outside of ``scope`` has none.
    """
    query = (
        select(
            _M.c.id, _M.c.turn_id, _M.c.role, _M.c.author_id, _M.c.author_name, _M.c.text, _M.c.superseded,
            _M.c.created_at,
        )
        .where(
            _M.c.conversation_id == conversation_id,
            scope.condition_on(_M.c.conversation_id),
            true() if before_id is None else _M.c.id < before_id,
        )
        .order_by(_M.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    rows = (await tx.execute(query)).all()
    return [MessageReport(**row._asdict()) for row in reversed(rows)]


async def list_group_channels(
    tx: Transaction, *, scope: ConversationScope, limit: int = 200
) -> Sequence[tuple[str, str]]:
    """Return platform and channel of the groups with conversations, those with the newest first."""
    query = (
        select(_C.c.platform, _C.c.channel)
        .where(scope.condition(), _C.c.chat_type == ChatType.GROUP)
        .group_by(_C.c.platform, _C.c.channel)
        .order_by(func.max(_C.c.id).desc())
        .limit(limit)
    )
    return [(platform, channel) for platform, channel in await tx.execute(query)]


def _conditions(wanted: ConversationFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.platform:
        conditions.append(_C.c.platform == wanted.platform)
    if wanted.channel:
        conditions.append(_C.c.channel == wanted.channel)
    if wanted.person_id:
        asked = select(_T.c.id).where(_T.c.conversation_id == _C.c.id, _T.c.asker_id == wanted.person_id)
        conditions.append(or_(asked.exists(), _has_message(_M.c.author_id == wanted.person_id)))
    if wanted.text:
        conditions.append(_has_message(_M.c.text.icontains(wanted.text, autoescape=True)))
    if wanted.state is not None:
        conditions.append(_is_in(wanted.state))
    return conditions + _turn_conditions(wanted)


def _turn_conditions(wanted: ConversationFilter) -> list[ColumnElement[bool]]:
    """Return the conditions on the conversation's turns."""
    outcome = type_coerce(_T.c.outcome, String)
    is_wanted = (
        outcome.startswith(FAILURE_PREFIX) if wanted.outcome == ANY_FAILURE else outcome == wanted.outcome
    )
    conditions: list[ColumnElement[bool]] = []
    if wanted.failed:
        conditions.append(_has_turn(FAILED))
    if wanted.rated_bad:
        conditions.append(_ratings(FeedbackVerdict.BAD) > 0)
    if wanted.used_knowledge:
        conditions.append(_has_turn(select(_P.c.turn_id).where(_P.c.turn_id == _T.c.id).exists()))
    if wanted.outcome:
        conditions.append(_has_turn(is_wanted))
    if wanted.since is not None or wanted.until is not None:
        since = true() if wanted.since is None else _T.c.started_at >= wanted.since
        until = true() if wanted.until is None else _T.c.started_at < wanted.until
        conditions.append(_has_turn(since & until))
    return conditions


def _is_in(state: ConversationState) -> ColumnElement[bool]:
    answering = _has_turn(_T.c.state == TurnState.RUNNING)
    match state:
        case ConversationState.ANSWERING:
            return answering
        case ConversationState.WAITING:
            return _has_handoff(_H.c.state == HandoffState.WAITING)
        case ConversationState.STAFF:
            return _has_handoff(_H.c.state == HandoffState.STAFF)
        case ConversationState.BOT:
            return not_(answering) & not_(_has_handoff(true()))
        case _:
            assert_never(state)


def _has_handoff(where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return the condition that the conversation has a handoff that is under way."""
    return select(_H.c.id).where(_H.c.conversation_id == _C.c.id, _H.c.ended_at.is_(None), where).exists()


def _has_message(where: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(_M.c.id).where(_M.c.conversation_id == _C.c.id, where).exists()


def _has_turn(where: ColumnElement[bool]) -> ColumnElement[bool]:
    return select(_T.c.id).where(_T.c.conversation_id == _C.c.id, where).exists()


def _of_turns(value: Any, where: ColumnElement[bool] | None = None) -> Any:
    """Return an aggregate over the conversation's turns."""
    query = select(value).select_from(_T).where(_T.c.conversation_id == _C.c.id)
    return _scalar(query if where is None else query.where(where))


def _ratings(verdict: FeedbackVerdict) -> Any:
    """Return how often an answer of the conversation got a verdict."""
    rated = _F.join(_T, _T.c.id == _F.c.turn_id)
    query = select(func.count()).select_from(rated)
    return _scalar(query.where(_T.c.conversation_id == _C.c.id, _F.c.verdict == verdict))


def _scalar(query: Select[Any]) -> Any:
    return query.correlate(_C).scalar_subquery()
