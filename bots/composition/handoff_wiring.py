"""The parts of the desk: made of settings and platforms, joined to the engine."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from bots.platform_adapter import Platform
from core.access import PriceList
from core.delivery.dispatcher import DeliveryDispatcher
from core.domain.clock import Clock
from core.handoff.ai_assist import HandoffAssistant
from core.handoff.deadlines import HandoffTimeouts
from core.handoff.outbox_runner import OutboxRunner
from core.handoff.platforms import HandoffPlatforms
from core.handoff.policy import HandoffPolicy
from core.handoff.reminders import Reminders
from core.handoff.sender import HandoffSender
from core.handoff.service import HandoffService
from core.llm.resumable_stream import ChatModel
from core.prompting.context_builder import PromptBuilder
from core.settings import Settings
from core.store import Database, Lane
from core.store.handoffs import DeskRoom
from core.work_queue.port import WorkQueue

HANDOFF_LANES = (Lane.HANDOFF, Lane.AI_ASSIST)


def build_handoff_policy(settings: Settings) -> HandoffPolicy:
    """Return the deployment's terms of handing over."""
    platform, _, channel = settings.desk.partition(":")
    return HandoffPolicy(
        desk_room=DeskRoom(platform=platform, channel=channel) if channel else None,
        escalation_contacts=settings.desk_people,
        show_staff_names=settings.desk_names == "on",
        timeouts=HandoffTimeouts(
            reminder_interval=timedelta(minutes=settings.desk_remind_minutes),
            idle_timeout=timedelta(minutes=settings.desk_idle_minutes),
            idle_action=settings.desk_idle_then,
        ),
        escalation_mode=settings.desk_unasked,
    )


def build_handoff_platforms(platforms: Mapping[str, Platform]) -> HandoffPlatforms:
    """Return the platforms as the desk needs them."""
    return HandoffPlatforms(
        surfaces={name: one.message_channel for name, one in platforms.items()},
        rooms={name: one.handoff_rooms for name, one in platforms.items() if one.handoff_rooms is not None},
        downloads={name: one.downloader for name, one in platforms.items() if one.downloader is not None},
        tenant_getters={name: _tenant_getter(one) for name, one in platforms.items()},
    )


def _tenant_getter(platform: Platform) -> Callable[[], str]:
    return lambda: platform.tenant


class HandoffComponents:
    """The desk of one process."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        dispatcher: DeliveryDispatcher,
        work_queue: WorkQueue,
        clock: Clock,
        service: HandoffService,
        platforms: Mapping[str, Platform],
    ) -> None:
        self.service = service
        self._database, self._work_queue, self._clock = database, work_queue, clock
        self._platforms = build_handoff_platforms(platforms)
        self._sender = HandoffSender(dispatcher, self._platforms, temp_folder=settings.data_dir / "relaying")
        self.reminders = Reminders(database, service, self._platforms, work_queue)

    def build_outbox_runner(
        self, model: ChatModel, prompt_builder: PromptBuilder, *, prices: PriceList
    ) -> OutboxRunner:
        """Make what works off the desk's lines of work, :data:`HANDOFF_LANES`."""
        notes = HandoffAssistant(self._database, model, prompt_builder, self._clock, prices=prices)
        return OutboxRunner(self._database, self.service, self._sender, notes, self._work_queue)
