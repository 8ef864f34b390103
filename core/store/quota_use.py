"""What has been used of the daily quotas of the deployment and of chats, for alerts and for the console."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, FromClause, func, select, text

from core.access import QuotaKind, Quotas
from core.store import rules, schema
from core.store.database import Transaction
from core.store.turns import IS_QUESTION

_T, _U, _C = schema.turns, schema.usage, schema.conversations

#: Whose tokens or questions each quota counts.
_TOKENS_OF: Final = {
    QuotaKind.TENANT_TOKENS: _C.c.tenant,
    QuotaKind.CHAT_TOKENS: _C.c.channel,
    QuotaKind.PERSON_TOKENS: _U.c.person_id,
}
_QUESTIONS_OF: Final = {QuotaKind.CHAT_MESSAGES: _C.c.channel, QuotaKind.PERSON_MESSAGES: _T.c.asker_id}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaUse:
    """Use of one quota by one tenant, chat or person."""

    kind: QuotaKind
    name: str  #: "platform:id"
    used: int  #: tokens or questions
    limit: int
    is_rule: bool = False  #: the limit is a rule of the chat, else a setting

    @property
    def share(self) -> float:
        """The used part; more than 1 if the last answer went over it."""
        return self.used / self.limit

    @property
    def limited_by(self) -> str:
        """Name of the rule or of the setting that has the limit."""
        return self.kind.value if self.is_rule else f"MOONTHREAD_{self.kind.upper()}_PER_DAY"


async def load_quota_use(tx: Transaction, quotas: Quotas, *, since: datetime) -> Sequence[QuotaUse]:
    """Return what has been used of each limited quota since a moment, by all who used any."""
    of_deployment = [
        QuotaUse(kind=kind, name=name, used=used, limit=limit)
        for kind in QuotaKind
        if (limit := quotas.limit_of(kind))
        for name, used in await count_use(tx, kind, since=since)
    ]
    return of_deployment + await _load_chat_rule_use(tx, since)


async def _load_chat_rule_use(tx: Transaction, since: datetime) -> list[QuotaUse]:
    """Return what has been used of the questions that chats allow by a rule of their own."""
    limits = {
        f"{one.platform}:{one.channel}": one.rules.chat_messages
        for one in await rules.load_all(tx)
        if one.rules.chat_messages
    }
    if not limits:
        return []
    kind = QuotaKind.CHAT_MESSAGES
    return [
        QuotaUse(kind=kind, name=name, used=used, limit=limits[name], is_rule=True)
        for name, used in await count_use(tx, kind, since=since)
        if name in limits
    ]


async def count_use(tx: Transaction, kind: QuotaKind, *, since: datetime) -> Sequence[tuple[str, int]]:
    """Return the amounts that a quota of this kind counts since a moment, by "platform:id"."""
    if kind in _TOKENS_OF:
        return await _tokens_by(tx, _TOKENS_OF[kind], since)
    return await _questions_by(tx, _QUESTIONS_OF[kind], since)


async def _tokens_by(
    tx: Transaction, whose: ColumnElement[str], since: datetime
) -> Sequence[tuple[str, int]]:
    tokens = func.sum(_U.c.prompt_tokens + _U.c.completion_tokens)
    used = _U.join(_C, _C.c.id == _U.c.conversation_id)
    return await _by(tx, whose, tokens, used, _U.c.created_at >= since)


async def _questions_by(
    tx: Transaction, whose: ColumnElement[str], since: datetime
) -> Sequence[tuple[str, int]]:
    asked = _T.join(_C, _C.c.id == _T.c.conversation_id)
    return await _by(tx, whose, func.count(), asked, _T.c.started_at >= since, *IS_QUESTION)


async def _by(
    tx: Transaction,
    whose: ColumnElement[str],
    amount: ColumnElement[int],
    source: FromClause,
    *where: ColumnElement[bool],
) -> Sequence[tuple[str, int]]:
    """Return amounts by "platform:id", the greatest first; ids of two tenants count apart, as quotas do."""
    query = (
        select((_C.c.platform + ":" + whose).label("name"), amount.label("amount"))
        .select_from(source)
        .where(whose != "", *where)
        .group_by(text("1"), _C.c.tenant)  # by position: parameters would make the name another expression
        .order_by(text("2 DESC"))
    )
    return [(row.name, int(row.amount)) for row in await tx.execute(query)]
