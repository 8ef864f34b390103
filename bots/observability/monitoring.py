"""Everything that observes a service while it runs."""

import contextlib
from collections.abc import Mapping, Sequence

from starlette.routing import BaseRoute

from bots.observability import metrics as m
from bots.observability.gauges import Gauges
from bots.observability.http_endpoints import HttpEndpoints
from bots.observability.loop_lag import LoopLagMonitor
from bots.observability.metrics_registry import Metrics
from bots.observability.readiness import ComponentStatus, Readiness
from bots.observability.watchdog import Watchdog
from bots.platform_adapter import Platform
from core.domain.clock import Clock


class Monitoring:
    """HTTP endpoints, loop lag and watchdog of one replica."""

    def __init__(
        self,
        metrics: Metrics,
        readiness: Readiness,
        gauges: Gauges,
        platforms: Mapping[str, Platform],
        clock: Clock,
        *,
        version: str,
    ) -> None:
        """Build everything; nothing runs yet. ``version`` becomes a label of the build metric."""
        metrics.set_gauge(m.BUILD_INFO, version, value=1)
        self._readiness = readiness
        self._endpoints = HttpEndpoints(readiness, gauges, metrics)
        self._watchdog = Watchdog(platforms.values(), metrics, clock)
        self._loop_lag = LoopLagMonitor(metrics)

    def routes(self) -> Sequence[BaseRoute]:
        """Return the HTTP routes."""
        return self._endpoints.routes()

    def start(self, exit_stack: contextlib.AsyncExitStack) -> None:
        """Start the loop lag monitor and the watchdog; ``exit_stack`` stops them."""
        self._loop_lag.start()
        exit_stack.push_async_callback(self._loop_lag.close)
        self._watchdog.start()
        exit_stack.push_async_callback(self._watchdog.close)

    async def components(self) -> Sequence[ComponentStatus]:
        """Return the state of every component."""
        return await self._readiness.components()

    def mark_started(self) -> None:
        """Report the components' own readiness from now on."""
        self._readiness.mark_started()

    async def begin_shutdown(self) -> None:
        """Report not ready, and restart no connection any more."""
        self._readiness.mark_stopping()
        await self._watchdog.close()
