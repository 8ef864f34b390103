"""Conversations as an operator reads them: lists with filters, and the messages of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, text, true

from core.domain.addresses import ChatType
from core.domain.bot_messages import FeedbackVerdict
from core.domain.message_content import MessageRole
from core.store import schema
from core.store.conversation_filters import ConversationFilter, conditions
from core.store.conversation_scope import ConversationScope
from core.store.database import Transaction
from core.store.turn_reports import FAILED

_C, _M, _T, _U, _F = schema.conversations, schema.messages, schema.turns, schema.usage, schema.feedback


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
    first_author: str  #: name of the first person who wrote, or the id; "" if the messages were deleted
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
    newest = 0
    if conversation_filter.text:
        newest = (await tx.execute(select(func.coalesce(func.max(_M.c.id), 0)))).scalar_one()
    wanted = conditions(conversation_filter, dialect=tx.dialect.name, newest_message_id=newest)
    latest = select(_T.c.started_at).where(_T.c.conversation_id == _C.c.id).order_by(_T.c.id.desc()).limit(1)
    page = (
        select(_C.c.id, func.coalesce(_scalar(latest), _C.c.created_at).label("last_at"))
        .where(scope.condition(), *wanted)
        .order_by(text("last_at DESC"), _C.c.id.desc())
        .limit(limit)
        .offset(offset)
        .subquery()
    )  # the rest is counted for the conversations of this page only
    written = (_M.c.conversation_id == _C.c.id, _M.c.role == MessageRole.USER)
    author = func.coalesce(func.nullif(_M.c.author_name, ""), _M.c.author_id)
    cost = select(func.coalesce(func.sum(_U.c.cost_usd), 0.0)).where(_U.c.conversation_id == _C.c.id)
    query = (
        select(
            _C.c.id, _C.c.platform, _C.c.channel, _C.c.thread, _C.c.created_at, page.c.last_at,
            _of_turns(func.count()).label("turns"), _of_turns(func.count(), FAILED).label("failed"),
            _scalar(select(func.count()).where(_M.c.conversation_id == _C.c.id)).label("messages"),
            _scalar(select(func.count(_M.c.author_id.distinct())).where(*written)).label("people"),
            _scalar(select(author).where(*written).order_by(_M.c.id).limit(1)).label("first_author"),
            _scalar(select(_M.c.text).where(*written).order_by(_M.c.id).limit(1)).label("first_text"),
            _ratings(FeedbackVerdict.GOOD).label("rated_good"),
            _ratings(FeedbackVerdict.BAD).label("rated_bad"), _scalar(cost).label("cost_usd"),
        )
        .join_from(page, _C, _C.c.id == page.c.id)
        .order_by(page.c.last_at.desc(), _C.c.id.desc())
    )  # fmt: skip
    return [
        ConversationReport(
            **row._asdict() | {"first_text": row.first_text or "", "first_author": row.first_author or ""}
        )
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
