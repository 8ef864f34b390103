"""The parts of the desk: made of settings and platforms, joined to the engine."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from bots.platform import Platform
from core.access import Prices
from core.chat.context import Contexts
from core.chat.desk.carriage import Carriage
from core.chat.desk.changes import Desk
from core.chat.desk.notes import Notes
from core.chat.desk.reminders import Reminders
from core.chat.desk.rooms import Platforms
from core.chat.desk.runner import DeskRunner
from core.chat.desk.terms import DeskTerms
from core.chat.reply import ChatModel
from core.clock import Clock
from core.delivery.courier import Courier
from core.desk.times import Patience
from core.engine.port import Engine
from core.settings import Settings
from core.store import Database, Lane
from core.store.desk import Place

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
