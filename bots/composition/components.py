"""The composition root's parts: what settings become, before anything is started.

A new part is made here and handed to those that need it; :mod:`bots.composition.service` starts and ends it.
"""

import contextlib
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bots.composition.handoff_wiring import LANES, Desks, desk_terms_of
from bots.composition.knowledge_wiring import Knowing
from bots.composition.llm_wiring import Accounts
from bots.composition.settings_mapping import access_of, budgets_of, masker_of, pace_limits_of, prices_of
from bots.observability.metrics import Metrics
from bots.observability.metrics_observer import ServiceObserver
from bots.platform_adapter import Platform
from core.answering.answerer import Answerer
from core.chat_settings import Busy, ChatSettings
from core.commands import (
    BASIC,
    DESK_ORDERS,
    BlockOrder,
    ContextOrder,
    FilesOrder,
    ForgetOrder,
    Handler,
    ModelOrder,
    NewOrder,
    Orders,
    PersonaOrder,
    SearchOrder,
    SettingsOrder,
    ThinkOrder,
    UnblockOrder,
    UsageOrder,
    may_change,
)
from core.delivery.budget_snapshot import BudgetKeeper
from core.delivery.dispatcher import Courier
from core.delivery.shared_budget_store import StoreBudgets
from core.domain.clock import Clock
from core.domain.events import CommandName
from core.files.garbage_collector import Keeper
from core.files.library import Library
from core.files.reader import Reader
from core.handoff.event_handler import DeskDoor
from core.handoff.offer_button import OfferButton, Offers
from core.handoff.policy import ChatDeskRules
from core.handoff.service import Desk
from core.inbound.flood_control import Doorkeeper
from core.inbound.ingest import Ingestor
from core.inbound.staff import Staff
from core.kimi import Model, built_in
from core.llm.masking_model import MaskedAsks, MaskedModel, masked_count
from core.llm.pseudonymizing_model import PseudonymousModel
from core.observer import Observer
from core.prompting.context_builder import Contexts
from core.prompting.model_catalog import Catalogue
from core.prompting.personas import Personas
from core.prompting.summarizer import Summarizer
from core.prompting.token_ratio import Ratios
from core.retention import Retention
from core.settings import Settings
from core.store import Database
from core.tools.own import load as load_tools
from core.tools.registry import Toolbox
from core.turns.intent_classifier import QuestionJudge
from core.turns.runner import TurnRunner
from core.work_queue.active_answers import RunningAnswers
from core.work_queue.embedded import EmbeddedEngine

if TYPE_CHECKING:
    from core.work_queue.postgres import ScaleoutEngine


class Parts:
    """Everything that one process is made of; nothing runs yet."""

    def __init__(
        self,
        settings: Settings,
        platforms: Sequence[Platform],
        clock: Clock,
        *,
        exclusive: bool,
        tracer: Observer | None = None,
    ) -> None:
        """``exclusive`` refuses a second process on the same SQLite file; ``tracer`` makes traces."""
        self.settings, self.clock = settings, clock
        self.metrics = Metrics()
        self.observer = ServiceObserver(self.metrics, prices_of(settings), tracer=tracer)
        self.platforms: Mapping[str, Platform] = {platform.name: platform for platform in platforms}
        self.database = Database(settings.database_url.get_secret_value())
        sole = exclusive and self.database.dialect == "sqlite"
        self.accounts = Accounts(settings, self.database, clock, sole=sole, observer=self.observer)
        self.kimi = self.accounts.first
        self.running = RunningAnswers()
        self.courier = Courier(clock, budgets=self._shared_budgets(), observer=self.observer)
        self.catalogue = Catalogue(self.kimi.models, clock, fallback=built_in(settings.kimi_base_url))
        self.masker = masker_of(settings)
        model = MaskedModel(self.accounts.model, self.masker) if self.masker else self.accounts.model
        self.model = PseudonymousModel(model, self.database)
        self.summarizer = Summarizer(self.database, self.model, clock, prices=prices_of(settings))
        self._make_files()
        self.retention = Retention(
            self.database, clock, days=settings.retention_days, tidy=self.keeper.tidy_soon
        )
        self.engine = self._make_engine(exclusive)
        self._make_desk()
        members = {name: platform.members for name, platform in self.platforms.items()}
        self.staff = Staff(
            self.database,
            clock,
            access=access_of(settings),
            members={name: one for name, one in members.items() if one is not None},
        )
        self.ingest = Ingestor(
            self.database,
            self.engine,
            interrupt=settings.busy == "interrupt",
            answer_edits=settings.answer_edits == "on",
            access=access_of(settings),
            staff=self.staff,
            observer=self.observer,
            doors=(Doorkeeper(access_of(settings), pace_limits_of(settings)), DeskDoor(self.desks.desk)),
        )

    def _shared_budgets(self) -> StoreBudgets | None:
        """Return the platforms' budgets as all replicas spend them; None where we are alone."""
        if self.database.dialect != "postgresql":
            return None
        return StoreBudgets(self.database, self.clock, replica=secrets.token_hex(4))

    async def start_background(self, closing: contextlib.AsyncExitStack) -> None:
        """Start what works beside the conversations; ``closing`` ends it, last started first."""
        if self.database.dialect == "sqlite":
            kept = BudgetKeeper(self.database, self.clock, self.courier.scheduler)
            await kept.start()
            closing.push_async_callback(kept.close)
        self.courier.start()
        closing.push_async_callback(self.courier.close)
        closing.push_async_callback(self.summarizer.close)
        self.retention.start(self.engine)
        self.keeper.start(self.engine)
        closing.push_async_callback(self.keeper.close)
        self.desks.reminders.start(self.engine)

    def runner(self, model: Model) -> TurnRunner:
        """Make what answers, once it is known which model does."""
        settings, chat = self.settings, self._chat_settings(model)
        ratios = Ratios(self.database)
        personas = Personas(settings.data_dir / "personas")
        contexts = Contexts(
            self.database,
            self.catalogue,
            self.summarizer,
            chat,
            ratios=ratios,
            personas=personas,
            count_tokens=masked_count(self.kimi.count_tokens, self.masker),
            reader=self.reader,
            knowledge=self.knowing.knowledge,
        )
        own = load_tools(settings.tools).tools
        asks = MaskedAsks(self.kimi, self.masker)
        toolbox = Toolbox(self.database, asks, own, search=settings.search == "on")
        desk = self.desks.runner(self.model, contexts, prices=prices_of(settings))
        runner = TurnRunner(
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
            Orders(
                {**BASIC, **DESK_ORDERS, **self._context_orders(contexts, personas, toolbox)},
                runs=self.staff.runs,
            ),
            self.running,
            self.clock,
            observer=self.observer,
            surfaces={name: platform.surface for name, platform in self.platforms.items()},
            backfills={
                name: platform.backfill
                for name, platform in self.platforms.items()
                if platform.backfill is not None
            },
            settings=chat,
            own_words=self.knowing.own_words(self.desks.desk),
            afterwards=(Offers(self.database, self.desks.desk, self.engine),),
            under=(OfferButton(self.database, self.desks.desk),),
            lanes=dict.fromkeys(LANES, desk),
            judge=QuestionJudge(self.database, self.model, contexts, self.clock, prices=prices_of(settings)),
        )
        desk.stopping = lambda: runner.stopping
        return runner

    def _chat_settings(self, model: Model) -> ChatSettings:
        settings = self.settings
        sampling = {"temperature": settings.kimi_temperature, "top_p": settings.kimi_top_p}
        return ChatSettings(
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

    def _make_files(self) -> None:
        """Make what reads, shows and deletes files; they go to the first account that can be reached."""
        folder = self.settings.data_dir / "reading"
        shelf, *others = self.accounts.shelves()
        downloads = {name: platform.downloads for name, platform in self.platforms.items()}
        library = Library(
            self.database,
            shelf,
            self.clock,
            downloads={name: one for name, one in downloads.items() if one is not None},
            folder=folder,
            others=others,
        )
        self.keeper = Keeper(self.database, shelf, self.clock, folder=folder, others=others)
        self.reader = Reader(self.database, library)
        self.knowing = Knowing(self.database, library, shelf, runs_the_chat=lambda who: self.staff.runs(who))

    def _make_desk(self) -> None:
        """Make what hands conversations over to people."""
        rules = ChatDeskRules(
            desk_terms_of(self.settings),
            access_of(self.settings),
            known=lambda who: self.staff.known(who),
        )
        self.desks = Desks(
            self.settings,
            self.database,
            self.courier,
            self.engine,
            self.clock,
            Desk(rules),
            self.platforms,
        )

    def _make_engine(self, exclusive: bool) -> "EmbeddedEngine | ScaleoutEngine":
        if self.database.dialect != "postgresql":
            return EmbeddedEngine(self.database, self.running, self.clock, exclusive=exclusive)
        from core.work_queue.postgres import ScaleoutEngine  # late: SQLite has no use for procrastinate

        engine = ScaleoutEngine(
            self.database,
            self.running,
            self.clock,
            platforms=list(self.platforms),
            on_fence=self.courier.cut,
        )
        self.courier.may_call = lambda: engine.lease.valid
        return engine

    def _context_orders(
        self, contexts: Contexts, personas: Personas, toolbox: Toolbox
    ) -> Mapping[CommandName, Handler]:
        allowed = may_change(self.settings.group_changes)
        return {
            CommandName.MODEL: ModelOrder(self.database, contexts, self.catalogue, may_change=allowed),
            CommandName.THINK: ThinkOrder(self.database, contexts, may_change=allowed),
            CommandName.SYSTEM: PersonaOrder(self.database, contexts, personas, may_change=allowed),
            CommandName.SEARCH: SearchOrder(self.database, toolbox, may_change=allowed),
            CommandName.SETTINGS: SettingsOrder(self.database, self.staff, self.catalogue, personas),
            CommandName.CONTEXT: ContextOrder(self.database, contexts),
            CommandName.FILES: FilesOrder(self.database, self.keeper),
            **self.knowing.orders(),
            CommandName.NEW: NewOrder(self.keeper),
            CommandName.BLOCK: BlockOrder(self.database, access_of(self.settings), staff=self.staff),
            CommandName.UNBLOCK: UnblockOrder(self.database, staff=self.staff),
            CommandName.USAGE: UsageOrder(self.database),
            CommandName.FORGET: ForgetOrder(
                self.database, self.clock, cancel=self.engine.cancel, tidy=self.keeper.tidy_soon
            ),
        }
