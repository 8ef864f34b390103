"""A file on the disk becomes words: text, tables and pages here, everything else at Kimi."""

import asyncio
from pathlib import Path

import structlog

from core.domain.events import Attachment, AttachmentKind
from core.files.extract import Inspected, inspect, is_locked, read_text
from core.files.formats import Sort
from core.files.kimi_file_store import Shelf
from core.files.policy import Fault, Unusable
from core.kimi import KimiEndpointMissing, KimiError, KimiFileRefused
from core.knowledge.documents import HTML

log = structlog.get_logger(__name__)


class FileWords:
    """Reads files for knowledge; nothing of them stays at Kimi."""

    def __init__(self, shelf: Shelf | None) -> None:
        """``shelf`` is where Kimi reads PDFs and Office files; None where it cannot be asked."""
        self._shelf = shelf

    async def read(self, path: Path, *, name: str, media_type: str = "") -> tuple[str, str]:
        """Return a file's ending and its words; ``name`` is what people call it.

        Raises:
            Unusable: it has no words, or cannot be read here.
            KimiError: Kimi could not be asked.
            OSError: it cannot be read from the disk.
        """
        attachment = Attachment(
            kind=AttachmentKind.FILE, name=name, media_type=media_type, size_bytes=0, source={}
        )
        seen = await asyncio.to_thread(inspect, path, attachment)
        if seen.sort is Sort.TEXT or seen.ending in HTML:
            return seen.ending, await asyncio.to_thread(read_text, path)
        if seen.sort is not Sort.DOCUMENT:
            raise Unusable(Fault.UNSUPPORTED)
        if self._shelf is None:
            raise Unusable(Fault.NOT_HERE)
        return "md", await self._extracted(self._shelf, path, seen)

    async def _extracted(self, shelf: Shelf, path: Path, seen: Inspected) -> str:
        # Named by its bytes, so that what a crash left at Kimi is found and deleted the next time.
        name = f"knowledge-{seen.hash[:24]}.{seen.ending}"
        try:
            file = await shelf.find(name) or await shelf.upload(
                path, name=name, sort=seen.sort, media_type=seen.media_type, size_bytes=seen.size_bytes
            )
            text = await shelf.text(file)
        except KimiEndpointMissing as exc:
            raise Unusable(Fault.NOT_HERE) from exc
        except KimiFileRefused as exc:
            raise Unusable(await _why(exc, path, seen)) from exc
        try:
            await shelf.delete(file.id)
        except KimiError as exc:
            log.info("knowledge_file_left", code=exc.code)  # the words are there; it is one of many
        text = text.replace("\0", "").strip()
        if not text:
            raise Unusable(Fault.NO_TEXT)
        return text


async def _why(refused: KimiFileRefused, path: Path, seen: Inspected) -> Fault:
    if refused.reason == "too_large":
        return Fault.TOO_LARGE
    if await asyncio.to_thread(is_locked, path, seen.ending):
        return Fault.ENCRYPTED
    return Fault.NO_TEXT if refused.reason == "empty" else Fault.CORRUPT
