"""Alerts to the deployment's admins: the observations, and their recipients."""

import shutil
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

from bots.composition.components import Components
from bots.composition.settings_mapping import build_quotas
from bots.observability.readiness import ComponentStatus
from bots.platform_adapter import Platform
from core.access import Quotas
from core.alerts.conditions import SOME_PEOPLE, Observations
from core.alerts.monitor import AlertMonitor, AlertPlatform
from core.domain.turn_states import TurnOutcome
from core.ports.private_messages import PrivateMessages
from core.store import Database, alerts
from core.store.clock import utc_now
from core.store.quota_use import load_quota_use
from core.store.quotas import utc_day_start

REFUSED: Final = "refused"  #: state of a platform that does not accept the bot's token
WINDOW: Final = timedelta(minutes=15)  #: in which questions tell of Kimi's state
MAX_OUTCOMES: Final = 20

States = Callable[[], Awaitable[Sequence[ComponentStatus]]]


def build_alert_monitor(components: Components, states: States) -> AlertMonitor:
    """Build the monitor of one process; ``states`` returns the state of this replica's components."""
    base = components.base

    async def observe() -> Observations:
        loads = components.llm.gateway.provider_loads()
        usage = shutil.disk_usage(base.settings.data_dir) if base.settings.data_dir.exists() else None
        return Observations(
            outcomes=await _outcomes(base.database),
            kimi_is_down=bool(loads) and not any(is_up for is_up, _ in loads.values()),
            refused_platforms=frozenset(one.name for one in await states() if one.state == REFUSED),
            spent_budgets=await _spent_budgets(base.database, build_quotas(base.settings)),
            disk_free_bytes=None if usage is None else usage.free,
            disk_total_bytes=0 if usage is None else usage.total,
        )

    return AlertMonitor(
        base.database,
        observe,
        admins=base.settings.admins if base.settings.alerts == "on" else (),
        platforms={
            name: _alert_platform(platform, platform.private_messages)
            for name, platform in base.platforms.items()
            if platform.private_messages is not None
        },
    )


def _alert_platform(platform: Platform, messages: PrivateMessages) -> AlertPlatform:
    return AlertPlatform(messages=messages, tenant=lambda: platform.tenant)


async def _outcomes(database: Database) -> Sequence[TurnOutcome]:
    async with database.read() as tx:
        return await alerts.latest_outcomes(tx, since=utc_now() - WINDOW, limit=MAX_OUTCOMES)


async def _spent_budgets(database: Database, quotas: Quotas) -> frozenset[str]:
    """Return the budgets of the UTC day that are used up: whose, a blank, and the setting or the chat's rule.

    People are not named: with many of them each would be an alert. The console's page of usage has them.
    """
    async with database.read() as tx:
        uses = await load_quota_use(tx, quotas, since=utc_day_start(utc_now()))
    return frozenset(
        f"{SOME_PEOPLE if use.kind.is_personal else use.name} {use.limited_by}"
        for use in uses
        if use.used >= use.limit
    )
