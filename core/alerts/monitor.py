"""Tells the admins of alerts in direct messages: once when one begins, once when it is over."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias

import structlog

from core.access import Actor
from core.alerts.alert_texts import begin_text, end_text
from core.alerts.conditions import Alert, AlertKind, Observations, active_alerts
from core.domain.addresses import Address, ThreadKey
from core.domain.errors import PlatformError, PlatformRateLimited, PlatformUnavailable
from core.ports.periodic_tasks import PeriodicTask, TaskScheduler
from core.ports.private_messages import PrivateMessages
from core.store import Database, alert_messages, alerts, person_settings
from core.store.alert_messages import AlertMessage
from core.store.clock import utc_now
from core.text.language import Language

log = structlog.get_logger(__name__)

CHECK_EVERY_S: Final = 30.0
GIVE_UP_AFTER: Final = timedelta(days=1)  #: of trying to reach a platform for one admin

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
        """Compare the active alerts with the stored ones, and tell the admins the difference.

        What is to be told is stored together with the alert and deleted once it is shown, so that a crash
        loses nothing; a crash between the two shows it once more.

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
                await alert_messages.add(tx, self._admins, alert.kind, alert.subject, is_over=False)
            for alert in ended:
                await alerts.remove(tx, alert.kind, alert.subject)
                await alert_messages.add(tx, self._admins, alert.kind, alert.subject, is_over=True)
        for alert in begun:
            log.warning("service.alert_began", kind=alert.kind.value, subject=alert.subject)
        for alert in ended:
            log.info("service.alert_ended", kind=alert.kind.value, subject=alert.subject)
        await self._tell_all()

    async def _tell_all(self) -> None:
        """Send each admin their stored alerts in one message."""
        async with self._database.read() as tx:
            stored = await alert_messages.load(tx)
        for person in dict.fromkeys(one.person for one in stored):
            messages = [one for one in stored if one.person == person]
            if await self._tell(person, messages):
                async with self._database.begin() as tx:
                    await alert_messages.remove(tx, [one.id for one in messages])

    async def _tell(self, person: str, messages: Sequence[AlertMessage]) -> bool:
        """Show messages to a person; return False if it is worth trying again."""
        name, _, person_id = person.partition(":")
        platform = self._platforms.get(name)
        if platform is None or person not in self._admins:
            return True
        actor = Actor(platform=name, tenant=platform.tenant(), channel=person_id, person_id=person_id)
        async with self._database.read() as tx:
            language = (await person_settings.load_language(tx, actor, 0)).resolve(client="")
        texts = [_text(one, language) for one in messages if one.kind in set(AlertKind)]
        key = ThreadKey(platform=name, tenant=actor.tenant, channel=person_id, thread="")
        try:
            await platform.messages.send_private(Address(key=key), person_id, "\n\n".join(texts))
        except PlatformError as exc:
            is_passing = isinstance(exc, PlatformUnavailable | PlatformRateLimited)
            if is_passing and utc_now() - messages[0].created_at < GIVE_UP_AFTER:
                return False
            log.warning("service.alert_not_delivered", platform=name, error=str(exc))
        return True


def _text(message: AlertMessage, language: Language) -> str:
    alert = Alert(AlertKind(message.kind), message.subject)
    return end_text(alert, language) if message.is_over else begin_text(alert, language)
