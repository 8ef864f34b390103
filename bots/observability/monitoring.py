"""Everything that looks at a service from outside its work."""

import contextlib
from collections.abc import Mapping, Sequence

from starlette.routing import BaseRoute

from bots.observability import metrics as m
from bots.observability.gauges import Gauges
from bots.observability.http_endpoints import HttpEndpoints
from bots.observability.loop_lag import LoopLagMonitor
from bots.observability.metrics import Metrics
from bots.observability.readiness import Readiness
from bots.observability.watchdog import Watchdog
from bots.platform_adapter import Platform
from core.domain.clock import Clock
from core.llm import LlmGateway
from core.store import Database
from core.store.cluster import LeaderElection
from core.work_queue.active_answers import ActiveAnswers
from core.work_queue.port import WorkQueue


class Monitoring:
    """Figures, pages and the watchdog of one replica."""

    def __init__(
        self,
        metrics: Metrics,
        database: Database,
        work_queue: WorkQueue,
        platforms: Mapping[str, Platform],
        clock: Clock,
        *,
        active_answers: ActiveAnswers,
        gateway: LlmGateway,
        leader_election: LeaderElection,
        version: str,
    ) -> None:
        metrics.set_gauge(m.BUILD_INFO, version, value=1)
        self.readiness = Readiness(database, work_queue, platforms, leader_election)
        gauges = Gauges(metrics, work_queue=work_queue, active_answers=active_answers, gateway=gateway)
        self._endpoints = HttpEndpoints(self.readiness, gauges, metrics)
        self._watchdog = Watchdog(platforms.values(), metrics, clock)
        self._loop_lag = LoopLagMonitor(metrics)

    def routes(self) -> Sequence[BaseRoute]:
        """Return the pages for machines."""
        return self._endpoints.routes()

    def mark_started(self) -> None:
        """Report ready from now on, if all components are."""
        self.readiness.started = True

    def start(self, exit_stack: contextlib.AsyncExitStack) -> None:
        """Begin to look; ``closing`` ends it."""
        self._loop_lag.start()
        exit_stack.push_async_callback(self._loop_lag.close)
        self._watchdog.start()
        exit_stack.push_async_callback(self._watchdog.close)

    async def begin_shutdown(self) -> None:
        """Turn readiness off, and let nobody restart what is about to end."""
        self.readiness.stopping = True
        await self._watchdog.close()
