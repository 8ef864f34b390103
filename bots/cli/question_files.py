"""Files that are sent with a question of ``moonthread ask``."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from core.domain.errors import SettingsError
from core.domain.file_states import FileFault, FileType
from core.domain.message_content import Attachment, AttachmentKind
from core.files.extract import InspectedFile, inspect_file, read_text
from core.files.file_policy import UnusableFile
from core.files.media_url import data_url
from core.kimi import AsyncKimi, ContentPart, ImagePart, KimiTimeout, VideoPart
from core.kimi.files_api import FAILED_STATUSES, READY_STATUSES

POLLS: Final = 60  #: how often it is looked whether Kimi has read a document
POLL_EVERY_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionFile:
    """A file as Kimi receives it: its text, or a picture or video."""

    text: str = ""  #: with the file's name above it
    media: ContentPart | None = None


async def read_files(kimi: AsyncKimi, paths: Sequence[Path]) -> list[QuestionFile]:
    """Read files in order: texts here, documents by Kimi, which keeps none of them.

    Raises:
        SettingsError: a file cannot be read; the text says why.
        core.kimi.KimiError: Kimi could not read a document.
    """
    return [await _read_file(kimi, path) for path in paths]


async def _read_file(kimi: AsyncKimi, path: Path) -> QuestionFile:
    try:
        attachment = Attachment(
            kind=AttachmentKind.FILE, name=path.name, media_type="", size_bytes=0, source={}
        )
        inspected = await asyncio.to_thread(inspect_file, path, attachment)
        match inspected.file_type:
            case FileType.TEXT:
                return _with_name(path, await asyncio.to_thread(read_text, path))
            case FileType.DOCUMENT:
                return _with_name(path, await _extract(kimi, path, inspected))
            case FileType.PICTURE:
                return QuestionFile(media=ImagePart(await _media_url(path, inspected)))
            case FileType.VIDEO:
                return QuestionFile(media=VideoPart(await _media_url(path, inspected)))
            case FileType.SOUND:
                raise UnusableFile(FileFault.UNSUPPORTED)
    except UnusableFile as exc:
        raise SettingsError([f"{path}: cannot be read ({exc.fault.value.replace('_', ' ')})"]) from exc
    except OSError as exc:
        raise SettingsError([f"{path}: cannot be read ({exc.strerror})"]) from exc


def _with_name(path: Path, text: str) -> QuestionFile:
    return QuestionFile(text=f"{path.name}:\n\n{text}")


async def _media_url(path: Path, inspected: InspectedFile) -> str:
    return data_url(inspected.media_type, await asyncio.to_thread(path.read_bytes))


async def _extract(kimi: AsyncKimi, path: Path, inspected: InspectedFile) -> str:
    """Return the text that Kimi extracts from a document; the document is deleted there afterwards."""
    file = await kimi.files.upload(
        path, name=path.name, purpose="file-extract", media_type=inspected.media_type
    )
    try:
        for _ in range(POLLS):
            if file.status in READY_STATUSES | FAILED_STATUSES:
                return await kimi.files.content(file.id)
            await asyncio.sleep(POLL_EVERY_S)
            file = await kimi.files.get(file.id)
        raise KimiTimeout("the document's text is not ready", phase="whole")
    finally:
        await kimi.files.delete(file.id)
