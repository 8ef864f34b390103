"""First stage: the objects that every later stage needs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from bots.composition.settings_mapping import build_access_lists, build_price_list
from bots.observability.metrics_observer import MetricsObserver
from bots.observability.metrics_registry import Metrics
from bots.platform_adapter import Platform
from core.access import AccessLists, PriceList
from core.access.closed_places import ClosedPlaces
from core.domain.addresses import ThreadKey
from core.domain.clock import Clock
from core.observer import Observer
from core.settings import Settings
from core.store import Database
from core.work_queue.active_answers import ActiveAnswers

UNKNOWN_TENANTS: Final = ("", "0")  #: of a platform that is not connected yet
Ability = TypeVar("Ability")


@dataclass(frozen=True, slots=True, kw_only=True)
class Infrastructure:
    """Settings, database, clock, observer and platforms of one process."""

    settings: Settings
    clock: Clock
    database: Database
    metrics: Metrics
    observer: Observer
    platforms: Mapping[str, Platform]  #: by name
    access: AccessLists
    closed_places: ClosedPlaces
    prices: PriceList
    active_answers: ActiveAnswers
    exclusive: bool  #: no other process may use the same SQLite file

    @property
    def single_replica(self) -> bool:
        """Whether no other process can share this database."""
        return self.exclusive and self.database.dialect == "sqlite"

    @property
    def replicated(self) -> bool:
        """Whether other replicas may share this database."""
        return self.database.dialect == "postgresql"

    def served_tenants(self) -> Sequence[tuple[str, str]]:
        """Return the (platform, tenant) pairs of this process, without platforms not reached so far."""
        known = [(name, platform.tenant) for name, platform in self.platforms.items()]
        return [(name, tenant) for name, tenant in known if tenant not in UNKNOWN_TENANTS]

    def serves(self, key: ThreadKey) -> bool:
        """Return whether a conversation belongs to a team or bot of this process, and not to another's."""
        return (key.platform, key.tenant) in self.served_tenants()

    def abilities(self, select: Callable[[Platform], Ability | None]) -> dict[str, Ability]:
        """Return what ``select`` returns for each platform, by its name, without those that return None."""
        selected = {name: select(platform) for name, platform in self.platforms.items()}
        return {name: ability for name, ability in selected.items() if ability is not None}


def build_infrastructure(
    settings: Settings,
    platforms: Sequence[Platform],
    clock: Clock,
    *,
    exclusive: bool,
    tracer: Observer | None = None,
) -> Infrastructure:
    """Build the objects that every later stage needs; nothing is connected yet.

    Args:
        settings: the deployment's settings.
        platforms: the adapters to serve.
        clock: the process's clock.
        exclusive: refuse a second process on the same SQLite file.
        tracer: records traces; None records none.
    """
    metrics, prices = Metrics(), build_price_list(settings)
    return Infrastructure(
        settings=settings,
        clock=clock,
        database=Database(settings.database_url.get_secret_value()),
        metrics=metrics,
        observer=MetricsObserver(metrics, prices, tracer=tracer),
        platforms={platform.name: platform for platform in platforms},
        access=build_access_lists(settings),
        closed_places=ClosedPlaces(clock),
        prices=prices,
        active_answers=ActiveAnswers(),
        exclusive=exclusive,
    )
