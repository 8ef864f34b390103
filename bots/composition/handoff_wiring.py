"""Handoff stage: the team's desk, which takes conversations over from the bot."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from bots.composition.delivery_wiring import DeliveryComponents
from bots.composition.infrastructure import Infrastructure
from bots.platform_adapter import MissesEvents, Platform
from core.domain.handoff_state import HandoffAction
from core.handoff.ai_assist import HandoffAssistant
from core.handoff.assist_notes import AssistNotes
from core.handoff.catch_up import CatchUp
from core.handoff.deadlines import EndAction, HandoffTimeouts
from core.handoff.handoff_service import HandoffService
from core.handoff.offers import HandoffOffers
from core.handoff.outbox_runner import OutboxRunner
from core.handoff.platforms import HandoffPlatforms
from core.handoff.policy import EscalationMode, HandoffPolicies, HandoffPolicy
from core.handoff.reminders import Reminders
from core.handoff.sender import HandoffSender
from core.handoff.staff_text import SendMode
from core.inbound.staff import StaffDirectory
from core.llm.text_completer import TextCompleter
from core.ports.platform import EventSink
from core.prompting.options_loader import OptionsLoader
from core.settings import Settings
from core.store.handoffs import DeskRoom
from core.turns.hearing import RecordingHearer

_IDLE_ACTIONS: Final[Mapping[str, EndAction]] = {
    "return": HandoffAction.RETURN_TO_BOT,
    "close": HandoffAction.CLOSE,
}
RELAY_FOLDER: Final = "relaying"  #: files on their way between customer and team, below the data folder


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffComponents:
    """The desk of one process."""

    service: HandoffService
    sender: HandoffSender
    offers: HandoffOffers
    reminders: Reminders


def build_handoff(
    base: Infrastructure, delivery: DeliveryComponents, staff: StaffDirectory
) -> HandoffComponents:
    """Build the desk: its policies, its sender and its reminders."""
    policies = HandoffPolicies(
        build_handoff_policy(base.settings), base.access, is_known_staff=staff.is_cached_staff
    )
    service, platforms = HandoffService(policies), _build_platforms(base)
    return HandoffComponents(
        service=service,
        sender=HandoffSender(
            delivery.dispatcher, platforms, temp_folder=Path(base.settings.data_dir, RELAY_FOLDER)
        ),
        offers=HandoffOffers(base.database, service, delivery.work_queue),
        reminders=Reminders(base.database, service, platforms, delivery.work_queue),
    )


def build_catch_up(base: Infrastructure, handoff: HandoffComponents, event_sink: EventSink) -> CatchUp:
    """Build the reader of what people of handoffs wrote while the service was away."""
    sources = {
        name: platform.missed_events
        for name, platform in base.platforms.items()
        if isinstance(platform, MissesEvents)
    }
    return CatchUp(base.database, handoff.service, handoff.sender.platforms, sources, event_sink, base.clock)


def build_outbox_runner(
    base: Infrastructure,
    delivery: DeliveryComponents,
    handoff: HandoffComponents,
    completer: TextCompleter,
    options_loader: OptionsLoader,
    hearer: RecordingHearer | None,
) -> OutboxRunner:
    """Build the processor of the lanes HANDOFF and AI_ASSIST: it relays messages and writes notes."""
    hear = hearer.hear_message if hearer is not None else None
    assistant = HandoffAssistant(base.database, completer, options_loader, base.clock)
    return OutboxRunner(
        base.database,
        handoff.service,
        handoff.sender,
        AssistNotes(base.database, assistant, delivery.work_queue, base.clock, hear=hear),
        base.clock,
    )


def build_handoff_policy(settings: Settings) -> HandoffPolicy:
    """Return the deployment's handoff policy; a chat's own rules may override it."""
    platform, _, channel = settings.desk.partition(":")
    return HandoffPolicy(
        desk_room=DeskRoom(platform=platform, channel=channel) if channel else None,
        escalation_contacts=settings.desk_people,
        show_staff_names=settings.desk_names == "on",
        send_mode=SendMode(settings.desk_send),
        desk_language="" if settings.desk_language == "customer" else settings.desk_language,
        asks_rating=settings.desk_rating == "on",
        timeouts=HandoffTimeouts(
            reminder_interval=timedelta(minutes=settings.desk_remind_minutes),
            idle_timeout=timedelta(minutes=settings.desk_idle_minutes),
            idle_action=_IDLE_ACTIONS[settings.desk_idle_then],
        ),
        escalation_mode=EscalationMode(settings.desk_unasked),
    )


def _build_platforms(base: Infrastructure) -> HandoffPlatforms:
    return HandoffPlatforms(
        channels=base.abilities(lambda platform: platform.message_channel),
        rooms=base.abilities(lambda platform: platform.handoff_rooms),
        downloaders=base.abilities(lambda platform: platform.downloader),
        tenant_getters={name: _tenant_getter(platform) for name, platform in base.platforms.items()},
    )


def _tenant_getter(platform: Platform) -> Callable[[], str]:
    """Return a function that returns the tenant, which is known once the platform is connected."""
    return lambda: platform.tenant
