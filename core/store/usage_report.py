"""Sums over the usage of requests to Kimi: of a person or chat, and in tables for the operator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import ColumnElement, case, func, literal, select, text

from core.access import Actor
from core.domain.turn_states import CallPurpose
from core.store import schema
from core.store.clock import Period, period_text
from core.store.database import Transaction

_C, _U = schema.conversations, schema.usage

GroupBy: TypeAlias = Literal["day", "person", "chat", "model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums over requests to Kimi."""

    name: str = ""  #: the day, person, chat or model that they belong to
    messages: int = 0  #: calls that answered a question
    prompt_tokens: int = 0
    cached_tokens: int = 0  #: among the prompt's
    completion_tokens: int = 0
    reasoning_tokens: int = 0  #: among the completion's
    cost_usd: float = 0.0
    unpriced: int = 0  #: requests whose price is not known
    sound_s: float = 0.0  #: seconds of recordings that were heard

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt_tokens + self.completion_tokens


_SUMS: Final = (
    func.coalesce(func.sum(case((_U.c.purpose == CallPurpose.ANSWER, 1), else_=0)), 0).label("messages"),
    func.coalesce(func.sum(_U.c.prompt_tokens), 0).label("prompt_tokens"),
    func.coalesce(func.sum(_U.c.cached_tokens), 0).label("cached_tokens"),
    func.coalesce(func.sum(_U.c.completion_tokens), 0).label("completion_tokens"),
    func.coalesce(func.sum(_U.c.reasoning_tokens), 0).label("reasoning_tokens"),
    func.coalesce(func.sum(_U.c.cost_usd), 0.0).label("cost_usd"),
    func.coalesce(func.sum(case((_U.c.cost_usd.is_(None), 1), else_=0)), 0).label("unpriced"),
    func.coalesce(func.sum(_U.c.sound_s), 0.0).label("sound_s"),
)


async def person_totals(tx: Transaction, actor: Actor, since: datetime, *, alias: str) -> Totals:
    """Return a person's usage, also that under their ``alias`` (:func:`core.store.privacy.forget_person`)."""
    return await _sum_where(tx, _tenant(actor) & _U.c.person_id.in_((actor.person_id, alias)), since)


async def chat_totals(tx: Transaction, actor: Actor, since: datetime) -> Totals:
    """Return the usage of everybody in a chat."""
    return await _sum_where(tx, _tenant(actor) & (_C.c.channel == actor.channel), since)


async def grouped_totals(tx: Transaction, group_by: GroupBy, *, since: datetime) -> Sequence[Totals]:
    """Return sums over all requests since a moment: days in order, others by cost, the highest first."""
    name = _group_columns(tx)[group_by].label("name")
    query = (
        select(name, *_SUMS)
        .select_from(_U.join(_C, _C.c.id == _U.c.conversation_id))
        .where(_U.c.created_at >= since)
        .group_by(text("1"))  # by position: parameters would make the name another expression
    )
    rows = [_totals(row) for row in (await tx.execute(query)).mappings()]
    if group_by == "day":
        return sorted(rows, key=lambda row: row.name)
    return sorted(rows, key=lambda row: (-row.cost_usd, -row.tokens, row.name))


def _group_columns(tx: Transaction) -> Mapping[GroupBy, ColumnElement[str]]:
    person = case((_U.c.person_id == "", literal("–")), else_=_U.c.person_id)
    return {
        "day": period_text(tx, _U.c.created_at, Period.DAY),
        "person": _C.c.platform + ":" + person,
        "chat": _C.c.platform + ":" + _C.c.channel,
        "model": _U.c.model,
    }


def _tenant(actor: Actor) -> ColumnElement[bool]:
    return (_C.c.platform == actor.platform) & (_C.c.tenant == actor.tenant)


async def _sum_where(tx: Transaction, where: ColumnElement[bool], since: datetime) -> Totals:
    query = (
        select(*_SUMS)
        .select_from(_U.join(_C, _C.c.id == _U.c.conversation_id))
        .where(where, _U.c.created_at >= since)
    )
    return _totals((await tx.execute(query)).mappings().one())


def _totals(row: Mapping[Any, Any]) -> Totals:
    return Totals(
        name=row.get("name", ""),
        messages=int(row["messages"]),
        prompt_tokens=int(row["prompt_tokens"]),
        cached_tokens=int(row["cached_tokens"]),
        completion_tokens=int(row["completion_tokens"]),
        reasoning_tokens=int(row["reasoning_tokens"]),
        cost_usd=float(row["cost_usd"]),
        unpriced=int(row["unpriced"]),
        sound_s=float(row["sound_s"]),
    )
