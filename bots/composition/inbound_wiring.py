"""Inbound stage: who counts as staff, and the event sink that the platforms call."""

from bots.composition.delivery_wiring import DeliveryComponents
from bots.composition.handoff_wiring import HandoffComponents
from bots.composition.infrastructure import Infrastructure
from bots.composition.settings_mapping import build_backlog, build_flood_limits
from core.digests.memory import ChatMemory
from core.handoff.event_handler import HandoffEventHandler
from core.inbound.console_rights import ConsolePeople, ConsoleRightsReader
from core.inbound.early_presses import EarlyPresses
from core.inbound.flood_control import FloodControl
from core.inbound.ingest import Ingestor
from core.inbound.staff import StaffDirectory


def build_staff_directory(base: Infrastructure) -> StaffDirectory:
    """Build the directory of staff; it asks the platforms that can tell admins."""
    return StaffDirectory(
        base.database,
        base.clock,
        access=base.access,
        members=base.abilities(lambda platform: platform.members),
    )


def build_console_rights(base: Infrastructure, staff: StaffDirectory) -> ConsoleRightsReader:
    """Build the reader of people's rights on the web console."""
    settings = base.settings
    people = ConsolePeople(
        admins=frozenset(settings.admins),
        desk_people=frozenset(settings.desk_people),
        viewers=frozenset(settings.console_viewers),
        desk=settings.desk,
    )
    return ConsoleRightsReader(base.database, people, staff)


def build_ingestor(
    base: Infrastructure, delivery: DeliveryComponents, handoff: HandoffComponents, staff: StaffDirectory
) -> Ingestor:
    """Build the event sink; flood control, the memory and the desk see each event before the bot."""
    settings = base.settings
    return Ingestor(
        base.database,
        delivery.work_queue,
        interrupt_running=settings.while_answering == "interrupt",
        backlog=build_backlog(settings),
        answer_edits=settings.answer_edits == "on",
        access=base.access,
        staff=staff,
        early_presses=EarlyPresses(base.database, base.clock),
        closed_places=base.closed_places,
        hears_recordings=settings.hears_recordings,
        observer=base.observer,
        handlers=(
            FloodControl(base.access, build_flood_limits(settings)),
            ChatMemory(),
            HandoffEventHandler(handoff.service),
        ),
    )
