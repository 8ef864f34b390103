"""Files on their way in and out: read once, within the account's limits, nothing left behind."""

import asyncio
from typing import Any

import pytest

from bots.simulator.kimi import Refusal
from core.concurrency.worker_process import WorkerDied, WorkerFailed, WorkerPoolClosed, WorkerTimeout
from core.domain.errors import DownloadRefused, PlatformRateLimited, PlatformUnavailable
from core.domain.file_states import FileFault, FileState
from core.files import kimi_file_store as shelf_module
from core.files.file_policy import MAX_INLINE_PICTURE_BYTES
from core.files.library import MAX_ATTEMPTS
from core.store import file_blobs, files

HTML = b"<html><p>The moon.</p></html>"
PNG = b"\x89PNG\r\n\x1a\n"


async def rows(desk: Any, query: str) -> list[tuple[Any, ...]]:
    """Read from the store."""
    async with desk.database.read() as tx:
        return [tuple(row) for row in await tx.exec_driver_sql(query)]


async def test_a_document_is_extracted_by_kimi_and_kept(desk: Any) -> None:
    """Its words are stored, and Kimi's file has a name that tells nothing."""
    talk = await desk.talk()
    assert await desk.send(talk, "secret plans.html", HTML) is None
    ((text, kimi_id, state),) = await rows(desk, "SELECT text, kimi_id, state FROM file_blobs")
    assert (text, state) == ("The moon.", "ready")
    assert desk.kimi.shelf.files[kimi_id].name == f"{desk.kimi.shelf.files[kimi_id].name[:32]}.html"
    assert "secret" not in desk.kimi.shelf.files[kimi_id].name
    assert list(desk.folder.iterdir()) == []


async def test_plain_text_never_leaves_the_machine(desk: Any) -> None:
    """It is read here."""
    assert await desk.send(await desk.talk(), "a.md", b"# The moon") is None
    assert await rows(desk, "SELECT text, kimi_id FROM file_blobs") == [("# The moon", "")]
    assert desk.kimi.shelf.uploads == []


async def test_the_same_bytes_at_the_same_time_are_uploaded_once(desk: Any) -> None:
    """Four people send one file at once."""
    talk = await desk.talk()
    sent = [await desk.put(talk, f"{number}.html", HTML) for number in range(4)]
    assert await desk.read(talk, *sent) == [None] * 4
    assert len(desk.kimi.shelf.uploads) == 1


async def test_slow_extraction_is_waited_for(desk: Any) -> None:
    """While Kimi works on a file it is asked again; where that takes for ever it is given up for now."""
    desk.kimi.shelf.extract_s = 4.0
    talk = await desk.talk()
    assert await desk.send(talk, "a.html", HTML) is None
    desk.kimi.shelf.extract_s = 1e6
    assert await desk.send(talk, "b.html", HTML + b"!") is FileFault.UNREACHABLE
    assert [file.state for file in await desk.of(talk)] == ["ready", "new"]


async def test_passing_failures_of_the_platform_are_outlasted(desk: Any) -> None:
    """A limit and an outage are waited for; one that stays leaves the file to the next question."""
    talk = await desk.talk()
    desk.platform.failures = [PlatformRateLimited("x", retry_after_s=2.0), PlatformUnavailable("x")]
    assert await desk.send(talk, "a.txt", b"a") is None
    assert len(desk.platform.asked) == 3
    desk.platform.failures = [PlatformUnavailable("x")] * 4
    assert await desk.send(talk, "b.txt", b"b") is FileFault.UNREACHABLE
    file = (await desk.of(talk))[-1]
    assert file.state is FileState.NEW
    assert await desk.read(talk, file) == [None]


@pytest.mark.parametrize(
    ("reason", "state"), [("gone", "failed"), ("external", "failed"), ("forbidden", "new")]
)
async def test_what_the_platform_refuses_is_told(desk: Any, reason: Any, state: str) -> None:
    """What an operator can mend is looked at again with the next question."""
    talk = await desk.talk()
    desk.platform.failures = [DownloadRefused("x", reason=reason)]
    assert await desk.send(talk, "a.txt", b"a") == reason
    assert (await desk.of(talk))[0].state == state


async def test_an_upload_whose_reply_is_lost_is_found_again(desk: Any) -> None:
    """A process that died in an upload left a file at Kimi: its successor takes it instead of a second."""
    talk = await desk.talk()
    sent = await desk.put(talk, "a.html", HTML)
    reading = asyncio.create_task(desk.library.read(talk, [sent]))
    while not desk.kimi.shelf.uploads:  # noqa: ASYNC110
        await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    assert list(desk.folder.iterdir()) == []
    assert [state for (state,) in await rows(desk, "SELECT state FROM file_blobs")] == ["uploading"]
    assert await desk.read(talk, (await desk.of(talk))[0]) == [None]
    assert len(desk.kimi.shelf.uploads) == 1
    assert [state for (state,) in await rows(desk, "SELECT state FROM file_blobs")] == ["ready"]


async def test_an_abandoned_upload_is_deleted(desk: Any) -> None:
    """Where the conversation is forgotten before that, Kimi's half is found by its name and deleted."""
    talk = await desk.talk()
    sent = await desk.put(talk, "a.html", HTML)
    reading = asyncio.create_task(desk.library.read(talk, [sent]))
    while not desk.kimi.shelf.uploads:  # noqa: ASYNC110
        await asyncio.sleep(0)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    async with desk.database.begin() as tx:
        await files.remove_up_to(tx, talk.id, up_to_seq=99)
    assert await desk.shelf.collect() == 1
    assert desk.kimi.shelf.files == {}
    assert await rows(desk, "SELECT 1 FROM file_blobs") == []


async def test_a_document_kimi_cannot_read_leaves_nothing(desk: Any) -> None:
    """Neither a file at Kimi nor words here, and the content is no longer known."""
    talk = await desk.talk()
    assert await desk.send(talk, "a.pdf", b"%PDF-1.7 broken") is FileFault.CORRUPT
    assert await desk.send(talk, "b.pdf", b"%PDF-1.7 broken /Encrypt 1 0 R") is FileFault.ENCRYPTED
    assert await desk.send(talk, "c.html", b"<html></html>") is FileFault.NO_TEXT
    await desk.shelf.collect()
    assert desk.kimi.shelf.files == {}
    assert await rows(desk, "SELECT 1 FROM file_blobs") == []
    assert list(desk.folder.iterdir()) == []


async def test_kimi_s_passing_failures_are_outlasted(desk: Any) -> None:
    """An overloaded Kimi is asked again for an upload; one that refuses the key is not our file's fault."""
    overloaded = Refusal(status=429, type="engine_overloaded_error", message="overloaded")
    desk.kimi.shelf.refuse = [overloaded, overloaded]
    talk = await desk.talk()
    assert await desk.send(talk, "a.html", HTML) is None
    desk.kimi.shelf.refuse = [Refusal(status=403, type="permission_denied_error", message="not open")]
    assert await desk.send(talk, "b.html", HTML + b"!") is FileFault.UNREACHABLE


async def test_the_oldest_make_room(desk: Any, monkeypatch: Any) -> None:
    """Of ours at most so many stay at Kimi; what was read in the others is still known."""
    monkeypatch.setattr(shelf_module, "MAX_STORED_FILES", 2)
    talk = await desk.talk()
    for number in range(4):
        assert await desk.send(talk, f"{number}.html", HTML + b"!" * number) is None
    assert len(desk.kimi.shelf.files) == 2
    assert desk.kimi.shelf.deleted == [file.id for file in desk.kimi.shelf.uploads[:2]]
    assert len(await rows(desk, "SELECT 1 FROM file_blobs WHERE text <> ''")) == 4


async def test_a_full_account_is_emptied_of_ours(desk: Any, monkeypatch: Any) -> None:
    """Where others fill the account, our oldest go; where there are none of ours the file waits."""
    talk = await desk.talk()
    assert await desk.send(talk, "a.html", HTML) is None
    desk.kimi.shelf.most_files = 1
    assert await desk.send(talk, "b.html", HTML + b"!") is None
    assert len(desk.kimi.shelf.files) == 1
    desk.kimi.shelf.most_files = 0
    async with desk.database.begin() as tx:
        await files.remove_up_to(tx, talk.id, up_to_seq=99)
    await desk.shelf.collect()
    assert await desk.send(talk, "c.html", HTML + b"?") is FileFault.UNREACHABLE


async def test_a_large_picture_goes_to_kimi_once_and_a_small_one_stays(desk: Any) -> None:
    """A large one is read anew where Kimi had to let it go."""
    talk = await desk.talk()
    assert await desk.send(talk, "", PNG + b"small", kind="picture") is None
    assert await desk.send(talk, "", PNG + b"x" * MAX_INLINE_PICTURE_BYTES, kind="picture") is None
    (uploaded,) = desk.kimi.shelf.uploads
    assert (uploaded.purpose, len(uploaded.content)) == ("image", MAX_INLINE_PICTURE_BYTES + len(PNG))
    large = (await desk.of(talk))[-1]
    async with desk.database.begin() as tx:
        await file_blobs.mark_deleted_at_kimi(tx, large.hash)
    assert [file.state for file in await desk.of(talk)] == ["ready", "new"]


async def test_nothing_of_a_shared_file_goes_while_somebody_has_it(desk: Any) -> None:
    """Two conversations have one file; it is deleted with the second."""
    first, second = await desk.talk("1"), await desk.talk("2")
    await desk.send(first, "a.html", HTML)
    await desk.send(second, "b.html", HTML, author="U2")
    async with desk.database.begin() as tx:
        await files.remove_up_to(tx, first.id, up_to_seq=99)
    assert await desk.shelf.collect() == 0
    assert len(desk.kimi.shelf.files) == 1
    async with desk.database.begin() as tx:
        await files.forget_person(tx, platform="slack", tenant="T1", author_id="U2")
    assert await desk.shelf.collect() == 1
    assert desk.kimi.shelf.files == {}


async def test_a_doomed_file_that_is_sent_again_is_read_anew(desk: Any) -> None:
    """Between being forgotten and being deleted, nobody relies on it."""
    talk = await desk.talk()
    await desk.send(talk, "a.html", HTML)
    async with desk.database.begin() as tx:
        await files.remove_up_to(tx, talk.id, up_to_seq=99)
        await file_blobs.mark_unreferenced(tx, account="a" * 32, limit=9)
    assert await desk.send(talk, "a.html", HTML) is None
    assert len(desk.kimi.shelf.files) == 1
    assert await desk.shelf.collect() == 0
    assert await rows(desk, "SELECT state FROM file_blobs") == [("ready",)]


async def test_a_file_that_ended_the_process_twice_is_not_read_again(desk: Any) -> None:
    """We chose: a file that kills its reader each time ends with a sentence instead of a loop."""
    talk = await desk.talk()
    file = await desk.put(talk, "a.txt", b"words")
    for _ in range(MAX_ATTEMPTS):
        async with desk.database.begin() as tx:
            await files.begin_attempt(tx, file.id)  # what a crash leaves behind
    assert await desk.read(talk, file) == [FileFault.GAVE_UP]
    assert desk.platform.asked == []
    assert (await desk.of(talk))[0].state is FileState.FAILED


async def test_a_reading_that_ends_is_not_counted(desk: Any) -> None:
    """A file that cannot be reached today is tried again as often as somebody asks."""
    talk = await desk.talk()
    desk.platform.failures += [DownloadRefused("no", reason="forbidden") for _ in range(4)]
    file = await desk.put(talk, "a.txt", b"words")
    for _ in range(4):
        assert await desk.read(talk, file) == [FileFault.FORBIDDEN]
    assert await desk.read(talk, file) == [None]


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (WorkerTimeout("spins"), FileFault.TOO_COMPLEX),
        (WorkerDied("out of memory"), FileFault.TOO_COMPLEX),
        (WorkerFailed("ValueError at x.py:1"), FileFault.CORRUPT),
        (WorkerPoolClosed("stopping"), FileFault.UNREACHABLE),
    ],
)
async def test_a_killed_reader_is_told(desk: Any, error: Exception, fault: FileFault) -> None:
    """What became of the process that read a file is a sentence for the person."""
    talk = await desk.talk()
    desk.workers.fail_next = error
    assert await desk.send(talk, "a.txt", b"words") is fault
