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
from core.files.kimi_file_store import KimiFileStore
from core.kimi import KimiError
from core.ports.periodic_tasks import PeriodicTask, TaskScheduler
from core.store import Database, files
from core.work_queue.local_task_scheduler import LocalTaskScheduler

log = structlog.get_logger(__name__)

TASK_NAME = "files"
COLLECT_EVERY_S = 3_600.0
STALE_FOLDER_S = 3_600.0  #: older folders belong to nobody; reading a file takes minutes at most


class FileGarbageCollector:
    """Sees to it that nothing is kept which nobody refers to."""

    def __init__(
        self,
        database: Database,
        file_store: KimiFileStore,
        clock: Clock,
        *,
        folder: Path,
        other_stores: Sequence[KimiFileStore] = (),
    ) -> None:
        """``folder`` is the library's, and ``others`` are its further accounts' shelves."""
        self._database = database
        self._file_stores = (file_store, *other_stores)
        self._clock = clock
        self._folder = folder
        self._scheduler: TaskScheduler = LocalTaskScheduler(clock)
        self._cleanup_task: asyncio.Task[None] | None = None

    def start(self, scheduler: TaskScheduler | None = None) -> None:
        """Begin to delete what nobody refers to any more, also what an earlier process left.

        With ``schedule`` one replica does it for all; without one this object does it by itself.
        """
        chore = PeriodicTask(name=TASK_NAME, every_s=COLLECT_EVERY_S, run=self.collect)
        if scheduler is None:
            scheduler = alone = LocalTaskScheduler(self._clock)
            alone.schedule(chore)
            alone.start()
        else:
            scheduler.schedule(chore)
        self._scheduler = scheduler
        # The folder is this process's own, or that of several on one machine.
        self._cleanup_task = asyncio.create_task(
            asyncio.to_thread(delete_stale_folders, self._folder), name="files"
        )

    async def close(self) -> None:
        """Stop deleting; what is left goes after the next start."""
        if self._cleanup_task is not None:
            self._cleanup_task.cancel()
            await asyncio.gather(self._cleanup_task, return_exceptions=True)
        if isinstance(self._scheduler, LocalTaskScheduler):
            await self._scheduler.close()

    def collect_soon(self) -> None:
        """Have what was just forgotten deleted, in the background."""
        self._scheduler.run_soon(TASK_NAME)

    async def forget_person(self, *, platform: str, tenant: str, person_id: str) -> int:
        """Forget everything that a person sent, here and at Kimi; return how many files there were.

        Raises:
            StoreUnavailable: nothing was forgotten.
        """
        async with self._database.begin() as tx:
            gone = await files.forget_person(tx, platform=platform, tenant=tenant, author_id=person_id)
        self.collect_soon()
        return gone

    async def purge(self, older_than: datetime) -> int:
        """Forget every file that came before a moment, here and at Kimi; return how many there were.

        Raises:
            StoreUnavailable: nothing was forgotten.
        """
        async with self._database.begin() as tx:
            gone = await files.remove_before(tx, older_than)
        self.collect_soon()
        return gone

    async def collect(self) -> None:
        """Delete at Kimi and here what nobody refers to; one account's fault is no other's."""
        for shelf in self._file_stores:
            try:
                await shelf.collect()
            except (KimiError, StoreUnavailable) as exc:
                log.info("file.deletion_failed", error=type(exc).__name__)
            except Exception:  # the next round tries again
                log.exception("file.deletion_failed")


def delete_stale_folders(folder: Path) -> None:
    """Remove what processes that died left in ``folder``; others may be reading files in it now."""
    if not folder.is_dir():
        return
    before = time.time() - STALE_FOLDER_S
    for left in folder.iterdir():
        if left.is_dir() and left.stat().st_mtime < before:
            shutil.rmtree(left, ignore_errors=True)
