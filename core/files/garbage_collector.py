"""Deletion of file contents that no message refers to, at Kimi and in the store."""

import asyncio
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import structlog

from core.domain.errors import StoreUnavailable
from core.files.kimi_file_store import KimiFileStore
from core.kimi import KimiError
from core.ports.periodic_tasks import PeriodicTask, TaskScheduler

log = structlog.get_logger(__name__)

TASK_NAME: Final = "files"
COLLECT_EVERY_S: Final = 3_600.0
STALE_FOLDER_S: Final = 3_600.0  #: age of an abandoned folder; reading a file takes minutes at most


class FileGarbageCollector:
    """Deletes unreferenced contents of every account, once per hour and on request."""

    def __init__(self, file_stores: Sequence[KimiFileStore], *, folder: Path) -> None:
        """``file_stores`` are one per account; ``folder`` is that of :class:`AttachmentDownloader`."""
        self._file_stores = file_stores
        self._folder = folder
        self._scheduler: TaskScheduler | None = None
        self._cleanup_task: asyncio.Task[None] | None = None

    def start(self, scheduler: TaskScheduler) -> None:
        """Schedule the deletion, which one replica runs for all; call it before the scheduler starts."""
        scheduler.schedule(PeriodicTask(name=TASK_NAME, every_s=COLLECT_EVERY_S, run=self.collect))
        self._scheduler = scheduler
        # Each process cleans its own folder, which several on one machine may share.
        self._cleanup_task = asyncio.create_task(
            asyncio.to_thread(delete_stale_folders, self._folder), name="files"
        )

    async def close(self) -> None:
        """Cancel the cleanup of the folder; the next start continues it."""
        if self._cleanup_task is not None:
            self._cleanup_task.cancel()
            await asyncio.gather(self._cleanup_task, return_exceptions=True)

    def collect_soon(self) -> None:
        """Request a run in the background, after messages or files were deleted."""
        if self._scheduler is not None:
            self._scheduler.run_soon(TASK_NAME)

    async def collect(self) -> None:
        """Delete the unreferenced contents of every account; a failing account does not stop the others."""
        for store in self._file_stores:
            try:
                await store.collect()
            except (KimiError, StoreUnavailable) as exc:
                log.info("file.deletion_failed", error=type(exc).__name__)
            except Exception:  # one account's defect must not keep the files of all others
                log.exception("file.deletion_failed")


def delete_stale_folders(folder: Path) -> None:
    """Delete folders that crashed processes left in ``folder``; other processes may be using new ones."""
    if not folder.is_dir():
        return
    before = time.time() - STALE_FOLDER_S
    for child in folder.iterdir():
        if child.is_dir() and child.stat().st_mtime < before:
            shutil.rmtree(child, ignore_errors=True)
