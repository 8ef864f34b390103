"""Figures that are a state, not a sum: looked up when somebody asks."""

import asyncio
from collections.abc import Mapping, Sequence

from bots.observability import metrics as m
from bots.observability.metrics import Metrics
from bots.observability.readiness import ComponentStatus
from core.llm import LimiterLoad, LlmGateway
from core.llm.account_limits import DIMENSIONS
from core.work_queue.active_answers import ActiveAnswers
from core.work_queue.port import WorkQueue


class Gauges:
    """Brings the states of one replica up to date."""

    def __init__(
        self, metrics: Metrics, *, work_queue: WorkQueue, active_answers: ActiveAnswers, gateway: LlmGateway
    ) -> None:
        self._metrics = metrics
        self._work_queue, self._active_answers, self._gateway = work_queue, active_answers, gateway
        self._last_counts = {m.QUEUE_TAKEOVERS: 0, m.LEASES_LOST: 0}  # of the engine's own counts

    def refresh(
        self,
        components: Sequence[ComponentStatus],
        queue_depth: tuple[int, float],
        polling: Mapping[str, bool],
    ) -> None:
        """Look at everything.

        ``depth`` is the number of open events and the age of the oldest in seconds; ``polls`` tells of
        each platform that one replica polls for all whether it is this one.
        """
        put = self._metrics.set_gauge
        put(m.RUNNING_TURNS, value=len(self._active_answers))
        put(m.ASYNCIO_TASKS, value=len(asyncio.all_tasks()))
        put(m.QUEUE_EVENTS, value=queue_depth[0])
        put(m.QUEUE_OLDEST_AGE, value=queue_depth[1])
        for platform, here in polling.items():
            put(m.POLL_LEADER, platform, value=here)
        for part in components:
            put(m.COMPONENT_READY, part.name, value=part.ready)
        for provider, (up, load) in self._gateway.provider_loads().items():
            put(m.PROVIDER_UP, provider, value=up)
            self._refresh_limiter(provider, load)
        for metric, now in (
            (m.QUEUE_TAKEOVERS, self._work_queue.takeovers),
            (m.LEASES_LOST, self._work_queue.lease_losses),
        ):
            self._metrics.increment(metric, amount=now - self._last_counts[metric])
            self._last_counts[metric] = now

    def _refresh_limiter(self, provider: str, load: LimiterLoad) -> None:
        put = self._metrics.set_gauge
        put(m.LIMITER_WAITING, provider, value=load.waiting)
        put(m.LIMITER_RUNNING, provider, value=load.running)
        put(m.LIMITER_PAUSED, provider, value=load.paused)
        for reason in ("quota", "tpd"):
            put(m.LIMITER_EXHAUSTED, provider, reason, value=load.exhausted == reason)
        for dimension in DIMENSIONS:
            if (limit := load.limits.get(dimension)) is not None:
                put(m.LIMITER_LIMIT, provider, dimension, value=limit)
