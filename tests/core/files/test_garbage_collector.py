"""Deletion of what nobody refers to."""

import os
import time
from pathlib import Path
from typing import Any

from core.files.garbage_collector import (
    COLLECT_EVERY_S,
    STALE_FOLDER_S,
    FileGarbageCollector,
    delete_stale_folders,
)
from core.ports.periodic_tasks import PeriodicTask
from core.store import file_blobs, files

HTML = b"<html><p>The moon.</p></html>"


class RecordingScheduler:
    """A scheduler that keeps what it is asked for."""

    def __init__(self) -> None:
        self.tasks: list[PeriodicTask] = []
        self.soon: list[str] = []

    def schedule(self, periodic_task: PeriodicTask) -> None:
        """Keep a task."""
        self.tasks.append(periodic_task)

    def run_soon(self, name: str) -> None:
        """Keep a request."""
        self.soon.append(name)


async def test_an_unreachable_account_only_delays_the_deletion(desk: Any) -> None:
    """We chose to delete at Kimi first: what could not be deleted there is still known here."""
    talk = await desk.talk()
    await desk.send(talk, "a.html", HTML)
    async with desk.database.begin() as tx:
        await files.remove_up_to(tx, talk.id, up_to_seq=99)
    await desk.kimi.close()

    await desk.collector.collect()

    async with desk.database.read() as tx:
        (content,) = await file_blobs.load_uploaded(tx, desk.shelf.account)
    assert content.kimi_id in desk.kimi.shelf.files


async def test_it_runs_hourly_and_on_request(tmp_path: Path) -> None:
    """One replica runs it for all; whoever forgets something asks for a run at once."""
    scheduler, collector = RecordingScheduler(), FileGarbageCollector([], folder=tmp_path)
    collector.collect_soon()  # before the start there is nobody to ask

    collector.start(scheduler)
    collector.collect_soon()
    await collector.close()

    assert [(task.name, task.every_s) for task in scheduler.tasks] == [("files", COLLECT_EVERY_S)]
    assert scheduler.soon == ["files"]


def test_only_folders_of_dead_processes_are_deleted(tmp_path: Path) -> None:
    """Another process on this machine may be reading in a folder that is younger than an hour."""
    old, new = tmp_path / "old", tmp_path / "new"
    for folder in (old, new):
        folder.mkdir()
        (folder / "file").write_bytes(b"x")
    before = time.time() - STALE_FOLDER_S - 60
    os.utime(old, (before, before))

    delete_stale_folders(tmp_path)
    delete_stale_folders(tmp_path / "missing")

    assert [child.name for child in tmp_path.iterdir()] == ["new"]
