"""Everything that looks at a service from outside its work."""

import contextlib
from collections.abc import Mapping, Sequence

from starlette.routing import BaseRoute

from bots.observability import metrics as m
from bots.observability.gauges import Gauges
from bots.observability.http_endpoints import Pages
from bots.observability.loop_lag import LagMeter
from bots.observability.metrics import Metrics
from bots.observability.readiness import Readiness
from bots.observability.watchdog import Watchdog
from bots.platform_adapter import Platform
from core.domain.clock import Clock
from core.llm import AccountModel
from core.store import Database
from core.store.cluster import Leadership
from core.work_queue.active_answers import RunningAnswers
from core.work_queue.port import Engine


class Operation:
    """Figures, pages and the watchdog of one replica."""

    def __init__(
        self,
        metrics: Metrics,
        database: Database,
        engine: Engine,
        platforms: Mapping[str, Platform],
        clock: Clock,
        *,
        running: RunningAnswers,
        accounts: AccountModel,
        leadership: Leadership,
        version: str,
    ) -> None:
        metrics.put(m.INFO, version, value=1)
        self.readiness = Readiness(database, engine, platforms, leadership)
        gauges = Gauges(metrics, engine=engine, running=running, accounts=accounts)
        self._pages = Pages(self.readiness, gauges, metrics)
        self._watchdog = Watchdog(platforms.values(), metrics, clock)
        self._lag = LagMeter(metrics)

    def routes(self) -> Sequence[BaseRoute]:
        """Return the pages for machines."""
        return self._pages.routes()

    def start(self, closing: contextlib.AsyncExitStack) -> None:
        """Begin to look; ``closing`` ends it."""
        self._lag.start()
        closing.push_async_callback(self._lag.close)
        self._watchdog.start()
        closing.push_async_callback(self._watchdog.close)

    async def stopping(self) -> None:
        """Turn readiness off, and let nobody restart what is about to end."""
        self.readiness.stopping = True
        await self._watchdog.close()
