"""What is heard of one person, and what it counts as."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.access import AccessLists, Actor
from core.domain.addresses import ChatType
from core.domain.clock import FakeClock
from core.domain.file_states import FileFault, FileType
from core.files.extract import InspectedFile
from core.files.file_policy import UnusableFile
from core.files.transcriber import HearingLimits, Transcriber
from core.kimi import KimiInvalidRequest
from core.ports.speech import Heard, HearingFailed
from core.store import Database, conversations, file_blobs, privacy, usage_report
from core.store.conversations import Conversation
from core.store.usage_report import Totals
from tests.event_builders import START, direct_chat

KEY = direct_chat().key()


@dataclass
class FakeSpeech:
    """Hears what it is told to."""

    text: str = "What is tea?"
    seconds: float = 0.0
    error: Exception | None = None
    model: str = "whisper-1"
    heard: list[Path] = field(default_factory=list)

    async def hear(self, path: Path, *, media_type: str, language: str = "") -> Heard:
        """Hear."""
        self.heard.append(path)
        if self.error is not None:
            raise self.error
        return Heard(text=self.text, seconds=self.seconds)

    async def close(self) -> None:
        """Close nothing."""


@dataclass
class Hearing:
    """A transcriber of a chat with one person."""

    database: Database
    conversation: Conversation
    limits: HearingLimits
    speech: FakeSpeech = field(default_factory=FakeSpeech)
    access: AccessLists = field(default_factory=AccessLists)
    now: datetime = START
    count: int = 0

    async def __call__(self, *, sound_s: float = 60.0, size_bytes: int = 5, person: str = "1") -> str:
        """Let a person send another recording; return its fault, or the words that are stored."""
        self.count += 1
        recording = InspectedFile(
            file_type=FileType.SOUND,
            extension="ogg",
            media_type="audio/ogg",
            size_bytes=size_bytes,
            hash=f"{self.count:064x}",
            sound_s=sound_s,
        )
        transcriber = Transcriber(
            self.database, self.speech, FakeClock(), self.access, self.limits, now=lambda: self.now
        )
        try:
            await transcriber.transcribe(recording, Path("a"), self.conversation, person)
        except UnusableFile as unusable:
            return unusable.fault.value
        async with self.database.read() as tx:
            return await file_blobs.get_text(tx, recording.hash)

    async def used(self) -> Totals:
        """What the person has used."""
        async with self.database.read() as tx:
            return await usage_report.person_totals(
                tx, Actor.at(KEY, "1"), START - timedelta(days=9), alias="anon:1"
            )


@pytest.fixture
async def hearing(database: Database) -> Hearing:
    """Three minutes a day, two at once, a cent a minute."""
    async with database.begin() as tx:
        conversation = await conversations.get_or_create(tx, KEY, ChatType.DIRECT)
    limits = HearingLimits(max_s=120, max_bytes=1_000, person_s_per_day=180, usd_per_minute=0.01)
    return Hearing(database, conversation, limits)


async def test_words_seconds_and_cost_are_stored(hearing: Any) -> None:
    """The length that the service counted comes before the container's."""
    hearing.now = START + timedelta(days=900)  # of which nothing is counted yet
    assert await hearing(sound_s=30) == "What is tea?"
    hearing.speech.seconds = 90
    assert await hearing(sound_s=30) == "What is tea?"
    used = await hearing.used()
    assert (used.sound_s, used.cost_usd, used.unpriced, used.messages) == (120, pytest.approx(0.02), 0, 0)


async def test_without_a_price_the_cost_is_unknown(hearing: Any) -> None:
    """It is counted among the requests without a price."""
    hearing.limits = HearingLimits()
    await hearing()
    used = await hearing.used()
    assert (used.cost_usd, used.unpriced) == (0, 1)


async def test_a_recording_that_is_too_long_or_large_is_not_sent(hearing: Any) -> None:
    """Nothing is heard of it, and it counts nothing."""
    assert await hearing(sound_s=121) == "too_long"
    assert await hearing(size_bytes=1_001) == "too_large"
    assert hearing.speech.heard == []
    assert (await hearing.used()).sound_s == 0


async def test_each_person_has_so_many_minutes_a_day(hearing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another person, an admin and the next day are not concerned; being forgotten refills nothing."""
    hearing.now = datetime.now(START.tzinfo)
    assert await hearing(sound_s=100) == "What is tea?"
    assert await hearing(sound_s=81) == "hearing_limit"
    assert await hearing(sound_s=80) == "What is tea?"
    assert await hearing(sound_s=1) == "hearing_limit"
    assert await hearing(person="2") == "What is tea?"
    from core.llm.pseudonymizing_model import KEY_NAME, anonymous_alias
    from core.store.keys import get_or_create_key

    async with hearing.database.begin() as tx:
        alias = anonymous_alias(await get_or_create_key(tx, KEY_NAME), Actor.at(KEY, "1"))
        await privacy.forget_person(tx, Actor.at(KEY, "1"), alias=alias)
    assert await hearing(sound_s=1) == "hearing_limit"
    hearing.access = AccessLists(admins=frozenset({"telegram:1"}))
    assert await hearing() == "What is tea?"
    hearing.access = AccessLists()
    hearing.now += timedelta(days=1)
    assert await hearing() == "What is tea?"


async def test_silence_counts_and_is_no_text(hearing: Any) -> None:
    """It was heard, so it costs."""
    hearing.speech.text = " \u200b"
    assert await hearing() == "not_heard"
    assert (await hearing.used()).sound_s == 60


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (HearingFailed(FileFault.TOO_COMPLEX), "too_complex"),
        (KimiInvalidRequest("Invalid file format."), "corrupt"),
    ],
)
async def test_a_recording_that_cannot_be_decoded_is_a_fault_of_its_own(
    hearing: Any, error: Exception, fault: str
) -> None:
    """It is not tried again and counts nothing."""
    hearing.speech.error = error
    assert await hearing() == fault
    assert (await hearing.used()).sound_s == 0


async def test_a_recording_that_is_too_large_is_not_downloaded(desk: Any) -> None:
    """The platform tells its size beforehand; one of an unknown size is measured when it is there."""
    transcriber = Transcriber(
        desk.database, FakeSpeech(), desk.clock, AccessLists(), HearingLimits(max_bytes=10)
    )
    desk.library = desk.library_of(desk.shelf, transcriber=transcriber)
    talk = await desk.talk()
    file = await desk.put(talk, "a.ogg", b"OggS and more sound", kind="audio")
    large = replace(file, attachment=replace(file.attachment, size_bytes=19))
    assert await desk.read(talk, large) == [FileFault.TOO_LARGE]
    assert desk.platform.asked == []
    assert await desk.read(talk, file) == [FileFault.TOO_LARGE]
    assert desk.platform.asked != []
