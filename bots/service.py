"""The composition root: the one place where settings become objects that know each other."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bots.accounts import Accounts
from bots.configs import access_of, budgets_of, prices_of, slack_config, slack_limits, telegram_config
from bots.platform import Platform
from bots.web import WebServer
from core.account import account_name
from core.chat.answer import Answerer
from core.chat.catalogue import Catalogue, described
from core.chat.context import Contexts
from core.chat.ingest import Ingestor
from core.chat.orders import (
    BASIC,
    ContextOrder,
    FilesOrder,
    ForgetOrder,
    Handler,
    ModelOrder,
    NewOrder,
    Orders,
    PersonaOrder,
    SearchOrder,
    ThinkOrder,
    UsageOrder,
    may_change,
)
from core.chat.personas import Personas
from core.chat.pseudonyms import PseudonymousModel
from core.chat.ratios import Ratios
from core.chat.retention import Retention
from core.chat.settings import Busy, ChatSettings
from core.chat.summary import Summarizer
from core.chat.toolbox import Toolbox
from core.chat.turn import TurnRunner
from core.clock import Clock, SystemClock
from core.delivery.courier import Courier
from core.engine.embedded import EmbeddedEngine
from core.engine.running import RunningAnswers
from core.errors import SettingsError
from core.files.keeping import Keeper
from core.files.library import Library
from core.files.reader import Reader
from core.files.shelf import Shelf
from core.kimi import (
    KNOWN,
    KimiAuthenticationError,
    KimiError,
    KimiModelUnknown,
    KimiPermissionError,
    Model,
    built_in,
    check_model,
)
from core.model import CommandName
from core.settings import Settings
from core.store import Database, migrate
from core.store.cluster import POLLING_LOCK, Leadership
from core.tools.own import load as load_tools

if TYPE_CHECKING:
    from core.engine.scaleout import ScaleoutEngine

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
    ) -> None:
        """``exclusive`` refuses a second process on the same SQLite file; ``web`` serves HTTP."""
        self.clock: Clock = clock or SystemClock()
        self.settings = settings
        self.platforms: Mapping[str, Platform] = {platform.name: platform for platform in platforms}
        self.database = Database(settings.database_url.get_secret_value())
        sole = exclusive and self.database.dialect == "sqlite"
        self.accounts = Accounts(settings, self.database, self.clock, sole=sole)
        self.kimi = self.accounts.first
        self.running = RunningAnswers()
        self.courier = Courier(self.clock)
        self.catalogue = Catalogue(self.kimi.models, self.clock, fallback=built_in(settings.kimi_base_url))
        self.model = PseudonymousModel(self.accounts.model, self.database)
        self.summarizer = Summarizer(self.database, self.model, self.clock, prices=prices_of(settings))
        self.retention = Retention(self.database, self.clock, days=settings.retention_days)
        self._make_files()
        self.engine = self._make_engine(exclusive)
        self.ingest = Ingestor(
            self.database,
            self.engine,
            interrupt=settings.busy == "interrupt",
            answer_edits=settings.answer_edits == "on",
            access=access_of(settings),
        )
        self.web: WebServer | None = None
        self.leadership = Leadership(
            self.database, POLLING_LOCK, on_gain=self._begin_polling, on_loss=self._end_polling
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
        """Take no more events, let running answers end within the grace, close everything."""
        await self.leadership.stop()
        for platform in self.platforms.values():
            await platform.stop()
        if self._runner is not None:
            self._runner.stopping = True
        log.info("stopping", running=len(self.running), grace_s=self.settings.stop_grace_s)
        await self._closing.aclose()
        log.info("stopped")

    async def _start(self) -> None:
        closing = self._closing
        closing.push_async_callback(self.database.close)
        closing.push_async_callback(self.accounts.close)
        if self.settings.migrate == "auto":
            await migrate.upgrade(self.settings.database_url.get_secret_value())
        await migrate.require_current(self.database)
        closing.push_async_callback(self.catalogue.close)
        model = await find_model(self.catalogue, self.settings.kimi_model)
        for platform in self.platforms.values():
            closing.push_async_callback(platform.close)
            await platform.connect()
        self.courier.start()
        closing.push_async_callback(self.courier.close)
        closing.push_async_callback(self.summarizer.close)
        self.retention.start()
        closing.push_async_callback(self.retention.close)
        self.keeper.start()
        closing.push_async_callback(self.keeper.close)
        self._runner = self._make_runner(model)
        closing.push_async_callback(self.engine.stop, self.settings.stop_grace_s)
        await self.engine.start(self._runner)
        if self._serves_web:
            await self._serve_web()
        for platform in self.platforms.values():
            if platform not in self._pollers:
                await platform.start(self.ingest)
        if self._pollers:
            closing.push_async_callback(self.leadership.stop)
            await self.leadership.start()
        log.info("started", platforms=sorted(self.platforms), model=model.id)

    def _make_files(self) -> None:
        """Make what reads, shows and deletes files; they go to the first account."""
        settings, key = self.settings, self.settings.kimi_api_key
        account = account_name(settings.kimi_base_url, key.get_secret_value() if key else "")
        folder = settings.data_dir / "reading"
        shelf = Shelf(self.database, self.kimi.files, self.clock, account=account)
        downloads = {name: platform.downloads for name, platform in self.platforms.items()}
        library = Library(
            self.database,
            shelf,
            self.clock,
            downloads={name: one for name, one in downloads.items() if one is not None},
            folder=folder,
        )
        self.keeper = Keeper(self.database, shelf, self.clock, folder=folder)
        self.reader = Reader(self.database, library)

    def _make_engine(self, exclusive: bool) -> "EmbeddedEngine | ScaleoutEngine":
        if self.database.dialect != "postgresql":
            return EmbeddedEngine(self.database, self.running, self.clock, exclusive=exclusive)
        from core.engine.scaleout import ScaleoutEngine  # late: SQLite has no use for procrastinate

        engine = ScaleoutEngine(
            self.database,
            self.running,
            self.clock,
            platforms=list(self.platforms),
            on_fence=self.courier.cut,
        )
        self.courier.may_call = lambda: engine.lease.valid
        return engine

    @property
    def _pollers(self) -> Sequence[Platform]:
        """Return the platforms that only one replica at a time may take events from."""
        return [platform for platform in self.platforms.values() if getattr(platform, "single_poller", False)]

    async def _begin_polling(self) -> None:
        for platform in self._pollers:
            await platform.start(self.ingest)

    async def _end_polling(self) -> None:
        for platform in self._pollers:
            await platform.stop()

    def _make_runner(self, model: Model) -> TurnRunner:
        settings = self.settings
        sampling = {"temperature": settings.kimi_temperature, "top_p": settings.kimi_top_p}
        chat = ChatSettings(
            model=model.id,
            context_tokens=model.context_tokens,
            reply_tokens=settings.reply_tokens,
            system_prompt=settings.kimi_system_prompt,
            thinking=None if settings.kimi_thinking is None else settings.kimi_thinking == "on",
            sampling={name: value for name, value in sampling.items() if value is not None},
            busy=Busy(settings.busy),
            continuations=settings.continuations,
            resume_attempts=settings.resume_attempts,
            buttons=settings.buttons == "on",
            access=access_of(settings),
            budgets=budgets_of(settings),
            prices=prices_of(settings),
            show_thinking=settings.show_thinking == "on",
            weights=settings.weights,
        )
        ratios = Ratios(self.database)
        personas = Personas(settings.data_dir / "personas")
        contexts = Contexts(
            self.database,
            self.catalogue,
            self.summarizer,
            chat,
            ratios=ratios,
            personas=personas,
            count_tokens=self.kimi.count_tokens,
            reader=self.reader,
        )
        own = load_tools(settings.tools).tools
        toolbox = Toolbox(self.database, self.kimi, own, search=settings.search == "on")
        return TurnRunner(
            self.database,
            self.courier,
            Answerer(
                self.database,
                self.model,
                contexts,
                ratios,
                chat,
                self.clock,
                toolbox=toolbox,
                reader=self.reader,
            ),
            Orders({**BASIC, **self._context_orders(contexts, personas, toolbox)}),
            self.running,
            self.clock,
            surfaces={name: platform.surface for name, platform in self.platforms.items()},
            backfills={
                name: platform.backfill
                for name, platform in self.platforms.items()
                if platform.backfill is not None
            },
            settings=chat,
        )

    def _context_orders(
        self, contexts: Contexts, personas: Personas, toolbox: Toolbox
    ) -> Mapping[CommandName, Handler]:
        allowed = may_change(self.settings.group_changes)
        return {
            CommandName.MODEL: ModelOrder(self.database, contexts, self.catalogue, may_change=allowed),
            CommandName.THINK: ThinkOrder(self.database, contexts, may_change=allowed),
            CommandName.SYSTEM: PersonaOrder(self.database, contexts, personas, may_change=allowed),
            CommandName.SEARCH: SearchOrder(self.database, toolbox, may_change=allowed),
            CommandName.CONTEXT: ContextOrder(self.database, contexts),
            CommandName.FILES: FilesOrder(self.database, self.keeper),
            CommandName.NEW: NewOrder(self.keeper),
            CommandName.USAGE: UsageOrder(self.database),
            CommandName.FORGET: ForgetOrder(
                self.database, self.clock, cancel=self.engine.cancel, tidy=self.keeper.tidy_soon
            ),
        }

    async def _serve_web(self) -> None:
        routes = [route for platform in self.platforms.values() for route in platform.routes()]
        app = Starlette(routes=[Route("/healthz", _healthz), *routes])
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


async def _healthz(_: Request) -> JSONResponse:
    """Say that the process is alive."""
    return JSONResponse({"status": "ok"})


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
    clock = SystemClock()
    asked_to_stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked_to_stop.set)
    service = Service(settings, platforms_of(settings, names, clock), clock=clock)
    try:
        await service.start()
        await asked_to_stop.wait()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)  # from here on a signal ends us as it ends any program
        await service.stop()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
