"""HTTP endpoints of a replica for load balancers and Prometheus."""

from collections.abc import Sequence

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from bots.observability.gauges import Gauges
from bots.observability.metrics_registry import Metrics
from bots.observability.readiness import Readiness


class HttpEndpoints:
    """Serves ``/healthz``, ``/readyz`` and ``/metrics``; no response names a person or a chat."""

    def __init__(self, readiness: Readiness, gauges: Gauges, metrics: Metrics) -> None:
        self._readiness, self._gauges, self._metrics = readiness, gauges, metrics

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes."""
        return (
            Route("/healthz", self.healthz),
            Route("/readyz", self.readyz),
            Route("/metrics", self.metrics),
        )

    async def healthz(self, _: Request) -> Response:
        """Return 200: the process is alive and its event loop runs."""
        return JSONResponse({"status": "ok"})

    async def readyz(self, _: Request) -> Response:
        """Return each component's state, as JSON; 503 while one of them is not ready."""
        components = await self._readiness.components()
        ready = all(component.ready for component in components)
        return JSONResponse(
            {
                "ready": ready,
                "components": {component.name: component.state for component in components},
                "waiting_for": [component.name for component in components if not component.ready],
            },
            status_code=200 if ready else 503,
        )

    async def metrics(self, _: Request) -> Response:
        """Return all metrics in Prometheus' text format."""
        components = await self._readiness.components()
        self._gauges.refresh(components, self._readiness.queue_depth, self._readiness.polling())
        return Response(self._metrics.render(), media_type=CONTENT_TYPE_LATEST)
