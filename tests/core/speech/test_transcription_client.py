"""A service with OpenAI's form hears recordings; its errors are those of Kimi's client."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bots.simulator.speech import SpeechSimulator
from core.domain.clock import Clock
from core.kimi import (
    KimiAuthenticationError,
    KimiError,
    KimiModelUnknown,
    KimiUnavailable,
    KimiUnreadableReply,
)
from core.speech.transcription_client import MAX_HEARD_CHARS, TranscriptionClient, parse_transcription

pytestmark = pytest.mark.virtual_time
OGG = b"OggS\x00\x02 and sound"


@pytest.fixture
async def service() -> AsyncIterator[SpeechSimulator]:
    """A service that hears one recording."""
    async with SpeechSimulator() as simulator:
        simulator.words[OGG] = " What is tea? \u0000"
        yield simulator


async def hear(service: SpeechSimulator, path: Path, clock: Clock, content: bytes = OGG, **how: str) -> str:
    """Let the service hear a recording."""
    await asyncio.to_thread(path.write_bytes, content)
    client = TranscriptionClient(
        base_url=service.base_url,
        api_key=how.get("key", service.key),
        model=how.get("model", service.model),
        clock=clock,
    )
    try:
        heard = await client.hear(path, media_type="audio/ogg", language=how.get("language", ""))
    finally:
        await client.close()
    return heard.text


async def test_the_words_of_a_recording_are_returned(
    service: SpeechSimulator, tmp_path: Path, loop_clock: Clock
) -> None:
    """Trimmed and without control characters; the language is sent only if it is known."""
    assert await hear(service, tmp_path / "a", loop_clock) == "What is tea?"
    assert await hear(service, tmp_path / "a", loop_clock, language="zh") == "What is tea?"
    assert [request.fields.get("language") for request in service.requests] == [None, "zh"]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (OGG, "recording.ogg"),
        (b"\x00\x00\x00\x20ftypM4A ", "recording.m4a"),
        (b"\x1a\x45\xdf\xa3 and more", "recording.webm"),
        (b"RIFF....WAVEfmt ", "recording.wav"),
        (b"ID3\x04 and more", "recording.mp3"),
    ],
)
async def test_a_recording_is_named_by_its_real_container(
    service: SpeechSimulator, tmp_path: Path, loop_clock: Clock, content: bytes, name: str
) -> None:
    """Services choose the decoder by the name, and platforms label freely (hermes-agent#51287)."""
    await hear(service, tmp_path / "a", loop_clock, content)
    assert service.requests[-1].name == name


async def test_a_failure_that_may_pass_is_tried_again(
    service: SpeechSimulator, tmp_path: Path, loop_clock: Clock
) -> None:
    """Three attempts, as of Kimi's client; then the error is raised."""
    service.failures = [(503, "down"), (429, "slow down")]
    assert await hear(service, tmp_path / "a", loop_clock) == "What is tea?"
    service.failures = [(503, "down")] * 3
    with pytest.raises(KimiUnavailable):
        await hear(service, tmp_path / "a", loop_clock)
    assert service.failures == []


@pytest.mark.parametrize(
    ("how", "error"), [({"key": "sk-wrong"}, KimiAuthenticationError), ({"model": "other"}, KimiModelUnknown)]
)
async def test_a_wrong_setting_is_final(
    service: SpeechSimulator, tmp_path: Path, loop_clock: Clock, how: dict[str, str], error: type[KimiError]
) -> None:
    """One attempt, and an error that says which setting it is."""
    with pytest.raises(error):
        await hear(service, tmp_path / "a", loop_clock, **how)
    assert len(service.requests) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"text": null}', b'{"error": {}}', b'["text"]'])
def test_an_answer_of_another_form_is_unreadable(body: bytes) -> None:
    """A page of a proxy is no transcription."""
    with pytest.raises(KimiUnreadableReply):
        parse_transcription(body)


def test_a_transcription_has_a_bound() -> None:
    """A service may send megabytes for a second of sound."""
    heard = parse_transcription(b'{"text": "' + b"ha " * 1_000_000 + b'"}')
    assert 0 < len(heard.text) <= MAX_HEARD_CHARS
