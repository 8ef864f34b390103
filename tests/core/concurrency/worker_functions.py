"""Functions that worker processes run in tests. Imports little: every process imports it anew."""

import os
import signal
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

MEGABYTE = 1024 * 1024
_kept: list[bytearray] = []


class Colour(StrEnum):
    """A closed set."""

    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A result with a type of its own."""

    name: str
    colours: tuple[Colour, ...]


def find(name: str, *, colour: Colour) -> Found | Colour:
    """Return a result of a union."""
    return Found(name=name, colours=(colour,)) if name else colour


def environment() -> list[str]:
    """Return the names of the process's environment."""
    return sorted(os.environ)


def descriptors() -> int:
    """Return how many files the process has open, beside the folder that is listed."""
    return len(list(Path("/proc/self/fd").iterdir())) - 1


def process_id(after_s: float = 0.0) -> int:
    """Return the id of the process, after it was busy for a while."""
    end = time.process_time() + after_s
    while time.process_time() < end:
        pass
    return os.getpid()


def out_of_memory_score() -> int:
    """Return how readily the kernel ends the process: from -1000, never, to 1000, first."""
    return int(Path("/proc/self/oom_score_adj").read_text(encoding="ascii"))


def keep(megabytes: int) -> int:
    """Take memory and never give it back."""
    _kept.append(bytearray(megabytes * MEGABYTE))
    return megabytes


def spin(path: Path) -> int:
    """Write the own process id to ``path`` and never return."""
    path.write_text(str(os.getpid()), encoding="ascii")
    while True:
        pass


def swallow(megabytes: int) -> int:
    """Take memory."""
    return len(bytearray(megabytes * MEGABYTE))


def crash() -> int:
    """End the process as a segmentation fault does."""
    os.kill(os.getpid(), signal.SIGSEGV)
    return 0


def fail(secret: str) -> int:
    """Raise an error that quotes its input."""
    raise ValueError(secret)


def open_missing() -> str:
    """Raise an OSError."""
    return Path("/missing/file").read_text(encoding="utf-8")
