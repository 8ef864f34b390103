"""What is done with the bytes of a file, as functions for worker processes: a fault is returned, not raised.

A worker starts for each of them, so this module imports little.
"""

from dataclasses import dataclass
from pathlib import Path

from core.domain.file_states import FileFault
from core.domain.message_content import Attachment
from core.files.extract import InspectedFile, inspect_file, read_text
from core.files.file_policy import UnusableFile


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractedText:
    """The whole text of a file."""

    text: str


def inspect(path: Path, attachment: Attachment) -> InspectedFile | FileFault:
    """Return the type, size and hash of a downloaded file, or why it cannot be used.

    Raises:
        OSError: it cannot be read.
    """
    try:
        return inspect_file(path, attachment)
    except UnusableFile as exc:
        return exc.fault


def extract_text(path: Path) -> ExtractedText | FileFault:
    """Return the text of a plain text file, or why it has none.

    Raises:
        OSError: it cannot be read.
    """
    try:
        return ExtractedText(text=read_text(path))
    except UnusableFile as exc:
        return exc.fault
