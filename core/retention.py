"""Daily deletion of stored data older than the retention settings allow."""

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Final

import structlog

from core.domain.clock import Clock
from core.ports.periodic_tasks import PeriodicTask, TaskScheduler
from core.store import Database, privacy
from core.store.clock import utc_now

log = structlog.get_logger(__name__)

INTERVAL_S: Final = 86_400.0
BATCH_PAUSE_S: Final = 0.05  #: between two batches, for other writers


class Retention:
    """Periodic task that deletes old rows; one of all replicas runs it."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        retention_days: int,
        tenants: Callable[[], Collection[tuple[str, str]]],
        collect_files: Callable[[], None] = lambda: None,
    ) -> None:
        """Set the age.

        Args:
            database: whose rows are deleted.
            clock: for the pauses between two batches.
            retention_days: age from which rows are deleted; 0 keeps everything.
            tenants: returns the (platform, tenant) pairs that this process serves: only their rows go.
            collect_files: starts the deletion of files that nothing refers to any more.
        """
        self._collect_files = collect_files
        self._database = database
        self._clock = clock
        self._retention_days = retention_days
        self._tenants = tenants

    def start(self, scheduler: TaskScheduler) -> None:
        """Schedule the daily deletion, unless everything is kept."""
        if self._retention_days:
            scheduler.schedule(PeriodicTask(name="retention", every_s=INTERVAL_S, run=self._run))

    async def purge_expired(self) -> int:
        """Delete everything that is too old now; return how many events and messages there were.

        Raises:
            StoreUnavailable: the rest stays for the next time.
        """
        before, deleted = utc_now() - timedelta(days=self._retention_days), 0
        while True:
            async with self._database.begin() as tx:
                portion = await privacy.purge(tx, before=before, tenants=self._tenants())
            if not portion:
                return deleted
            deleted += portion
            await self._clock.sleep(BATCH_PAUSE_S)

    async def _run(self) -> None:
        deleted = await self.purge_expired()
        self._collect_files()
        log.info("retention.messages_deleted", deleted=deleted, days=self._retention_days)
