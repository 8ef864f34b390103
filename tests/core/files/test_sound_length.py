"""The length of recordings as their containers say it."""

import io
import struct
import wave
from pathlib import Path

import pytest

from core.files.sound_length import GUESSED_BYTES_PER_S, measure_sound_s

RECORDINGS = Path(__file__).parents[2] / "recordings"


def wav(seconds: int) -> bytes:
    """Silence as a WAV file."""
    written = io.BytesIO()
    with wave.open(written, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8_000)
        sound.writeframes(bytes(16_000 * seconds))
    return written.getvalue()


def vorbis(seconds: int) -> bytes:
    """The first and the last page of an Ogg Vorbis file of 44.1 kHz."""
    first = b"OggS" + bytes(23) + b"\x1e" + b"\x01vorbis" + struct.pack("<IBI", 0, 1, 44_100) + bytes(20)
    return first + bytes(900) + b"OggS\x00\x04" + struct.pack("<q", 44_100 * seconds) + bytes(40)


def box(kind: bytes, content: bytes) -> bytes:
    """A box of an MP4."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def mp4(seconds: int, *, wide: bool = False) -> bytes:
    """An MP4 whose duration stands behind its sound."""
    header = (
        struct.pack(">IQQIQ", 1 << 24, 0, 0, 1_000, 1_000 * seconds)
        if wide
        else struct.pack(">IIIII", 0, 0, 0, 1_000, 1_000 * seconds)
    )
    moov = box(b"moov", box(b"junk", b"x") + box(b"mvhd", header))
    return box(b"ftyp", b"M4A ") + box(b"mdat", bytes(900)) + moov


@pytest.mark.parametrize(
    "content", [wav(7), vorbis(7), mp4(7), mp4(7, wide=True)], ids=["wav", "vorbis", "mp4", "mp4 of 64 bits"]
)
def test_containers_say_the_length(tmp_path: Path, content: bytes) -> None:
    """Nothing is decoded for it."""
    path = tmp_path / "a"
    path.write_bytes(content)
    assert measure_sound_s(path) == pytest.approx(7, abs=0.01)


@pytest.mark.parametrize("name", ["shop.ogg", "shop.m4a"])
def test_real_recordings_are_measured(name: str) -> None:
    """As an encoder wrote them: Ogg Opus and M4A."""
    assert measure_sound_s(RECORDINGS / name) == pytest.approx(2.72, abs=0.01)


@pytest.mark.parametrize(
    "content",
    [
        b"ID3" + bytes(997),
        b"OggS" + bytes(996),
        mp4(0) + bytes(8),
        mp4(100_000),
        b"RIFF" + bytes(4) + b"WAVE" + bytes(988),
        (b"\x00\x00\x00\x04ftyp" * 125)[:1000],
        b"OggS",
        b"\x00\x00\x00\x0cftypM4A " + b"\x00\x00\x00\x08moov" + b"\x00\x00\x00\x08mvhd",
    ],
)
def test_a_container_that_says_nothing_is_guessed_from_its_size(tmp_path: Path, content: bytes) -> None:
    """Unknown, empty and broken ones count by 128 kbit/s, and nothing is raised."""
    path = tmp_path / "a"
    path.write_bytes(content)
    assert measure_sound_s(path) == len(content) / GUESSED_BYTES_PER_S
