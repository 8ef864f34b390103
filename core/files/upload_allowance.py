"""How many files of one person are read per day: each costs a download, and an upload to Kimi."""

from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from core.access import AccessLists, Actor
from core.access.flood_limits import count_upload
from core.domain.file_states import FileFault
from core.files.file_policy import UnusableFile
from core.store import Database, flood_counters
from core.store.clock import utc_now

log = structlog.get_logger(__name__)


class UploadAllowance:
    """Counts the files that people send, for all replicas together."""

    def __init__(
        self,
        database: Database,
        access: AccessLists,
        *,
        files_per_day: int,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """``files_per_day`` 0 is no limit; admins have none."""
        self._database = database
        self._access = access
        self._files_per_day = files_per_day
        self._now = now

    async def take(self, actor: Actor) -> None:
        """Count one more file of a person.

        Raises:
            UnusableFile: the person's files of this UTC day are used up.
            StoreUnavailable: it could not be counted.
        """
        if not self._files_per_day or self._access.is_admin(actor):
            return
        day = self._now().astimezone(UTC).date().isoformat()
        async with self._database.begin() as tx:
            counter = count_upload(await flood_counters.lock(tx, actor), day=day, limit=self._files_per_day)
            if counter is not None:
                await flood_counters.save(tx, actor, counter)
        if counter is None:
            log.info("file.daily_limit_reached", platform=actor.platform)
            raise UnusableFile(FileFault.DAILY_LIMIT)
