"""The composition root's parts: what settings become, before anything is started.

A new part is made here and handed to those that need it; :mod:`bots.composition.service` starts and ends it.
"""

import contextlib
import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bots.composition.handoff_wiring import HANDOFF_LANES, HandoffComponents, build_handoff_policy
from bots.composition.knowledge_wiring import KnowledgeComponents
from bots.composition.llm_wiring import LlmComponents
from bots.composition.settings_mapping import (
    build_access_lists,
    build_flood_limits,
    build_masker,
    build_price_list,
    build_quotas,
)
from bots.observability.metrics import Metrics
from bots.observability.metrics_observer import MetricsObserver
from bots.platform_adapter import Platform
from core.answering.answerer import Answerer
from core.chat_settings import ChatSettings, WhileAnswering
from core.commands import (
    BASIC_COMMANDS,
    HANDOFF_COMMANDS,
    BlockCommand,
    CommandDispatcher,
    CommandHandler,
    ContextCommand,
    FilesCommand,
    ForgetCommand,
    ModelCommand,
    NewCommand,
    PersonaCommand,
    SearchCommand,
    SettingsCommand,
    ThinkCommand,
    UnblockCommand,
    UsageCommand,
    may_change,
)
from core.delivery.budget_snapshot import BudgetSnapshotter
from core.delivery.dispatcher import DeliveryDispatcher
from core.delivery.shared_budget_store import SharedBudgetStore
from core.domain.clock import Clock
from core.domain.events import CommandName
from core.files.garbage_collector import FileGarbageCollector
from core.files.library import Library
from core.files.reader import FileReader
from core.handoff.event_handler import HandoffEventHandler
from core.handoff.offer_button import EscalationHook, HandoffButtonProvider
from core.handoff.policy import ChatHandoffPolicies
from core.handoff.service import HandoffService
from core.inbound.flood_control import FloodControl
from core.inbound.ingest import Ingestor
from core.inbound.staff import StaffDirectory
from core.kimi import Model, built_in_models
from core.llm.masking_model import MaskingApi, MaskingModel, masking_token_counter
from core.llm.pseudonymizing_model import PseudonymizingModel
from core.observer import Observer
from core.prompting.context_builder import PromptBuilder
from core.prompting.model_catalog import ModelCatalog
from core.prompting.personas import Personas
from core.prompting.summarizer import Summarizer
from core.prompting.token_ratio import TokenRatios
from core.retention import Retention
from core.settings import Settings
from core.store import Database
from core.tools.custom_tools import load_tools as load_tools
from core.tools.registry import ToolRegistry
from core.turns.intent_classifier import KimiIntentClassifier
from core.turns.runner import TurnRunner
from core.work_queue.active_answers import ActiveAnswers
from core.work_queue.embedded import EmbeddedWorkQueue

if TYPE_CHECKING:
    from core.work_queue.postgres import PostgresWorkQueue


class Components:
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
        self.observer = MetricsObserver(self.metrics, build_price_list(settings), tracer=tracer)
        self.platforms: Mapping[str, Platform] = {platform.name: platform for platform in platforms}
        self.database = Database(settings.database_url.get_secret_value())
        sole = exclusive and self.database.dialect == "sqlite"
        self.llm = LlmComponents(settings, self.database, clock, single_replica=sole, observer=self.observer)
        self.kimi = self.llm.primary_client
        self.active_answers = ActiveAnswers()
        self.dispatcher = DeliveryDispatcher(
            clock, shared_budgets=self._build_shared_budgets(), observer=self.observer
        )
        self.model_catalog = ModelCatalog(
            self.kimi.models, clock, fallback=built_in_models(settings.kimi_base_url)
        )
        self.masker = build_masker(settings)
        model = MaskingModel(self.llm.gateway, self.masker) if self.masker else self.llm.gateway
        self.model = PseudonymizingModel(model, self.database)
        self.summarizer = Summarizer(self.database, self.model, clock, prices=build_price_list(settings))
        self._build_files()
        self.retention = Retention(
            self.database,
            clock,
            retention_days=settings.retention_days,
            collect_files=self.file_garbage_collector.collect_soon,
        )
        self.work_queue = self._build_work_queue(exclusive)
        self._build_handoff()
        members = {name: platform.members for name, platform in self.platforms.items()}
        self.staff = StaffDirectory(
            self.database,
            clock,
            access=build_access_lists(settings),
            members={name: one for name, one in members.items() if one is not None},
        )
        self.ingestor = Ingestor(
            self.database,
            self.work_queue,
            interrupt_running=settings.while_answering == "interrupt",
            answer_edits=settings.answer_edits == "on",
            access=build_access_lists(settings),
            staff=self.staff,
            observer=self.observer,
            handlers=(
                FloodControl(build_access_lists(settings), build_flood_limits(settings)),
                HandoffEventHandler(self.handoff.service),
            ),
        )

    def _build_shared_budgets(self) -> SharedBudgetStore | None:
        """Return the platforms' budgets as all replicas spend them; None where we are alone."""
        if self.database.dialect != "postgresql":
            return None
        return SharedBudgetStore(self.database, self.clock, replica=secrets.token_hex(4))

    async def start_background(self, exit_stack: contextlib.AsyncExitStack) -> None:
        """Start what works beside the conversations; ``closing`` ends it, last started first."""
        if self.database.dialect == "sqlite":
            kept = BudgetSnapshotter(self.database, self.clock, self.dispatcher.scheduler)
            await kept.start()
            exit_stack.push_async_callback(kept.close)
        self.dispatcher.start()
        exit_stack.push_async_callback(self.dispatcher.close)
        exit_stack.push_async_callback(self.summarizer.close)
        self.retention.start(self.work_queue)
        self.file_garbage_collector.start(self.work_queue)
        exit_stack.push_async_callback(self.file_garbage_collector.close)
        self.handoff.reminders.start(self.work_queue)

    def build_turn_runner(self, model: Model) -> TurnRunner:
        """Make what answers, once it is known which model does."""
        settings, chat = self.settings, self._build_chat_settings(model)
        ratios = TokenRatios(self.database)
        personas = Personas(settings.data_dir / "personas")
        contexts = PromptBuilder(
            self.database,
            self.model_catalog,
            self.summarizer,
            chat,
            token_ratios=ratios,
            personas=personas,
            count_tokens=masking_token_counter(self.kimi.count_tokens, self.masker),
            file_reader=self.file_reader,
            retriever=self.knowledge.retriever,
        )
        own = load_tools(settings.tools).tools
        asks = MaskingApi(self.kimi, self.masker)
        toolbox = ToolRegistry(self.database, asks, own, search_by_default=settings.web_search == "on")
        desk = self.handoff.build_outbox_runner(self.model, contexts, prices=build_price_list(settings))
        runner = TurnRunner(
            self.database,
            self.dispatcher,
            Answerer(
                self.database,
                self.model,
                contexts,
                ratios,
                chat,
                self.clock,
                tool_registry=toolbox,
                file_reader=self.file_reader,
            ),
            CommandDispatcher(
                {**BASIC_COMMANDS, **HANDOFF_COMMANDS, **self._build_commands(contexts, personas, toolbox)},
                is_chat_admin=self.staff.is_chat_admin,
            ),
            self.active_answers,
            self.clock,
            observer=self.observer,
            channels={name: platform.message_channel for name, platform in self.platforms.items()},
            backfills={
                name: platform.backfill
                for name, platform in self.platforms.items()
                if platform.backfill is not None
            },
            settings=chat,
            predefined_answers=self.knowledge.predefined_answers(self.handoff.service),
            after_answer_hooks=(EscalationHook(self.database, self.handoff.service, self.work_queue),),
            button_providers=(HandoffButtonProvider(self.database, self.handoff.service),),
            lane_handlers=dict.fromkeys(HANDOFF_LANES, desk),
            classifier=KimiIntentClassifier(
                self.database, self.model, contexts, self.clock, prices=build_price_list(settings)
            ),
        )
        desk.stopping = lambda: runner.stopping
        return runner

    def _build_chat_settings(self, model: Model) -> ChatSettings:
        settings = self.settings
        sampling = {"temperature": settings.kimi_temperature, "top_p": settings.kimi_top_p}
        return ChatSettings(
            model=model.id,
            context_tokens=model.context_tokens,
            reply_tokens=settings.reply_tokens,
            system_prompt=settings.kimi_system_prompt,
            thinking=None if settings.kimi_thinking is None else settings.kimi_thinking == "on",
            sampling_params={name: value for name, value in sampling.items() if value is not None},
            while_answering=WhileAnswering(settings.while_answering),
            max_continuations=settings.continuations,
            max_resumes=settings.resume_attempts,
            show_buttons=settings.buttons == "on",
            access=build_access_lists(settings),
            quotas=build_quotas(settings),
            prices=build_price_list(settings),
            show_thinking=settings.show_thinking == "on",
            fair_share_weights=settings.fair_share_weights,
        )

    def _build_files(self) -> None:
        """Make what reads, shows and deletes files; they go to the first account that can be reached."""
        folder = self.settings.data_dir / "reading"
        shelf, *others = self.llm.file_stores()
        downloads = {name: platform.downloader for name, platform in self.platforms.items()}
        library = Library(
            self.database,
            shelf,
            self.clock,
            downloads={name: one for name, one in downloads.items() if one is not None},
            folder=folder,
            other_stores=others,
        )
        self.file_garbage_collector = FileGarbageCollector(
            self.database, shelf, self.clock, folder=folder, other_stores=others
        )
        self.file_reader = FileReader(self.database, library)
        self.knowledge = KnowledgeComponents(
            self.database, library, shelf, is_chat_admin=lambda who: self.staff.is_chat_admin(who)
        )

    def _build_handoff(self) -> None:
        """Make what hands conversations over to people."""
        rules = ChatHandoffPolicies(
            build_handoff_policy(self.settings),
            build_access_lists(self.settings),
            is_known_staff=lambda who: self.staff.is_cached_staff(who),
        )
        self.handoff = HandoffComponents(
            self.settings,
            self.database,
            self.dispatcher,
            self.work_queue,
            self.clock,
            HandoffService(rules),
            self.platforms,
        )

    def _build_work_queue(self, exclusive: bool) -> "EmbeddedWorkQueue | PostgresWorkQueue":
        if self.database.dialect != "postgresql":
            return EmbeddedWorkQueue(self.database, self.active_answers, self.clock, exclusive=exclusive)
        from core.work_queue.postgres import PostgresWorkQueue  # late: SQLite has no use for procrastinate

        engine = PostgresWorkQueue(
            self.database,
            self.active_answers,
            self.clock,
            platforms=list(self.platforms),
            on_lease_lost=self.dispatcher.cancel_calls,
        )
        self.dispatcher.may_call = lambda: engine.lease.valid
        return engine

    def _build_commands(
        self, prompt_builder: PromptBuilder, personas: Personas, tool_registry: ToolRegistry
    ) -> Mapping[CommandName, CommandHandler]:
        allowed = may_change(self.settings.group_changes)
        return {
            CommandName.MODEL: ModelCommand(
                self.database, prompt_builder, self.model_catalog, may_change=allowed
            ),
            CommandName.THINK: ThinkCommand(self.database, prompt_builder, may_change=allowed),
            CommandName.SYSTEM: PersonaCommand(self.database, prompt_builder, personas, may_change=allowed),
            CommandName.SEARCH: SearchCommand(self.database, tool_registry, may_change=allowed),
            CommandName.SETTINGS: SettingsCommand(self.database, self.staff, self.model_catalog, personas),
            CommandName.CONTEXT: ContextCommand(self.database, prompt_builder),
            CommandName.FILES: FilesCommand(self.database, self.file_garbage_collector),
            **self.knowledge.commands(),
            CommandName.NEW: NewCommand(self.file_garbage_collector),
            CommandName.BLOCK: BlockCommand(
                self.database, build_access_lists(self.settings), staff=self.staff
            ),
            CommandName.UNBLOCK: UnblockCommand(self.database, staff=self.staff),
            CommandName.USAGE: UsageCommand(self.database),
            CommandName.FORGET: ForgetCommand(
                self.database,
                self.clock,
                cancel=self.work_queue.cancel,
                collect_files=self.file_garbage_collector.collect_soon,
            ),
        }
