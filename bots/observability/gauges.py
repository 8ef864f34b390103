"""Gauges: states that are read when metrics are requested."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from bots.observability import metrics as m
from bots.observability.metrics_registry import Metrics
from bots.observability.readiness import ComponentStatus, QueueDepth
from core.llm import LimiterLoad, LlmGateway
from core.llm.account_limits import DIMENSIONS
from core.work_queue.active_answers import ActiveAnswers
from core.work_queue.port import WorkQueue


class Gauges:
    """Copies the state of one replica into its gauges."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        work_queue: WorkQueue,
        active_answers: ActiveAnswers,
        gateway: LlmGateway,
        mcp_servers: Callable[[], Mapping[str, bool]],
    ) -> None:
        """``mcp_servers`` returns whether each MCP server can be called, by name."""
        self._metrics = metrics
        self._mcp_servers = mcp_servers
        self._work_queue, self._active_answers, self._gateway = work_queue, active_answers, gateway
        self._last_counts = {m.QUEUE_TAKEOVERS: 0, m.LEASES_LOST: 0}  # as the work queue reported them

    def refresh(
        self, components: Sequence[ComponentStatus], queue_depth: QueueDepth, polling: Mapping[str, bool]
    ) -> None:
        """Set every gauge.

        Args:
            components: the components with their state.
            queue_depth: the open events of the whole deployment.
            polling: for each platform that one replica polls for all, whether this replica does.
        """
        self._metrics.set_gauge(m.RUNNING_TURNS, value=len(self._active_answers))
        self._metrics.set_gauge(m.ASYNCIO_TASKS, value=len(asyncio.all_tasks()))
        self._metrics.set_gauge(m.QUEUE_EVENTS, value=queue_depth.events)
        self._metrics.set_gauge(m.QUEUE_OLDEST_AGE, value=queue_depth.oldest_age_s)
        for platform, is_leader in polling.items():
            self._metrics.set_gauge(m.POLL_LEADER, platform, value=is_leader)
        for component in components:
            self._metrics.set_gauge(m.COMPONENT_READY, component.name, value=component.ready)
        for provider, (up, load) in self._gateway.provider_loads().items():
            self._metrics.set_gauge(m.PROVIDER_UP, provider, value=up)
            self._refresh_limiter(provider, load)
        for server, up in self._mcp_servers().items():
            self._metrics.set_gauge(m.MCP_SERVER_UP, server, value=up)
        self._add_counts()

    def _add_counts(self) -> None:
        """Add what the work queue has counted since the last request."""
        counts = {m.QUEUE_TAKEOVERS: self._work_queue.takeovers, m.LEASES_LOST: self._work_queue.lease_losses}
        for metric, count in counts.items():
            self._metrics.increment(metric, amount=count - self._last_counts[metric])
        self._last_counts = counts

    def _refresh_limiter(self, provider: str, load: LimiterLoad) -> None:
        self._metrics.set_gauge(m.LIMITER_WAITING, provider, value=load.waiting)
        self._metrics.set_gauge(m.LIMITER_RUNNING, provider, value=load.running)
        self._metrics.set_gauge(m.LIMITER_PAUSED, provider, value=load.paused)
        for reason in ("quota", "tpd"):
            self._metrics.set_gauge(m.LIMITER_EXHAUSTED, provider, reason, value=load.exhausted == reason)
        for dimension in DIMENSIONS:
            if (limit := load.limits.get(dimension)) is not None:
                self._metrics.set_gauge(m.LIMITER_LIMIT, provider, dimension, value=limit)
