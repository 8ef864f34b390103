"""Pages about cost, settings and the audit log."""

import asyncio
import csv
import io
from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from types import MappingProxyType
from typing import Final

from starlette.responses import Response

from bots.console.site import Visit
from core.domain.errors import SettingsError
from core.settings.pending import PendingChange
from core.store import console_access, usage_report
from core.store.clock import utc_now
from core.store.quota_use import QuotaUse, load_quota_use
from core.store.quotas import utc_day_start
from core.store.usage_report import GroupBy, Totals

PERIOD: Final = timedelta(days=30)
GROUPS: Final[Mapping[str, GroupBy]] = MappingProxyType(
    {"day": "day", "chat": "chat", "person": "person", "model": "model"}
)
AUDIT_LENGTH: Final = 200
MAX_BARS: Final = 12
MAX_BUDGETS: Final = 50
NEAR_SHARE: Final = 0.8  #: of a budget, from which on it is marked
CSV_COLUMNS: Final = (
    "messages",
    "prompt_tokens",
    "cached_tokens",
    "completion_tokens",
    "reasoning_tokens",
    "cost_usd",
    "unpriced",
    "sound_s",
)


async def usage(visit: Visit) -> Response:
    """Return tokens and cost by day, chat, person or model, as a page or as CSV."""
    group_by = GROUPS.get(visit.argument("by"), "day")
    since = visit.day("since") or utc_now() - PERIOD
    async with visit.site.database.read() as tx:
        rows = await usage_report.grouped_totals(tx, group_by, since=since)
    if visit.argument("format") == "csv":
        return _csv(group_by, rows)
    return visit.render(
        "usage.html",
        rows=rows,
        shown=rows if group_by == "day" else rows[:MAX_BARS],
        by=group_by,
        groups=tuple(GROUPS),
        since=f"{since:%Y-%m-%d}",
        year=f"{utc_now():%Y-}",
        budgets=await _budgets(visit),
        near_share=NEAR_SHARE,
    )


async def settings(visit: Visit) -> Response:
    """Return the settings in effect, where each comes from, and what a restart would change; no secrets."""
    changes: Sequence[PendingChange] = ()
    faults: Sequence[str] = ()
    try:
        changes = await asyncio.to_thread(visit.site.pending.changes)
    except SettingsError as exc:
        faults = exc.faults
    groups = [(name, list(rows)) for name, rows in groupby(visit.site.settings(), attrgetter("group"))]
    return visit.render("settings.html", groups=groups, changes=changes, faults=faults)


async def audit(visit: Visit) -> Response:
    """Return the latest entries of the audit log, and who is signed in."""
    async with visit.site.database.read() as tx:
        entries = await console_access.list_audit(tx, limit=AUDIT_LENGTH)
        sessions = await console_access.list_sessions(tx)
    return visit.render("audit.html", entries=entries, sessions=sessions)


async def end_sessions(visit: Visit) -> Response:
    """End all sessions of the person that the form names."""
    person = visit.field("person")
    async with visit.site.database.begin() as tx:
        await console_access.end_all_sessions(tx, person)
        await console_access.record(tx, visit.session.person, "sessions.end", person)
    return visit.redirect("/audit")


async def _budgets(visit: Visit) -> Sequence[QuotaUse]:
    """Return the tenants, chats and people with a budget who have used some today, the fullest first."""
    async with visit.site.database.read() as tx:
        uses = await load_quota_use(tx, visit.site.quotas, since=utc_day_start(utc_now()))
    return sorted(uses, key=lambda one: -one.share)[:MAX_BUDGETS]


def _csv(group_by: GroupBy, rows: Sequence[Totals]) -> Response:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([group_by, *CSV_COLUMNS])
    writer.writerows([row.name, *(getattr(row, name) for name in CSV_COLUMNS)] for row in rows)
    name = f"usage-by-{group_by}.csv"
    return Response(
        text.getvalue(),
        media_type="text/csv",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )
