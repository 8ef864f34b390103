"""The composition root: the one place where settings become objects that know each other."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence
from importlib.metadata import version

import structlog
from starlette.applications import Starlette

from bots.composition.components import Components
from bots.composition.settings_mapping import build_slack_config, build_slack_limits, build_telegram_config
from bots.observability import tracing
from bots.observability.monitoring import Monitoring
from bots.platform_adapter import Platform
from bots.web_server import WebServer
from core.domain.clock import Clock, SystemClock
from core.domain.errors import SettingsError
from core.kimi import (
    KNOWN_MODELS,
    KimiAuthenticationError,
    KimiError,
    KimiModelUnknown,
    KimiPermissionError,
    Model,
    check_model,
)
from core.observer import Observer
from core.prompting.model_catalog import ModelCatalog, with_default_context
from core.settings import Settings
from core.store import migrate
from core.store.cluster import POLLING_LEADER_LOCK, LeaderElection
from core.turns.runner import TurnRunner

log = structlog.get_logger(__name__)


def build_platforms(settings: Settings, platform_names: frozenset[str], clock: Clock) -> list[Platform]:
    """Make the platforms called for; the adapters of the others are not even imported."""
    made: list[Platform] = []
    if "slack" in platform_names:
        from bots.slack.app import SlackApp

        made.append(SlackApp(build_slack_config(settings), clock=clock, limits=build_slack_limits(settings)))
    if "telegram" in platform_names:
        from bots.telegram.app import TelegramApp

        made.append(TelegramApp(build_telegram_config(settings), clock=clock))
    return made


async def resolve_model(catalog: ModelCatalog, model_id: str) -> Model:
    """Return what is known of the model that shall answer.

    A provider that cannot be reached now does not stop the start: questions wait for it.

    Raises:
        SettingsError: the key is refused, or the model is retired or unknown.
    """
    served: Sequence[Model] = ()
    try:
        served = await catalog.refresh()
    except (KimiAuthenticationError, KimiPermissionError) as exc:
        raise SettingsError([f"KIMI_API_KEY: {exc}; 'moonthread check' tells more"]) from exc
    except KimiError as exc:
        log.warning("kimi.unreachable", code=exc.code, error=str(exc))
    try:
        check_model(model_id, served)
    except KimiModelUnknown as exc:
        raise SettingsError([f"KIMI_MODEL: {exc}"]) from exc
    listed = {model.id: model for model in served}.get(model_id) or KNOWN_MODELS.get(model_id)
    return with_default_context(listed or Model(id=model_id, context_tokens=0))


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
        """``exclusive`` refuses a second process on the same SQLite file; ``web`` serves HTTP.

        ``tracer`` makes traces of what happens.
        """
        self.clock: Clock = clock or SystemClock()
        self.settings = settings
        self.components = Components(settings, platforms, self.clock, exclusive=exclusive, tracer=tracer)
        self.platforms = self.components.platforms
        self.database = self.components.database
        self.web: WebServer | None = None
        self.leader_election = LeaderElection(
            self.database, POLLING_LEADER_LOCK, on_elected=self._start_polling, on_deposed=self._stop_polling
        )
        self.monitoring = Monitoring(
            self.components.metrics,
            self.database,
            self.components.work_queue,
            self.platforms,
            self.clock,
            active_answers=self.components.active_answers,
            gateway=self.components.llm.gateway,
            leader_election=self.leader_election,
            version=version("moonthread"),
        )
        self._web_enabled = web
        self._turn_runner: TurnRunner | None = None
        self._exit_stack = contextlib.AsyncExitStack()

    async def start(self) -> None:
        """Connect everything, go on with what an earlier process left, then take events.

        Raises:
            MoonthreadError: with one clear line; everything that was opened is closed again.
        """
        try:
            await self._start()
        except BaseException:
            await self._exit_stack.aclose()
            raise

    async def stop(self) -> None:
        """Say that we are not ready, take no more events, let answers end within the grace, close all."""
        await self.monitoring.begin_shutdown()
        await self.leader_election.stop()
        for platform in self.platforms.values():
            await platform.stop()
        if self._turn_runner is not None:
            self._turn_runner.stopping = True
        log.info(
            "service.stopping",
            running=len(self.components.active_answers),
            grace_s=self.settings.shutdown_grace_s,
        )
        await self._exit_stack.aclose()
        log.info("service.stopped")

    async def _start(self) -> None:
        closing = self._exit_stack
        if self._web_enabled:
            await self._start_web_server()  # first, so that it closes last: figures are of use to the end
        closing.push_async_callback(self.database.close)
        closing.push_async_callback(self.components.llm.close)
        if self.settings.migrate == "auto":
            await migrate.upgrade(self.settings.database_url.get_secret_value())
        await migrate.require_compatible(self.database)
        closing.push_async_callback(self.components.model_catalog.close)
        model = await resolve_model(self.components.model_catalog, self.settings.kimi_model)
        for platform in self.platforms.values():
            closing.push_async_callback(platform.close)
            await platform.connect()
        await self.components.start_background(closing)
        self._turn_runner = self.components.build_turn_runner(model)
        closing.push_async_callback(self.components.work_queue.stop, self.settings.shutdown_grace_s)
        await self.components.work_queue.start(self._turn_runner)
        self.monitoring.start(closing)
        for platform in self.platforms.values():
            if platform not in self._single_pollers:
                await platform.start(self.components.ingestor)
        if self._single_pollers:
            closing.push_async_callback(self.leader_election.stop)
            await self.leader_election.start()
        self.monitoring.readiness.started = True
        log.info("service.started", platforms=sorted(self.platforms), model=model.id)

    @property
    def _single_pollers(self) -> Sequence[Platform]:
        """Return the platforms that only one replica at a time may take events from."""
        return [platform for platform in self.platforms.values() if getattr(platform, "single_poller", False)]

    async def _start_polling(self) -> None:
        for platform in self._single_pollers:
            await platform.start(self.components.ingestor)

    async def _stop_polling(self) -> None:
        for platform in self._single_pollers:
            await platform.stop()

    async def _start_web_server(self) -> None:
        routes = [route for platform in self.platforms.values() for route in platform.routes()]
        app = Starlette(routes=[*self.monitoring.routes(), *routes])
        self.web = WebServer(app, host=self.settings.http_host, port=self.settings.http_port)
        try:
            await self.web.start()
        except OSError as exc:
            if routes:
                address = f"{self.settings.http_host}:{self.settings.http_port}"
                fault = f"MOONTHREAD_HTTP_PORT: {address} cannot be used ({exc.strerror or exc})"
                raise SettingsError([f"{fault}; choose another port"]) from exc
            log.warning("service.http_disabled", port=self.settings.http_port, error=str(exc.strerror or exc))
            self.web = None
            return
        self._exit_stack.push_async_callback(self.web.close)


@contextlib.asynccontextmanager
async def running_service(service: Service) -> AsyncIterator[Service]:
    """Start a service for the length of a block."""
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def serve(settings: Settings, platform_names: frozenset[str]) -> None:
    """Run the service until SIGTERM or SIGINT; a second signal ends the grace.

    Raises:
        MoonthreadError: the service cannot start; the text is one clear line for each fault.
    """
    clock, tracer = SystemClock(), tracing.tracer_from_environment()
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop.set)
    service = Service(settings, build_platforms(settings, platform_names, clock), clock=clock, tracer=tracer)
    try:
        await service.start()
        await asked_to_stop.wait()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)  # from here on a signal ends us as it ends any program
        await service.stop()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        if tracer is not None:
            await asyncio.to_thread(tracer.close)
