"""The composition root: the one place where settings become objects that know each other."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence
from importlib.metadata import version

import structlog
from starlette.applications import Starlette

from bots.composition.components import Parts
from bots.composition.settings_mapping import slack_config, slack_limits, telegram_config
from bots.observability import tracing
from bots.observability.operations import Operation
from bots.platform_adapter import Platform
from bots.web_server import WebServer
from core.domain.clock import Clock, SystemClock
from core.domain.errors import SettingsError
from core.kimi import (
    KNOWN,
    KimiAuthenticationError,
    KimiError,
    KimiModelUnknown,
    KimiPermissionError,
    Model,
    check_model,
)
from core.observer import Observer
from core.prompting.model_catalog import Catalogue, described
from core.settings import Settings
from core.store import migrate
from core.store.cluster import POLLING_LOCK, Leadership
from core.turns.runner import TurnRunner

log = structlog.get_logger(__name__)


def platforms_of(settings: Settings, names: frozenset[str], clock: Clock) -> list[Platform]:
    """Make the platforms called for; the adapters of the others are not even imported."""
    made: list[Platform] = []
    if "slack" in names:
        from bots.slack.app import SlackApp

        made.append(SlackApp(slack_config(settings), clock=clock, limits=slack_limits(settings)))
    if "telegram" in names:
        from bots.telegram.app import TelegramApp

        made.append(TelegramApp(telegram_config(settings), clock=clock))
    return made


async def find_model(catalogue: Catalogue, wanted: str) -> Model:
    """Return what is known of the model that shall answer.

    A provider that cannot be reached now does not stop the start: questions wait for it.

    Raises:
        SettingsError: the key is refused, or the model is retired or unknown.
    """
    served: Sequence[Model] = ()
    try:
        served = await catalogue.models()
    except (KimiAuthenticationError, KimiPermissionError) as exc:
        raise SettingsError([f"KIMI_API_KEY: {exc}; 'moonthread check' tells more"]) from exc
    except KimiError as exc:
        log.warning("kimi_unreachable", code=exc.code, error=str(exc))
    try:
        check_model(wanted, served)
    except KimiModelUnknown as exc:
        raise SettingsError([f"KIMI_MODEL: {exc}"]) from exc
    listed = {model.id: model for model in served}.get(wanted) or KNOWN.get(wanted)
    return described(listed or Model(id=wanted, context_tokens=0))


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
        self.parts = Parts(settings, platforms, self.clock, exclusive=exclusive, tracer=tracer)
        self.platforms = self.parts.platforms
        self.database = self.parts.database
        self.web: WebServer | None = None
        self.leadership = Leadership(
            self.database, POLLING_LOCK, on_gain=self._begin_polling, on_loss=self._end_polling
        )
        self.operation = Operation(
            self.parts.metrics,
            self.database,
            self.parts.engine,
            self.platforms,
            self.clock,
            running=self.parts.running,
            accounts=self.parts.accounts.model,
            leadership=self.leadership,
            version=version("moonthread"),
        )
        self._serves_web = web
        self._runner: TurnRunner | None = None
        self._closing = contextlib.AsyncExitStack()

    async def start(self) -> None:
        """Connect everything, go on with what an earlier process left, then take events.

        Raises:
            MoonthreadError: with one clear line; everything that was opened is closed again.
        """
        try:
            await self._start()
        except BaseException:
            await self._closing.aclose()
            raise

    async def stop(self) -> None:
        """Say that we are not ready, take no more events, let answers end within the grace, close all."""
        await self.operation.stopping()
        await self.leadership.stop()
        for platform in self.platforms.values():
            await platform.stop()
        if self._runner is not None:
            self._runner.stopping = True
        log.info("stopping", running=len(self.parts.running), grace_s=self.settings.stop_grace_s)
        await self._closing.aclose()
        log.info("stopped")

    async def _start(self) -> None:
        closing = self._closing
        if self._serves_web:
            await self._serve_web()  # first, so that it closes last: figures are of use to the end
        closing.push_async_callback(self.database.close)
        closing.push_async_callback(self.parts.accounts.close)
        if self.settings.migrate == "auto":
            await migrate.upgrade(self.settings.database_url.get_secret_value())
        await migrate.require_current(self.database)
        closing.push_async_callback(self.parts.catalogue.close)
        model = await find_model(self.parts.catalogue, self.settings.kimi_model)
        for platform in self.platforms.values():
            closing.push_async_callback(platform.close)
            await platform.connect()
        await self.parts.start_background(closing)
        self._runner = self.parts.runner(model)
        closing.push_async_callback(self.parts.engine.stop, self.settings.stop_grace_s)
        await self.parts.engine.start(self._runner)
        self.operation.start(closing)
        for platform in self.platforms.values():
            if platform not in self._pollers:
                await platform.start(self.parts.ingest)
        if self._pollers:
            closing.push_async_callback(self.leadership.stop)
            await self.leadership.start()
        self.operation.readiness.started = True
        log.info("started", platforms=sorted(self.platforms), model=model.id)

    @property
    def _pollers(self) -> Sequence[Platform]:
        """Return the platforms that only one replica at a time may take events from."""
        return [platform for platform in self.platforms.values() if getattr(platform, "single_poller", False)]

    async def _begin_polling(self) -> None:
        for platform in self._pollers:
            await platform.start(self.parts.ingest)

    async def _end_polling(self) -> None:
        for platform in self._pollers:
            await platform.stop()

    async def _serve_web(self) -> None:
        routes = [route for platform in self.platforms.values() for route in platform.routes()]
        app = Starlette(routes=[*self.operation.routes(), *routes])
        self.web = WebServer(app, host=self.settings.http_host, port=self.settings.http_port)
        try:
            await self.web.start()
        except OSError as exc:
            if routes:
                address = f"{self.settings.http_host}:{self.settings.http_port}"
                fault = f"MOONTHREAD_HTTP_PORT: {address} cannot be used ({exc.strerror or exc})"
                raise SettingsError([f"{fault}; choose another port"]) from exc
            log.warning("health_page_off", port=self.settings.http_port, error=str(exc.strerror or exc))
            self.web = None
            return
        self._closing.push_async_callback(self.web.close)


@contextlib.asynccontextmanager
async def running_service(service: Service) -> AsyncIterator[Service]:
    """Start a service for the length of a block."""
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


async def serve(settings: Settings, names: frozenset[str]) -> None:
    """Run the service until SIGTERM or SIGINT; a second signal ends the grace.

    Raises:
        MoonthreadError: the service cannot start; the text is one clear line for each fault.
    """
    clock, tracer = SystemClock(), tracing.from_environment()
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop.set)
    service = Service(settings, platforms_of(settings, names, clock), clock=clock, tracer=tracer)
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
