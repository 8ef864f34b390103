"""The pages of a replica for machines: alive, ready, figures."""

from collections.abc import Sequence

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bots.observability.gauges import Gauges
from bots.observability.metrics import Metrics
from bots.observability.readiness import Readiness


class HttpEndpoints:
    """``/healthz``, ``/readyz`` and ``/metrics``; they hold nothing of people."""

    def __init__(self, readiness: Readiness, gauges: Gauges, metrics: Metrics) -> None:
        self._readiness, self._gauges, self._metrics = readiness, gauges, metrics

    def routes(self) -> Sequence[BaseRoute]:
        """Return the pages."""
        return (
            Route("/healthz", self.healthz),
            Route("/readyz", self.readyz),
            Route("/metrics", self.metrics),
        )

    async def healthz(self, _: Request) -> Response:
        """Say that the process is alive: its event loop runs."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """Name every part with its state; 503 while one of them is not ready."""
        parts = await self._readiness.components()
        ready = all(part.ready for part in parts)
        return JSONResponse(
            {
                "ready": ready,
                "parts": {part.name: part.state for part in parts},
                "waiting_for": [part.name for part in parts if not part.ready],
            },
            status_code=200 if ready else 503,
        )

    async def metrics(self, _: Request) -> Response:
        """Return the figures in Prometheus' text format."""
        parts = await self._readiness.components()
        self._gauges.refresh(parts, self._readiness.queue_depth, self._readiness.polling())
        return Response(self._metrics.render(), media_type=CONTENT_TYPE_LATEST)
