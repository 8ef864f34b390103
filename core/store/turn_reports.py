"""Turns as an operator reads them: question, answer, outcome, times, tokens, cost and ratings.

Every query is for one page of rows, newest first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, String, func, or_, select, true, type_coerce

from core.domain.bot_messages import FeedbackVerdict
from core.domain.message_content import MessageRole
from core.domain.turn_states import FAILURE_PREFIX, Outcome, TurnOutcome, TurnState
from core.store import schema
from core.store.conversation_scope import ConversationScope
from core.store.database import Transaction

_T, _C, _M, _I = schema.turns, schema.conversations, schema.messages, schema.inbox
_U, _F = schema.usage, schema.feedback

FAILED: Final = or_(
    type_coerce(_T.c.outcome, String).startswith(FAILURE_PREFIX),
    _T.c.outcome.in_((Outcome.UNDELIVERED, Outcome.EMPTY, Outcome.FILES_UNREADABLE)),
)
"""Condition of a turn that left its question without an answer through no decision of a person's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFilter:
    """Selects turns; an empty field selects all."""

    conversation_id: int | None = None
    turn_id: int | None = None
    verdict: FeedbackVerdict | None = None  #: at least one person gave it
    failed: bool = False  #: only turns without an answer
    running: bool = False  #: only turns whose answer grows now
    unknown: bool = False  #: only turns for which nothing was known, or whose answer was rated bad
    since: datetime | None = None  #: by the time at which the turn started


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTotals:
    """Requests to Kimi of one turn, added up."""

    models: tuple[str, ...] = ()
    calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: float | None = None  #: None if no price is known
    time_to_first_token_s: float | None = None  #: of the first request
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnReport:
    """One turn with its question and its answer."""

    id: int
    conversation_id: int
    platform: str
    channel: str
    asker_id: str
    asker_name: str  #: "" if unknown
    question: str  #: "" for a command, or if it was deleted
    answer: str  #: the text so far while it grows
    shown: str  #: the text as the person sees it, with the notes and sources below
    state: TurnState
    outcome: TurnOutcome | None  #: None while it goes on
    attempt: int
    received_at: datetime  #: when the event was stored
    started_at: datetime
    finished_at: datetime | None
    calls: CallTotals = field(default_factory=CallTotals)
    ratings: Mapping[FeedbackVerdict, int] = field(default_factory=dict)


async def list_turns(
    tx: Transaction,
    turn_filter: TurnFilter,
    *,
    scope: ConversationScope,
    limit: int,
    before_id: int | None = None,
) -> Sequence[TurnReport]:
    """Return turns in ``scope``, newest first; ``before_id`` is the last turn of the page before."""
    question = _first_text((_M.c.conversation_id == _T.c.conversation_id) & (_M.c.seq == _T.c.seq))
    answer = _latest_answer()
    query = (
        select(
            _T.c.id, _T.c.conversation_id, _C.c.platform, _C.c.channel, _T.c.asker_id, _T.c.state,
            _T.c.outcome, _T.c.attempt, _I.c.received_at, _T.c.started_at, _T.c.finished_at,
            _T.c.partial_text, question.label("question"), answer.label("answer"),
            _asker_name().label("asker_name"),
        )
        .select_from(_T.join(_C, _C.c.id == _T.c.conversation_id).join(_I, _I.c.id == _T.c.inbox_id))
        .where(
            scope.condition(), *_conditions(turn_filter), true() if before_id is None else _T.c.id < before_id
        )
        .order_by(_T.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    rows = (await tx.execute(query)).mappings().all()
    ids = [row["id"] for row in rows]
    calls, ratings = await _calls_of(tx, ids), await _ratings_of(tx, ids)
    return [
        TurnReport(
            **{name: value for name, value in row.items() if name not in ("partial_text", "answer")}
            | {
                "question": row["question"] or "",
                "answer": row["answer"] or row["partial_text"],
                "shown": row["partial_text"],
                "asker_name": row["asker_name"] or "",
            },
            calls=calls.get(row["id"], CallTotals()),
            ratings=ratings.get(row["id"], {}),
        )
        for row in rows
    ]


def _conditions(turn_filter: TurnFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if turn_filter.conversation_id is not None:
        conditions.append(_T.c.conversation_id == turn_filter.conversation_id)
    if turn_filter.turn_id is not None:
        conditions.append(_T.c.id == turn_filter.turn_id)
    if turn_filter.verdict is not None:
        conditions.append(_has_verdict(turn_filter.verdict))
    if turn_filter.failed:
        conditions.append(FAILED)
    if turn_filter.running:
        conditions.append(_T.c.state == TurnState.RUNNING)
    if turn_filter.unknown:
        conditions.append(or_(_T.c.outcome == Outcome.NO_KNOWLEDGE, _has_verdict(FeedbackVerdict.BAD)))
    if turn_filter.since is not None:
        conditions.append(_T.c.started_at >= turn_filter.since)
    return conditions


def _has_verdict(verdict: FeedbackVerdict) -> ColumnElement[bool]:
    return select(_F.c.turn_id).where(_F.c.turn_id == _T.c.id, _F.c.verdict == verdict).exists()


def _first_text(where: ColumnElement[bool]) -> Any:
    """Return the subquery of the first text that a person wrote."""
    query = select(_M.c.text).where(where, _M.c.role == MessageRole.USER).order_by(_M.c.id)
    return query.limit(1).correlate(_T).scalar_subquery()


def _latest_answer() -> Any:
    query = select(_M.c.text).where(_M.c.turn_id == _T.c.id, _M.c.role == MessageRole.ASSISTANT)
    return query.order_by(_M.c.id.desc()).limit(1).correlate(_T).scalar_subquery()


def _asker_name() -> Any:
    same = (_M.c.conversation_id == _T.c.conversation_id) & (_M.c.author_id == _T.c.asker_id)
    query = select(_M.c.author_name).where(same, _T.c.asker_id != "").order_by(_M.c.id.desc())
    return query.limit(1).correlate(_T).scalar_subquery()


async def _calls_of(tx: Transaction, turn_ids: Sequence[int]) -> Mapping[int, CallTotals]:
    """Return the added-up requests of each turn that has any."""
    query = select(_U).where(_U.c.turn_id.in_(turn_ids)).order_by(_U.c.id)
    totals: dict[int, CallTotals] = {}
    for row in (await tx.execute(query)).mappings():
        before = totals.get(row["turn_id"], CallTotals())
        models = before.models if row["model"] in before.models else (*before.models, row["model"])
        cost, first = before.cost_usd, before.time_to_first_token_s
        totals[row["turn_id"]] = CallTotals(
            models=models,
            calls=before.calls + 1,
            prompt_tokens=before.prompt_tokens + row["prompt_tokens"],
            cached_tokens=before.cached_tokens + row["cached_tokens"],
            completion_tokens=before.completion_tokens + row["completion_tokens"],
            cost_usd=cost if row["cost_usd"] is None else (cost or 0.0) + row["cost_usd"],
            time_to_first_token_s=row["time_to_first_token_s"] if first is None else first,
            duration_s=before.duration_s + row["duration_s"],
        )
    return totals


async def _ratings_of(
    tx: Transaction, turn_ids: Sequence[int]
) -> Mapping[int, Mapping[FeedbackVerdict, int]]:
    """Return how many people gave which verdict, by turn."""
    query = (
        select(_F.c.turn_id, _F.c.verdict, func.count().label("number"))
        .where(_F.c.turn_id.in_(turn_ids))
        .group_by(_F.c.turn_id, _F.c.verdict)
    )
    counts: dict[int, dict[FeedbackVerdict, int]] = {}
    for row in await tx.execute(query):
        counts.setdefault(row.turn_id, {})[row.verdict] = row.number
    return counts
