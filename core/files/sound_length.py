"""Length of a recording from its container, without decoding it. Blocking; run it in a worker."""

import struct
from pathlib import Path
from typing import BinaryIO, Final

OPUS_RATE: Final = 48_000  #: granule positions count samples of this rate (RFC 7845)
GUESSED_BYTES_PER_S: Final = 16_000  #: of containers that are not read here: 128 kbit/s, as MP3 mostly has
MIN_BYTES_PER_S: Final = 100  #: no codec speaks with less
_OGG_PAGE: Final = b"OggS"
_OGG_TAIL_BYTES: Final = 65_536 + 27 + 255  #: the longest page: the last one begins within it
_MAX_BOXES: Final = 1_000  #: of an MP4 that are looked at


def measure_sound_s(path: Path) -> float:
    """Return the length of a recording in seconds, as its container says; guessed from its size if unknown.

    Whoever made the file can have written anything there: the engine stops by itself.

    Raises:
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(64)
        try:
            if head.startswith(_OGG_PAGE):
                seconds = _ogg_s(stream, head, size)
            elif head[4:8] == b"ftyp":
                seconds = _mp4_s(stream, size)
            elif head.startswith(b"RIFF") and head[8:12] == b"WAVE":
                (bytes_per_s,) = struct.unpack_from("<I", head, 28)
                seconds = size / bytes_per_s
            else:
                seconds = 0.0
        except (struct.error, IndexError, ZeroDivisionError):
            seconds = 0.0
    is_plausible = 0 < seconds <= size / MIN_BYTES_PER_S
    return seconds if is_plausible else size / GUESSED_BYTES_PER_S


def _ogg_s(stream: BinaryIO, head: bytes, size: int) -> float:
    """Return the granule position of the last page, in seconds (RFC 3533, section 6)."""
    stream.seek(max(0, size - _OGG_TAIL_BYTES))
    tail = stream.read()
    (granules,) = struct.unpack_from("<q", tail, tail.rindex(_OGG_PAGE) + 6) if _OGG_PAGE in tail else (0,)
    if head[28:35] == b"\x01vorbis":
        (rate,) = struct.unpack_from("<I", head, 40)
        return float(granules / rate)
    return float(granules / OPUS_RATE)


def _mp4_s(stream: BinaryIO, size: int) -> float:
    """Return the duration in the box ``moov/mvhd`` (ISO/IEC 14496-12); 0 if a fragmented file has none."""
    at, end = 0, size
    for _ in range(_MAX_BOXES):
        if at + 8 > end:
            break
        stream.seek(at)
        header = stream.read(16)
        length, kind = struct.unpack_from(">I4s", header)
        start = at + 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", header, 8)
            start = at + 16
        if kind == b"mvhd":
            stream.seek(start)
            return _mvhd_s(stream.read(32))
        if kind == b"moov":
            at = start
        elif length < start - at:
            break
        else:
            at += length
    return 0.0


def _mvhd_s(box: bytes) -> float:
    layout, at = (">IQ", 20) if box[0] == 1 else (">II", 12)
    timescale, duration = struct.unpack_from(layout, box, at)
    return float(duration / timescale)
