"""Files on their way out: forgotten by people, by age or by ``/new``, then deleted at Kimi and here."""

import asyncio
import shutil
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import structlog

from core.domain.clock import Clock
from core.domain.errors import StoreUnavailable
from core.files.kimi_file_store import Shelf
from core.kimi import KimiError
from core.ports.periodic_tasks import Chore, Schedule
from core.store import Database, files
from core.work_queue.periodic_tasks import Chores

log = structlog.get_logger(__name__)

CHORE = "files"
TIDY_EVERY_S = 3_600.0
LEFT_BEHIND_S = 3_600.0  #: older folders belong to nobody; reading a file takes minutes at most


class Keeper:
    """Sees to it that nothing is kept which nobody refers to."""

    def __init__(
        self, database: Database, shelf: Shelf, clock: Clock, *, folder: Path, others: Sequence[Shelf] = ()
    ) -> None:
        """``folder`` is the library's, and ``others`` are its further accounts' shelves."""
        self._database = database
        self._shelves = (shelf, *others)
        self._clock = clock
        self._folder = folder
        self._schedule: Schedule = Chores(clock)
        self._clearing: asyncio.Task[None] | None = None

    def start(self, schedule: Schedule | None = None) -> None:
        """Begin to delete what nobody refers to any more, also what an earlier process left.

        With ``schedule`` one replica does it for all; without one this object does it by itself.
        """
        chore = Chore(name=CHORE, every_s=TIDY_EVERY_S, do=self.tidy)
        if schedule is None:
            schedule = alone = Chores(self._clock)
            alone.schedule(chore)
            alone.start()
        else:
            schedule.schedule(chore)
        self._schedule = schedule
        # The folder is this process's own, or that of several on one machine.
        self._clearing = asyncio.create_task(asyncio.to_thread(clear, self._folder), name="files")

    async def close(self) -> None:
        """Stop deleting; what is left goes after the next start."""
        if self._clearing is not None:
            self._clearing.cancel()
            await asyncio.gather(self._clearing, return_exceptions=True)
        if isinstance(self._schedule, Chores):
            await self._schedule.close()

    def tidy_soon(self) -> None:
        """Have what was just forgotten deleted, in the background."""
        self._schedule.hurry(CHORE)

    async def forget_person(self, *, platform: str, tenant: str, person_id: str) -> int:
        """Forget everything that a person sent, here and at Kimi; return how many files there were.

        Raises:
            StoreUnavailable: nothing was forgotten.
        """
        async with self._database.begin() as tx:
            gone = await files.forget_person(tx, platform=platform, tenant=tenant, author_id=person_id)
        self.tidy_soon()
        return gone

    async def purge(self, older_than: datetime) -> int:
        """Forget every file that came before a moment, here and at Kimi; return how many there were.

        Raises:
            StoreUnavailable: nothing was forgotten.
        """
        async with self._database.begin() as tx:
            gone = await files.forget_before(tx, older_than)
        self.tidy_soon()
        return gone

    async def tidy(self) -> None:
        """Delete at Kimi and here what nobody refers to; one account's fault is no other's."""
        for shelf in self._shelves:
            try:
                await shelf.tidy()
            except (KimiError, StoreUnavailable) as exc:
                log.info("files_not_deleted", error=type(exc).__name__)
            except Exception:  # the next round tries again
                log.exception("files_not_deleted")


def clear(folder: Path) -> None:
    """Remove what processes that died left in ``folder``; others may be reading files in it now."""
    if not folder.is_dir():
        return
    before = time.time() - LEFT_BEHIND_S
    for left in folder.iterdir():
        if left.is_dir() and left.stat().st_mtime < before:
            shutil.rmtree(left, ignore_errors=True)
