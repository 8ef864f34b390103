"""The port for speech recognition: from a recording to its words."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from core.domain.file_states import FileFault


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """Words of a recording."""

    text: str  #: "" if nothing was said
    language: str = ""  #: BCP 47 tag as far as it was recognized
    seconds: float = 0.0  #: length of the recording; 0 if the engine does not say


class HearingFailed(Exception):
    """A recording cannot be heard by any service; ``fault`` says why."""

    def __init__(self, fault: FileFault) -> None:
        self.fault = fault
        super().__init__(fault.value)


class SpeechToText(Protocol):
    """An engine or service that hears recordings."""

    @property
    def model(self) -> str:
        """Name of the model, for the accounts."""

    async def hear(self, path: Path, *, media_type: str, language: str = "") -> Heard:
        """Return the words of a recording.

        Args:
            path: the recording on the disk.
            media_type: as the platform labels it; the bytes may be of another container.
            language: BCP 47 tag that the speaker is known to use; "" lets the engine recognize it.

        Raises:
            HearingFailed: it holds no sound, is damaged, or takes more time or memory than it may.
            KimiError: the service cannot be asked; ``retryable`` says whether that may pass.
            OSError: ``path`` cannot be read.
        """

    async def close(self) -> None:
        """Close connections and end processes."""
