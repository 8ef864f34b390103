"""Everything that looks at a service from outside its work."""

import contextlib
from collections.abc import Mapping, Sequence

from starlette.routing import BaseRoute

from bots.operation import metrics as m
from bots.operation.gauges import Gauges
from bots.operation.lag import LagMeter
from bots.operation.metrics import Metrics
from bots.operation.pages import Pages
from bots.operation.readiness import Readiness
from bots.operation.watchdog import Watchdog
from bots.platform import Platform
from core.account import AccountModel
from core.clock import Clock
from core.engine.port import Engine
from core.engine.running import RunningAnswers
from core.store import Database
from core.store.cluster import Leadership


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
