"""All stages that need no connection, called in order.

A new part is built in the stage it belongs to; :mod:`bots.composition.service` starts and stops it.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bots.composition.delivery_wiring import DeliveryComponents, build_delivery
from bots.composition.files_wiring import FileComponents, build_files
from bots.composition.handoff_wiring import HandoffComponents, build_catch_up, build_handoff
from bots.composition.inbound_wiring import build_console_rights, build_ingestor, build_staff_directory
from bots.composition.infrastructure import Infrastructure, build_infrastructure
from bots.composition.knowledge_wiring import KnowledgeComponents, build_knowledge
from bots.composition.llm_wiring import LlmComponents, build_llm
from bots.composition.mcp_wiring import build_mcp
from bots.platform_adapter import AnswersPresses, Platform
from core.commands import PersonForgetter
from core.digests.schedule import DigestSchedule
from core.domain.addresses import ThreadKey
from core.domain.clock import Clock
from core.inbound.console_rights import ConsoleRightsReader
from core.inbound.ingest import Ingestor
from core.inbound.press_notice import PressNotice
from core.inbound.staff import StaffDirectory
from core.observer import Observer
from core.prompting.summarizer import Summarizer
from core.settings import Settings
from core.tools.mcp.servers import McpServers


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """The parts of one process, before anything is started."""

    base: Infrastructure
    llm: LlmComponents
    delivery: DeliveryComponents
    files: FileComponents
    staff: StaffDirectory
    console_rights: ConsoleRightsReader
    forgetter: PersonForgetter
    handoff: HandoffComponents
    knowledge: KnowledgeComponents
    ingestor: Ingestor
    summarizer: Summarizer
    mcp: McpServers | None  #: None if mcp.json names no server

    def mcp_states(self) -> Mapping[str, bool]:
        """Return whether each MCP server can be called now, by name."""
        return self.mcp.states() if self.mcp is not None else {}


def build_components(
    settings: Settings,
    platforms: Sequence[Platform],
    clock: Clock,
    *,
    exclusive: bool,
    tracer: Observer | None = None,
) -> Components:
    """Build the parts of one process; see :func:`build_infrastructure` for the arguments."""
    base = build_infrastructure(settings, platforms, clock, exclusive=exclusive, tracer=tracer)
    llm, delivery, staff = build_llm(base), build_delivery(base), build_staff_directory(base)
    files, handoff = build_files(base, llm), build_handoff(base, delivery, staff)
    for platform in platforms:
        if isinstance(platform, AnswersPresses):
            platform.set_press_reply(PressNotice(base.database, base.access))
    return Components(
        base=base,
        llm=llm,
        delivery=delivery,
        files=files,
        staff=staff,
        forgetter=PersonForgetter(
            base.database,
            base.clock,
            cancel=delivery.work_queue.cancel,
            collect_files=files.garbage_collector.collect_soon,
        ),
        console_rights=build_console_rights(base, staff),
        handoff=handoff,
        knowledge=build_knowledge(base, files, staff, handoff.offers),
        ingestor=build_ingestor(base, delivery, handoff, staff),
        summarizer=Summarizer(base.database, llm.completer),
        mcp=build_mcp(settings, clock),
    )


def _build_digest_schedule(components: Components) -> DigestSchedule:
    base = components.base

    async def sees_all(key: ThreadKey) -> bool:
        members = base.platforms[key.platform].members
        return members is None or await members.sees_all(key.channel)

    return DigestSchedule(
        base.database,
        components.delivery.work_queue,
        tenants=base.served_tenants,
        rooms=base.abilities(lambda platform: platform.handoff_rooms),
        channels=base.abilities(lambda platform: platform.message_channel),
        with_history=base.abilities(lambda platform: platform.channel_history),
        sees_all=sees_all,
    )


async def start_background(components: Components, exit_stack: contextlib.AsyncExitStack) -> None:
    """Start delivery and the periodic tasks; ``exit_stack`` stops them, the last started first.

    Raises:
        StoreUnavailable: the stored budgets cannot be read.
    """
    delivery, files = components.delivery, components.files
    if delivery.budget_snapshotter is not None:
        await delivery.budget_snapshotter.start()
        exit_stack.push_async_callback(delivery.budget_snapshotter.close)
    delivery.dispatcher.start()
    exit_stack.push_async_callback(delivery.dispatcher.close)
    exit_stack.push_async_callback(components.summarizer.close)
    files.retention.start(delivery.work_queue)
    files.garbage_collector.start(delivery.work_queue)
    exit_stack.push_async_callback(files.garbage_collector.close)
    components.handoff.reminders.start(delivery.work_queue)
    build_catch_up(components.base, components.handoff, components.ingestor).start(delivery.work_queue)
    _build_digest_schedule(components).start()
    if components.mcp is not None:
        components.mcp.start()
        exit_stack.push_async_callback(components.mcp.close)
    knowledge = components.knowledge
    if knowledge.embedder is not None and knowledge.passage_embedder is not None:
        knowledge.passage_embedder.start(delivery.work_queue)
        exit_stack.push_async_callback(knowledge.embedder.close)
