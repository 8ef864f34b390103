"""Hears recordings on this machine, with the extra ``moonthread[speech]`` and a model in a folder.

Each recording is heard in a process that can be killed, with limits of its time and memory, and with a lower
priority than the service. The process keeps the model for two minutes after the last recording.
"""

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import structlog

from core.concurrency.worker_pool import WorkerPool
from core.concurrency.worker_process import (
    WorkerDied,
    WorkerFailed,
    WorkerLimits,
    WorkerPoolClosed,
    WorkerTimeout,
)
from core.domain.file_states import FileFault
from core.ports.speech import Heard, HearingFailed
from core.speech.whisper_jobs import Transcript, transcribe

log = structlog.get_logger(__name__)

MODEL_FILES: Final = ("model.bin", "config.json", "tokenizer.json")  #: beside a vocabulary
VOCABULARIES: Final = ("vocabulary.json", "vocabulary.txt")  #: one of them
_LOADING_S: Final = 120.0  #: for a large model from a slow disk
_SECONDS_PER_SECOND: Final = 4.0  #: of sound: more is a model that this machine is too slow for
_MEMORY_BYTES: Final = 2 * 1024**3  #: address space of the libraries, and of the sound
_MEMORY_PER_MODEL_BYTE: Final = 4  #: float16 weights are unpacked before they are stored as int8


class OfflineRecognizer:
    """Whisper on this machine's processor. Implements :class:`core.ports.speech.SpeechToText`."""

    def __init__(self, folder: Path, *, max_s: float) -> None:
        """Start nothing yet.

        Args:
            folder: of the model; :func:`missing_files` is empty.
            max_s: seconds of the longest recording.
        """
        self.model = folder.resolve().name
        self._folder = folder.resolve()
        self._max_s = max_s
        self._threads = max(1, (os.cpu_count() or 1) // 2)  # the other half answers questions
        limits = WorkerLimits(
            timeout_s=_LOADING_S + _SECONDS_PER_SECOND * max_s,
            memory_bytes=_MEMORY_BYTES + _MEMORY_PER_MODEL_BYTE * _model_bytes(folder),
            threads=self._threads,
            keeps_memory=True,
        )
        self._workers = WorkerPool(limits, size=1)

    async def hear(self, path: Path, *, media_type: str, language: str = "") -> Heard:
        """Return the words of a recording; see :meth:`core.ports.speech.SpeechToText.hear`."""
        try:
            heard = await self._workers.run(
                transcribe,
                path,
                folder=self._folder,
                language=language,
                max_s=self._max_s,
                threads=self._threads,
            )
        except (WorkerTimeout, WorkerDied) as exc:
            log.warning("file.worker_killed", error=str(exc), reason=type(exc).__name__)
            raise HearingFailed(FileFault.TOO_COMPLEX) from exc
        except WorkerPoolClosed as exc:  # the service is stopping: heard after the next start
            raise HearingFailed(FileFault.UNREACHABLE) from exc
        except WorkerFailed as exc:
            log.error("file.worker_failed", error=str(exc))
            raise HearingFailed(FileFault.UNREACHABLE) from exc
        match heard:
            case Transcript(text=text, language=recognized, seconds=seconds):
                return Heard(text=text, language=recognized, seconds=seconds)
            case fault:
                raise HearingFailed(fault)

    async def close(self) -> None:
        """End the process."""
        self._workers.close()


def is_installed() -> bool:
    """Return whether the extra is installed."""
    return find_spec("faster_whisper") is not None


def missing_files(folder: Path) -> Sequence[str]:
    """Return the names of the files that a model's folder lacks; blocking."""
    missing = [name for name in MODEL_FILES if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in VOCABULARIES):
        missing.append(VOCABULARIES[0])
    return missing


def _model_bytes(folder: Path) -> int:
    try:
        return (folder / MODEL_FILES[0]).stat().st_size
    except OSError:
        return 0
