"""Figures that are a state, not a sum: looked up when somebody asks."""

import asyncio
from collections.abc import Mapping, Sequence

from bots.observability import metrics as m
from bots.observability.metrics import Metrics
from bots.observability.readiness import Part
from core.llm import AccountModel, Load
from core.llm.limits import DIMENSIONS
from core.work_queue.active_answers import RunningAnswers
from core.work_queue.port import Engine


class Gauges:
    """Brings the states of one replica up to date."""

    def __init__(
        self, metrics: Metrics, *, engine: Engine, running: RunningAnswers, accounts: AccountModel
    ) -> None:
        self._metrics = metrics
        self._engine, self._running, self._accounts = engine, running, accounts
        self._counted = {m.FREED: 0, m.FENCES: 0}  # of the engine's own counts

    def refresh(self, parts: Sequence[Part], depth: tuple[int, float], polls: Mapping[str, bool]) -> None:
        """Look at everything.

        ``depth`` is the number of open events and the age of the oldest in seconds; ``polls`` tells of
        each platform that one replica polls for all whether it is this one.
        """
        put = self._metrics.put
        put(m.RUNNING, value=len(self._running))
        put(m.TASKS, value=len(asyncio.all_tasks()))
        put(m.QUEUE, value=depth[0])
        put(m.OLDEST, value=depth[1])
        for platform, here in polls.items():
            put(m.LEADER, platform, value=here)
        for part in parts:
            put(m.READY, part.name, value=part.ready)
        for provider, (up, load) in self._accounts.loads().items():
            put(m.PROVIDER_UP, provider, value=up)
            self._limiter(provider, load)
        for metric, now in ((m.FREED, self._engine.takeovers), (m.FENCES, self._engine.fences)):
            self._metrics.count(metric, by=now - self._counted[metric])
            self._counted[metric] = now

    def _limiter(self, provider: str, load: Load) -> None:
        put = self._metrics.put
        put(m.LINE, provider, value=load.waiting)
        put(m.AT_KIMI, provider, value=load.running)
        put(m.PAUSED, provider, value=load.paused)
        for reason in ("quota", "tpd"):
            put(m.CLOSED, provider, reason, value=load.closed == reason)
        for dimension in DIMENSIONS:
            if (limit := load.limits.of(dimension)) is not None:
                put(m.LIMIT, provider, dimension, value=limit)
