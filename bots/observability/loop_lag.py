"""Measures event loop lag: the first sign of a CPU that is too small, or of a blocking call."""

import asyncio

from bots.observability import metrics as m
from bots.observability.metrics_registry import Metrics

MEASURE_INTERVAL_S = 1.0


class LoopLagMonitor:
    """Sets a timer every second and records how late it fires."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to measure."""
        self._task = asyncio.create_task(self._run(), name="loop-lag")

    async def close(self) -> None:
        """Stop measuring."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due_at = loop.time() + MEASURE_INTERVAL_S
            await asyncio.sleep(MEASURE_INTERVAL_S)
            self._metrics.observe(m.LOOP_LAG, seconds=max(0.0, loop.time() - due_at))
