"""The port for speech recognition: from a recording to its words."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Words of a recording."""

    text: str  #: "" if nothing was said
    language: str = ""  #: BCP 47 tag as far as it was recognized


class SpeechToText(Protocol):
    """An engine or service that hears recordings."""

    async def hear(self, path: Path, *, media_type: str, language: str = "") -> Heard:
        """Return the words of a recording.

        Args:
            path: the recording on the disk.
            media_type: as the platform labels it; the bytes may be of another container.
            language: BCP 47 tag that the speaker is known to use; "" lets the engine recognize it.

        Raises:
            KimiError: it cannot be heard; ``retryable`` says whether that may pass.
            OSError: ``path`` cannot be read.
        """
