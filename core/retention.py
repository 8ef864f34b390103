"""Deletes what is older than the operator wants it kept, once a day."""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

import structlog

from core.domain.clock import Clock
from core.ports.periodic_tasks import Chore, Schedule
from core.store import Database, privacy
from core.store.clock import utc_now

log = structlog.get_logger(__name__)

EVERY_S: Final = 86_400.0
PAUSE_S: Final = 0.05  #: between two portions, for others who write


class Retention:
    """A chore of the engine's: of several replicas one does it."""

    def __init__(
        self, database: Database, clock: Clock, *, days: int, tidy: Callable[[], None] = lambda: None
    ) -> None:
        """``days`` of 0 keeps everything; ``tidy`` has files deleted that nobody refers to any more."""
        self._tidy = tidy
        self._database = database
        self._clock = clock
        self._days = days

    def start(self, schedule: Schedule) -> None:
        """Have it done every day; nothing where everything is kept."""
        if self._days:
            schedule.schedule(Chore(name="retention", every_s=EVERY_S, do=self._round))

    async def once(self) -> int:
        """Delete everything that is too old now; return how many events and messages there were.

        Raises:
            StoreUnavailable: the rest stays for the next time.
        """
        before, deleted = utc_now() - timedelta(days=self._days), 0
        while True:
            async with self._database.begin() as tx:
                portion = await privacy.purge(tx, before=before)
            if not portion:
                return deleted
            deleted += portion
            await self._clock.sleep(PAUSE_S)

    async def _round(self) -> None:
        deleted = await self.once()
        self._tidy()
        log.info("old_messages_deleted", deleted=deleted, days=self._days)
