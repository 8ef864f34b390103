"""The engine of the extra hears real recordings: Ogg Opus as Telegram sends it, M4A as Slack does.

``make test-speech`` installs the engine and two small models into build/speech, and runs these tests; where
they are missing, the tests are skipped. The voice is espeak-ng's. Nothing is fetched.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from core.domain.file_states import FileFault
from core.ports.speech import HearingFailed
from core.speech.offline_recognizer import OfflineRecognizer, missing_files
from tests.speech_models import RECORDINGS, english_model, multilingual_model
from tests.speech_models import engine as engine

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
async def english(engine: None) -> AsyncIterator[OfflineRecognizer]:
    """Whisper tiny.en."""
    recognizer = OfflineRecognizer(english_model(), max_s=20)
    yield recognizer
    await recognizer.close()


def workers() -> list[psutil.Process]:
    """Return the processes that hear."""
    return psutil.Process().children()


def plain(text: str) -> str:
    """Return words without their punctuation."""
    return text.lower().strip(" .?!")


@pytest.mark.parametrize(
    "playlist", ["ffconcat version 1.0\nfile secret.ogg\n", "#EXTM3U\n#EXTINF:9,\nsecret.ogg\n"]
)
async def test_a_recording_opens_no_other_file(
    english: OfflineRecognizer, playlist: str, tmp_path: Path
) -> None:
    """FFmpeg reads playlists by their first bytes, and opens what they name."""
    (tmp_path / "secret.ogg").write_bytes((RECORDINGS / "shop.ogg").read_bytes())
    (tmp_path / "file").write_text(playlist)
    with pytest.raises(HearingFailed) as refused:
        await english.hear(tmp_path / "file", media_type="audio/ogg")
    assert refused.value.fault is FileFault.CORRUPT


@pytest.mark.parametrize("name", ["shop.ogg", "shop.m4a"])
async def test_a_recording_is_heard_whatever_its_container_is_called(
    english: OfflineRecognizer, name: str
) -> None:
    """Opus and AAC are decoded by their bytes; the media type may say anything."""
    heard = await english.hear(RECORDINGS / name, media_type="video/mp4")
    assert plain(heard.text).startswith("when does the sh")
    assert plain(heard.text).endswith("open on sunday")
    assert (heard.language, round(heard.seconds, 1)) == ("en", 2.7)


async def test_one_process_keeps_the_model_and_ends_with_the_recognizer(english: OfflineRecognizer) -> None:
    """The second recording does not load it again."""
    await english.hear(RECORDINGS / "shop.ogg", media_type="")
    (first,) = workers()
    heard = await english.hear(RECORDINGS / "agent.ogg", media_type="")
    assert plain(heard.text) == "please let me talk to a human agent"
    assert workers() == [first]
    assert first.nice() == 5
    await english.close()
    assert workers() == []


async def test_a_cancelled_hearing_ends_its_process(english: OfflineRecognizer) -> None:
    """The next recording gets another one."""
    hearing = asyncio.create_task(english.hear(RECORDINGS / "shop.ogg", media_type=""))
    while not workers():  # noqa: ASYNC110 (a thread starts it)
        await asyncio.sleep(0.01)
    (first,) = workers()
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)
    await asyncio.to_thread(first.wait, 30)
    assert (await english.hear(RECORDINGS / "agent.ogg", media_type="")).text


@pytest.mark.parametrize(
    ("name", "fault"),
    [("noise", FileFault.CORRUPT), ("long", FileFault.TOO_LONG), ("picture", FileFault.CORRUPT)],
)
async def test_what_cannot_be_heard_has_a_fault(
    engine: None, tmp_path: Path, name: str, fault: FileFault
) -> None:
    """No sound file, longer than it may be, whatever its container says, and a picture."""
    content = {
        "noise": b"OggS" + bytes(range(256)) * 20,
        "long": (RECORDINGS / "shop.ogg").read_bytes(),
        "picture": b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00",
    }[name]
    path = tmp_path / name
    await asyncio.to_thread(path.write_bytes, content)
    recognizer = OfflineRecognizer(english_model(), max_s=1 if name == "long" else 20)
    with pytest.raises(HearingFailed) as failed:
        await recognizer.hear(path, media_type="audio/ogg")
    await recognizer.close()
    assert failed.value.fault is fault


async def test_silence_has_no_words(english: OfflineRecognizer, tmp_path: Path) -> None:
    """Whisper alone would hear a phrase of its training data."""
    from bots.cli.check_speech import silence

    path = tmp_path / "silence.wav"
    await asyncio.to_thread(path.write_bytes, silence())
    assert (await english.hear(path, media_type="audio/wav")).text == ""


async def test_chinese_is_heard(engine: None, tmp_path: Path) -> None:
    """Whisper base knows a hundred languages."""
    folder = await asyncio.to_thread(multilingual_model, tmp_path)
    assert missing_files(folder) == []
    recognizer = OfflineRecognizer(folder, max_s=20)
    heard = await recognizer.hear(RECORDINGS / "count_zh.ogg", media_type="audio/ogg", language="zh-CN")
    await recognizer.close()
    assert heard.text.startswith("一二三四五")


async def test_a_broken_model_is_no_fault_of_the_recording(engine: None, tmp_path: Path) -> None:
    """The recording is heard once the model is there again."""
    for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt"):
        await asyncio.to_thread((tmp_path / name).write_bytes, b"{}")
    recognizer = OfflineRecognizer(tmp_path, max_s=20)
    with pytest.raises(HearingFailed) as failed:
        await recognizer.hear(RECORDINGS / "shop.ogg", media_type="audio/ogg")
    await recognizer.close()
    assert failed.value.fault is FileFault.UNREACHABLE
