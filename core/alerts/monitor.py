"""Tells the admins of alerts in direct messages: once when one begins, once when it is over."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog

from core.access import Actor
from core.alerts.alert_texts import begin_text, end_text
from core.alerts.conditions import Alert, AlertKind, Observations, active_alerts
from core.domain.addresses import Address, ThreadKey
from core.domain.errors import PlatformError
from core.ports.periodic_tasks import PeriodicTask, TaskScheduler
from core.ports.private_messages import PrivateMessages
from core.store import Database, alerts, person_settings

log = structlog.get_logger(__name__)

CHECK_EVERY_S: Final = 30.0

Observe: TypeAlias = Callable[[], Awaitable[Observations]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPlatform:
    """A platform as a way to admins."""

    messages: PrivateMessages
    tenant: Callable[[], str]  #: known once the platform is connected


class AlertMonitor:
    """Periodic task; each round runs in one process, and the active alerts are stored."""

    def __init__(
        self,
        database: Database,
        observe: Observe,
        *,
        admins: Sequence[str],
        platforms: Mapping[str, AlertPlatform],
    ) -> None:
        """``admins`` are people as "platform:id"; ``observe`` returns the present observations."""
        self._database = database
        self._observe = observe
        self._admins = admins
        self._platforms = platforms

    def start(self, scheduler: TaskScheduler) -> None:
        """Schedule the checks, if there is anybody to tell; call it before the scheduler starts."""
        if self._admins:
            scheduler.schedule(PeriodicTask(name="alerts", every_s=CHECK_EVERY_S, run=self.check))

    async def check(self) -> None:
        """Compare what is wrong now with what the admins were told, and tell them the difference.

        What is told is stored first: a crash in between loses a message rather than repeating it.

        Raises:
            StoreUnavailable: nobody was told; the next check does.
        """
        seen = await self._observe()
        async with self._database.begin() as tx:
            before = frozenset(
                Alert(AlertKind(kind), subject)
                for kind, subject in await alerts.load(tx)
                if kind in set(AlertKind)
            )
            now = active_alerts(before, seen)
            begun, ended = sorted(now - before), sorted(before - now)
            for alert in begun:
                await alerts.add(tx, alert.kind, alert.subject)
            for alert in ended:
                await alerts.remove(tx, alert.kind, alert.subject)
        for alert in begun:
            log.warning("service.alert_began", kind=alert.kind.value, subject=alert.subject)
        for alert in ended:
            log.info("service.alert_ended", kind=alert.kind.value, subject=alert.subject)
        for admin in self._admins if begun or ended else ():
            await self._tell(admin, begun, ended)

    async def _tell(self, admin: str, begun: Sequence[Alert], ended: Sequence[Alert]) -> None:
        name, _, person_id = admin.partition(":")
        platform = self._platforms.get(name)
        if platform is None:
            return
        actor = Actor(platform=name, tenant=platform.tenant(), channel=person_id, person_id=person_id)
        async with self._database.read() as tx:
            language = (await person_settings.load_language(tx, actor, 0)).resolve(client="")
        texts = [*(begin_text(one, language) for one in begun), *(end_text(one, language) for one in ended)]
        key = ThreadKey(platform=name, tenant=actor.tenant, channel=person_id, thread="")
        try:
            await platform.messages.send_private(Address(key=key), person_id, "\n\n".join(texts))
        except PlatformError as exc:
            log.warning("service.alert_not_delivered", platform=name, error=str(exc))
