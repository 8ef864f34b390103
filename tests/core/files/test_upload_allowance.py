"""Files of one person per day."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from core.access import AccessLists, Actor
from core.domain.file_states import FileFault, FileState
from core.files.file_policy import UnusableFile
from core.files.upload_allowance import UploadAllowance
from core.store import Database
from tests.event_builders import START, direct_chat

ANN = Actor.at(direct_chat().key(), "1")
BOB = Actor.at(direct_chat().key(), "2")


async def test_each_person_has_so_many_files_a_day(database: Database) -> None:
    """The next day begins anew; another person and admins are not concerned."""
    now = [START]

    def clock() -> datetime:
        return now[0]

    admins = AccessLists(admins=frozenset({"telegram:9"}))
    allowance = UploadAllowance(database, admins, files_per_day=2, now=clock)
    for _ in range(2):
        await allowance.take(ANN)
    for _ in range(2):
        with pytest.raises(UnusableFile) as refused:
            await allowance.take(ANN)
    assert refused.value.fault is FileFault.DAILY_LIMIT
    await allowance.take(BOB)
    for _ in range(5):
        await allowance.take(Actor.at(direct_chat().key(), "9"))
    now[0] += timedelta(days=1)
    await allowance.take(ANN)


async def test_without_a_limit_nothing_is_counted(database: Database) -> None:
    """0 is no limit."""
    allowance = UploadAllowance(database, AccessLists(), files_per_day=0)
    for _ in range(5):
        await allowance.take(ANN)


async def test_a_file_too_many_is_neither_downloaded_nor_uploaded(desk: Any) -> None:
    """It fails with a fault of its own, which the person is told of."""
    desk.library = desk.library_of(
        desk.shelf, allowance=UploadAllowance(desk.database, AccessLists(), files_per_day=1)
    )
    talk = await desk.talk()
    first = await desk.put(talk, "one.html", b"<html><p>The moon.</p></html>")
    assert dict(await desk.library.read(talk, [first])) == {}
    second = await desk.put(talk, "two.html", b"<html><p>The sun.</p></html>")
    assert dict(await desk.library.read(talk, [second])) == {second.id: FileFault.DAILY_LIMIT}
    assert len(desk.kimi.shelf.uploads) == 1
    assert [file.state for file in await desk.of(talk)] == [FileState.READY, FileState.FAILED]
