"""Files and a second account: read there while the first is away, and shown there what it can see."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from bots.simulator.kimi import KimiSimulator
from core.domain.clock import ScaledClock
from core.files.file_policy import MAX_INLINE_PICTURE_BYTES
from core.files.garbage_collector import FileGarbageCollector
from core.files.kimi_file_store import KimiFileStore
from core.files.media_inliner import MediaInliner
from core.kimi import AsyncKimi, ChatRequest, ImagePart, Message, TextPart, VideoPart
from core.store import file_blobs, files
from tests.core.files.conftest import PATIENT

FIRST, SECOND = "a" * 32, "b" * 32
LARGE = b"\x89PNG\r\n\x1a\n" + bytes(MAX_INLINE_PICTURE_BYTES)
CLIP = b"\0\0\0\x18ftypisom" + b"\1" * 99


@pytest.fixture
async def second(desk: Any) -> AsyncIterator[KimiSimulator]:
    """Another account, which the desk's library knows too."""
    clock = ScaledClock(40)
    async with (
        KimiSimulator(clock=clock) as kimi,
        AsyncKimi(api_key="sk-test", base_url=kimi.base_url, clock=clock, timeouts=PATIENT) as client,
    ):
        other = KimiFileStore(desk.database, client.files, clock, account=SECOND)
        desk.library = desk.library_of(desk.shelf, other)
        desk.collector = FileGarbageCollector([desk.shelf, other], folder=desk.folder)
        yield kimi


async def referring(desk: Any) -> ChatRequest:
    """A request that shows everything which is kept at Kimi."""
    async with desk.database.read() as tx:
        kept = [*await file_blobs.load_uploaded(tx, FIRST), *await file_blobs.load_uploaded(tx, SECOND)]
    parts = [
        (ImagePart if one.file_type == "picture" else VideoPart)(f"ms://{one.kimi_id}")
        for one in sorted(kept, key=lambda one: one.file_type)
    ]
    said = Message(role="user", content=(TextPart("Look."), *parts))
    return ChatRequest(messages=(said,), model="kimi-k2.6", max_completion_tokens=100)


async def test_another_account_is_shown_bytes_and_told_what_it_misses(
    desk: Any, second: KimiSimulator
) -> None:
    """A large picture goes to it as data, a video as a sentence; its owner gets both by reference."""
    talk = await desk.talk()
    assert await desk.send(talk, "a.png", LARGE) is None
    assert await desk.send(talk, "b.mp4", CLIP, kind="video") is None
    request = await referring(desk)
    carrier = MediaInliner(desk.database)
    assert await carrier(request, FIRST) == request
    _, picture, video = (await carrier(request, SECOND)).messages[0].content
    assert isinstance(picture, ImagePart)
    assert picture.url.startswith("data:image/png;base64,iVBOR")
    assert video == TextPart("[A video that cannot be shown to you now. Say so where the answer needs it.]")


async def test_words_alone_are_passed_on(desk: Any) -> None:
    """What refers to nothing goes everywhere as it is."""
    request = ChatRequest(
        messages=(Message(role="user", content="ms://x"),), model="kimi-k2.6", max_completion_tokens=100
    )
    assert await MediaInliner(desk.database)(request, SECOND) is request


async def test_while_one_account_is_away_the_next_reads(desk: Any, second: KimiSimulator) -> None:
    """A document is extracted by the account that can be reached, and deleted there when it is forgotten."""
    await desk.kimi.close()
    talk = await desk.talk()
    assert await desk.send(talk, "a.html", b"<html><p>The moon.</p></html>") is None
    async with desk.database.read() as tx:
        (kept,) = await file_blobs.load_uploaded(tx, SECOND)
        assert await file_blobs.get_text(tx, kept.hash) == "The moon."
    assert list(second.shelf.files) == [kept.kimi_id]
    async with desk.database.begin() as tx:
        await files.remove_up_to(tx, talk.id, up_to_seq=99)
    await desk.collector.collect()
    assert second.shelf.files == {}
