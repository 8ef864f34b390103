"""The parts of the desk: made of settings and platforms, joined to the engine."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from bots.platform_adapter import Platform
from core.access import Prices
from core.delivery.dispatcher import Courier
from core.domain.clock import Clock
from core.handoff.ai_assist import Notes
from core.handoff.deadlines import Patience
from core.handoff.outbox_runner import DeskRunner
from core.handoff.platforms import Platforms
from core.handoff.policy import DeskTerms
from core.handoff.reminders import Reminders
from core.handoff.sender import Carriage
from core.handoff.service import Desk
from core.llm.resumable_stream import ChatModel
from core.prompting.context_builder import Contexts
from core.settings import Settings
from core.store import Database, Lane
from core.store.handoffs import Place
from core.work_queue.port import Engine

LANES = (Lane.DESK, Lane.NOTES)


def desk_terms_of(settings: Settings) -> DeskTerms:
    """Return the deployment's terms of handing over."""
    platform, _, channel = settings.desk.partition(":")
    return DeskTerms(
        desk=Place(platform=platform, channel=channel) if channel else None,
        people=settings.desk_people,
        names=settings.desk_names == "on",
        patience=Patience(
            remind=timedelta(minutes=settings.desk_remind_minutes),
            idle=timedelta(minutes=settings.desk_idle_minutes),
            idle_then=settings.desk_idle_then,
        ),
        unasked=settings.desk_unasked,
    )


def connected(platforms: Mapping[str, Platform]) -> Platforms:
    """Return the platforms as the desk needs them."""
    return Platforms(
        surfaces={name: one.surface for name, one in platforms.items()},
        rooms={name: one.rooms for name, one in platforms.items() if one.rooms is not None},
        downloads={name: one.downloads for name, one in platforms.items() if one.downloads is not None},
        tenants={name: _tenant(one) for name, one in platforms.items()},
    )


def _tenant(platform: Platform) -> Callable[[], str]:
    return lambda: platform.tenant


class Desks:
    """The desk of one process."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        courier: Courier,
        engine: Engine,
        clock: Clock,
        desk: Desk,
        platforms: Mapping[str, Platform],
    ) -> None:
        self.desk = desk
        self._database, self._engine, self._clock = database, engine, clock
        self._platforms = connected(platforms)
        self._carriage = Carriage(courier, self._platforms, folder=settings.data_dir / "relaying")
        self.reminders = Reminders(database, desk, self._platforms, engine)

    def runner(self, model: ChatModel, contexts: Contexts, *, prices: Prices) -> DeskRunner:
        """Make what works off the desk's lines of work, :data:`LANES`."""
        notes = Notes(self._database, model, contexts, self._clock, prices=prices)
        return DeskRunner(self._database, self.desk, self._carriage, notes, self._engine)
