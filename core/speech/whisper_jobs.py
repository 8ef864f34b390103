"""Hearing with faster-whisper, as functions for worker processes: a fault is returned, not raised.

faster-whisper is the extra ``moonthread[speech]``. The process keeps the model, so that only its first
recording waits for it.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from core.domain.file_states import FileFault

if TYPE_CHECKING:
    import numpy

SAMPLE_RATE: Final = 16_000  #: of the sound that Whisper hears, in Hz
_NICENESS: Final = 5  #: the service's own work goes first
_BEAM_SIZE: Final = 5
_CONTAINERS: Final = "aac,ac3,aiff,amr,au,caf,flac,matroska,mov,mp3,ogg,w64,wav"
"""FFmpeg's readers of what phones, browsers and people record; Matroska's reads WebM, MOV's MP4 and M4A.

Not its readers of playlists (HLS, DASH, concat, SDP), which open whatever file or address a recording names.
"""
_OPTIONS: Final = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "file"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """Words of a recording, as the worker sends them."""

    text: str
    language: str
    seconds: float


def transcribe(
    path: Path, *, folder: Path, language: str, max_s: float, threads: int
) -> Transcript | FileFault:
    """Return the words of a recording, or why there are none.

    Args:
        path: the recording; its container is recognized from its bytes.
        folder: of the model, in CTranslate2's form.
        language: BCP 47 tag; "" recognizes it.
        max_s: seconds of sound that are decoded at most; a longer recording is refused.
        threads: processor cores to use.

    Raises:
        OSError: the recording cannot be read.
    """
    model = _load_model(folder, threads)
    sound = _decode(path, max_s)
    if isinstance(sound, FileFault):
        return sound
    segments, info = model.transcribe(
        sound,
        language=language.partition("-")[0] or None,
        beam_size=_BEAM_SIZE,
        vad_filter=True,  # in silence Whisper hears phrases of its training data
        condition_on_previous_text=False,  # else one misheard phrase may be repeated to the end
    )
    words = "".join(segment.text for segment in segments).strip()
    return Transcript(text=words, language=info.language, seconds=len(sound) / SAMPLE_RATE)


@cache
def _load_model(folder: Path, threads: int) -> Any:
    os.environ["HF_HUB_OFFLINE"] = "1"  # nothing is ever fetched silently
    from faster_whisper import WhisperModel

    os.nice(_NICENESS)
    return WhisperModel(
        str(folder), device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=True
    )


def _decode(path: Path, max_s: float) -> "numpy.ndarray[Any, Any] | FileFault":
    """Return a recording's first track of sound as samples from -1 to 1, at :data:`SAMPLE_RATE`, mono."""
    import av
    import numpy

    pieces, count = [], 0
    try:
        with av.open(str(path), options=_OPTIONS) as container:
            if not container.streams.audio:
                return FileFault.NOT_HEARD
            resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
            for frame in container.decode(audio=0):
                for piece in resampler.resample(frame):
                    pieces.append(piece.to_ndarray().reshape(-1))
                    count += piece.samples
                if count > max_s * SAMPLE_RATE:
                    return FileFault.TOO_LONG
            pieces += [piece.to_ndarray().reshape(-1) for piece in resampler.resample(None)]
    except (av.error.FFmpegError, ValueError):
        return FileFault.CORRUPT
    if not pieces:
        return FileFault.NOT_HEARD
    return numpy.concatenate(pieces).astype(numpy.float32) / 32_768.0
