"""Start and stop one process of Moonthread."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence
from importlib.metadata import version

import structlog
from starlette.applications import Starlette

from bots.composition.alert_wiring import build_alert_monitor
from bots.composition.components import Components, build_components, start_background
from bots.composition.console_wiring import build_console_server, start_console
from bots.composition.llm_wiring import resolve_model
from bots.composition.platform_connector import PlatformConnector
from bots.composition.platform_wiring import build_platforms
from bots.composition.turn_wiring import build_processor
from bots.observability import tracing
from bots.observability.gauges import Gauges
from bots.observability.monitoring import Monitoring
from bots.observability.readiness import Readiness
from bots.platform_adapter import Platform
from bots.web_limits import MAX_BODY_BYTES
from bots.web_server import WebServer
from core.domain.clock import Clock, SystemClock
from core.domain.errors import SettingsError
from core.observer import Observer
from core.settings import Settings
from core.store import migrate, pooling
from core.store.leader_election import LeaderElection, polling_lock

log = structlog.get_logger(__name__)

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Service:
    """One process of Moonthread, from :meth:`start` to :meth:`stop`."""

    def __init__(
        self,
        settings: Settings,
        platforms: Sequence[Platform],
        *,
        clock: Clock | None = None,
        exclusive: bool = True,
        web: bool = True,
        tracer: Observer | None = None,
    ) -> None:
        """Build every part; nothing is connected yet.

        Args:
            settings: the deployment's settings.
            platforms: the adapters to serve.
            clock: the process's clock; None for the system's.
            exclusive: refuse a second process on the same SQLite file.
            web: serve health, metrics and webhooks over HTTP.
            tracer: records traces; None records none.
        """
        self.settings = settings
        self.clock: Clock = clock or SystemClock()
        self.components = build_components(
            settings, platforms, self.clock, exclusive=exclusive, tracer=tracer
        )
        self.platforms = self.components.base.platforms
        self.database = self.components.base.database
        self.web: WebServer | None = None
        self.console: WebServer | None = None
        self.leader_election = LeaderElection(
            self.database, self._polling_lock, on_elected=self._start_polling, on_deposed=self._stop_polling
        )
        self.connector = PlatformConnector(self.platforms.values(), self.clock)
        self.monitoring = _build_monitoring(self.components, self.leader_election, self.connector)
        self._web_enabled = web
        self._exit_stack = contextlib.AsyncExitStack()

    async def start(self) -> None:
        """Connect everything, resume the work that an earlier process left open, then take events.

        Raises:
            MoonthreadError: with one clear line; everything that was opened is closed again.
        """
        try:
            await self._start()
        except BaseException:
            await self._exit_stack.aclose()
            raise

    async def stop(self) -> None:
        """Report not ready, take no more events, let answers end within the grace, close everything."""
        await self.monitoring.begin_shutdown()
        await self.connector.close()
        await self.leader_election.stop()
        for platform in self.platforms.values():
            await platform.stop()
        log.info(
            "service.stopping",
            running=len(self.components.base.active_answers),
            grace_s=self.settings.shutdown_grace_s,
        )
        await self._exit_stack.aclose()
        log.info("service.stopped")

    async def _start(self) -> None:
        components, exit_stack = self.components, self._exit_stack
        if self._web_enabled:
            await self._start_web_server()  # first, so that it stops last: metrics are useful to the end
        self.database.log_outages()
        exit_stack.push_async_callback(self.database.close)
        exit_stack.push_async_callback(components.llm.close)
        exit_stack.callback(components.files.workers.close)
        exit_stack.push_async_callback(components.files.close)
        if self.settings.migrate == "auto":
            await migrate.upgrade(self.settings.database_url.get_secret_value())
        await migrate.require_compatible(self.database)
        await pooling.warn_of_transaction_pooling(self.database)
        await components.llm.recall_refused_fields()
        model = await resolve_model(components.llm.catalog, self.settings.kimi_model)
        for platform in self.platforms.values():
            exit_stack.push_async_callback(platform.close)
        exit_stack.push_async_callback(self.connector.close)
        await self.connector.connect()
        await start_background(components, exit_stack)
        work_queue = components.delivery.work_queue
        build_alert_monitor(components, self.monitoring.components).start(work_queue)
        exit_stack.push_async_callback(work_queue.stop, self.settings.shutdown_grace_s)
        await work_queue.start(build_processor(components, model))
        self.monitoring.start(exit_stack)
        await self._start_console()
        await self._start_platforms()
        self.monitoring.mark_started()
        log.info("service.started", platforms=sorted(self.platforms), model=model.id)

    async def _start_platforms(self) -> None:
        """Take events; a platform that only one replica may poll is started by the elected leader."""
        for platform in self.platforms.values():
            if not platform.single_poller:
                await self._start_platform(platform)
        self.connector.retry_in_background(self._start_reached_platform)
        if self._single_pollers:
            self._exit_stack.push_async_callback(self.leader_election.stop)
            await self.leader_election.start()

    @property
    def _single_pollers(self) -> Sequence[Platform]:
        """Platforms that only one replica at a time may take events from."""
        return [platform for platform in self.platforms.values() if platform.single_poller]

    async def _start_platform(self, platform: Platform) -> None:
        """Take events from a platform, unless it has yet to be reached."""
        if not self.connector.state_of(platform.name):
            await platform.start(self.components.ingestor)

    async def _start_reached_platform(self, platform: Platform) -> None:
        """Take events from a platform that could not be reached at the start, and answer its open ones."""
        await self.components.delivery.work_queue.resume()
        if not platform.single_poller or self.leader_election.is_leader:
            await platform.start(self.components.ingestor)

    def _polling_lock(self) -> int:
        """Return the lock of our bots' leader; asked once the platforms are connected."""
        return polling_lock([(platform.name, platform.tenant) for platform in self._single_pollers])

    async def _start_polling(self) -> None:
        for platform in self._single_pollers:
            await self._start_platform(platform)

    async def _stop_polling(self) -> None:
        for platform in self._single_pollers:
            await platform.stop()

    async def _start_console(self) -> None:
        """Serve the web console, if it is on.

        Raises:
            SettingsError: its address cannot be used.
        """
        server = build_console_server(self.components, self.monitoring.components)
        if server is not None:
            await start_console(server, self.settings)
            self.console = server
            self._exit_stack.push_async_callback(server.close)
            log.info("console.listening", host=self.settings.console_host, port=server.port)

    async def _start_web_server(self) -> None:
        """Serve HTTP.

        Raises:
            SettingsError: the port is taken, and a platform needs it for its webhook.
        """
        routes = [route for platform in self.platforms.values() for route in platform.routes()]
        app = Starlette(routes=[*self.monitoring.routes(), *routes])
        web = WebServer(
            app,
            host=self.settings.http_host,
            port=self.settings.http_port,
            max_body_bytes=MAX_BODY_BYTES,
        )
        try:
            await web.start()
        except OSError as exc:
            if routes:
                address = f"{self.settings.http_host}:{self.settings.http_port}"
                fault = f"MOONTHREAD_HTTP_PORT: {address} cannot be used ({exc.strerror or exc})"
                raise SettingsError([f"{fault}; choose another port"]) from exc
            log.warning("service.http_disabled", port=self.settings.http_port, error=str(exc.strerror or exc))
            return
        self.web = web
        self._exit_stack.push_async_callback(web.close)


def _build_monitoring(
    components: Components, leader_election: LeaderElection, connector: PlatformConnector
) -> Monitoring:
    base = components.base
    work_queue = components.delivery.work_queue
    return Monitoring(
        base.metrics,
        Readiness(
            base.database, work_queue, base.platforms, leader_election, unconnected_state=connector.state_of
        ),
        Gauges(
            base.metrics,
            work_queue=work_queue,
            active_answers=base.active_answers,
            gateway=components.llm.gateway,
            mcp_servers=components.mcp_states,
        ),
        base.platforms,
        base.clock,
        version=version("moonthread"),
    )


@contextlib.asynccontextmanager
async def running_service(service: Service) -> AsyncIterator[Service]:
    """Start a service on entry and stop it on exit."""
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def serve(settings: Settings, platform_names: frozenset[str]) -> None:
    """Run the service until SIGTERM or SIGINT; a second signal ends the process at once.

    Raises:
        MoonthreadError: the service cannot start; its text has one clear line for each fault.
    """
    clock, tracer = SystemClock(), tracing.tracer_from_environment()
    stop_requested = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stop_requested.set)
    service = Service(settings, build_platforms(settings, platform_names, clock), clock=clock, tracer=tracer)
    try:
        await service.start()
        await stop_requested.wait()
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)  # a further signal has its default effect: it ends us
        await service.stop()
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
        if tracer is not None:
            await asyncio.to_thread(tracer.close)
