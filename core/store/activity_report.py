"""Questions, failures, cost and time to first token by hour, and the open handoffs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import case, func, or_, select

from core.domain.addresses import Person
from core.domain.handoff_state import HandoffReason, HandoffState
from core.domain.turn_states import CallPurpose, Outcome
from core.store import schema
from core.store.clock import Period, period_text, utc_now
from core.store.conversation_scope import ConversationScope
from core.store.database import Transaction
from core.store.turn_reports import FAILED

_T, _U, _H, _C = schema.turns, schema.usage, schema.handoffs, schema.conversations


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyActivity:
    """Figures of one hour of the whole deployment."""

    hour: datetime  #: its begin, UTC
    questions: int = 0
    failed: int = 0  #: questions without an answer
    cost_usd: float = 0.0
    time_to_first_token_s: float | None = None  #: mean, from Kimi's request; None without answers


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHandoff:
    """A conversation that the team answers or is asked to answer."""

    id: int
    conversation_id: int
    platform: str
    customer_name: str
    reason: HandoffReason
    state: HandoffState
    assignee_name: str  #: "" while nobody has taken it
    customer_waiting: bool  #: the customer wrote last
    requested_at: datetime
    first_reply_at: datetime | None
    assignee_id: str
    desk_platform: str  #: "" if the team answers in the customer's own room
    desk_channel: str
    desk_thread: str  #: "" until it is open


async def hourly_activity(
    tx: Transaction, *, scope: ConversationScope, hours: int
) -> Sequence[HourlyActivity]:
    """Return the figures of the latest hours, the current one last; hours without questions included."""
    now = utc_now().replace(minute=0, second=0, microsecond=0)
    since = now - timedelta(hours=hours - 1)
    turns_hour = period_text(tx, _T.c.started_at, Period.HOUR).label("hour")
    usage_hour = period_text(tx, _U.c.created_at, Period.HOUR).label("hour")
    asked = or_(_T.c.outcome.is_(None), _T.c.outcome != Outcome.NOTICE)
    turns = await tx.execute(
        select(turns_hour, func.count(), func.sum(case((FAILED, 1), else_=0)))
        .where(_T.c.started_at >= since, asked, scope.condition_on(_T.c.conversation_id))
        .group_by("hour")
    )
    first_token = case((_U.c.purpose == CallPurpose.ANSWER, _U.c.time_to_first_token_s))
    calls = await tx.execute(
        select(usage_hour, func.coalesce(func.sum(_U.c.cost_usd), 0.0), func.avg(first_token))
        .where(_U.c.created_at >= since, scope.condition_on(_U.c.conversation_id))
        .group_by("hour")
    )
    questions = {hour: (int(count), int(failed)) for hour, count, failed in turns}
    costs = {hour: (float(cost), first) for hour, cost, first in calls}
    return [_activity(since + timedelta(hours=hour), questions, costs) for hour in range(hours)]


async def list_open_handoffs(
    tx: Transaction, *, scope: ConversationScope, limit: int = 200
) -> Sequence[OpenHandoff]:
    """Return the conversations at the desk, those that have waited longest first."""
    query = (
        select(
            _H.c.id, _H.c.conversation_id, _C.c.platform, _H.c.customer_name, _H.c.reason, _H.c.state,
            _H.c.assignee_name, _H.c.customer_waiting, _H.c.requested_at, _H.c.first_reply_at,
            _H.c.assignee_id, _H.c.desk_platform, _H.c.desk_channel, _H.c.desk_thread,
        )
        .select_from(_H.join(_C, _C.c.id == _H.c.conversation_id))
        .where(scope.condition(), _H.c.ended_at.is_(None))
        .order_by(_H.c.requested_at, _H.c.id)
        .limit(limit)
    )  # fmt: skip
    return [OpenHandoff(**row._asdict()) for row in await tx.execute(query)]


def _activity(
    hour: datetime, questions: dict[str, tuple[int, int]], costs: dict[str, tuple[float, Any]]
) -> HourlyActivity:
    key = f"{hour.astimezone(UTC):%Y-%m-%d %H}"
    asked, failed = questions.get(key, (0, 0))
    cost, first = costs.get(key, (0.0, None))
    return HourlyActivity(
        hour=hour,
        questions=asked,
        failed=failed,
        cost_usd=cost,
        time_to_first_token_s=None if first is None else float(first),
    )


async def list_assignees(tx: Transaction, *, scope: ConversationScope, limit: int = 50) -> Sequence[Person]:
    """Return the people who have had handoffs, those with the latest first."""
    query = (
        select(_H.c.assignee_id, _H.c.assignee_name)
        .where(_H.c.assignee_id != "", scope.condition_on(_H.c.conversation_id))
        .group_by(_H.c.assignee_id, _H.c.assignee_name)
        .order_by(func.max(_H.c.id).desc())
        .limit(limit)
    )
    return [Person(id=id_, name=name) for id_, name in await tx.execute(query)]
