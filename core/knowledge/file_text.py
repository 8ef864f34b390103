"""Text of knowledge files: plain text, tables and web pages are read here, other documents by Kimi."""

from pathlib import Path

import structlog

from core.domain.file_states import FileFault, FileType
from core.domain.message_content import Attachment, AttachmentKind
from core.files.content_reader import refusal_fault
from core.files.extract import InspectedFile
from core.files.file_policy import UnusableFile
from core.files.file_worker import FileWorker
from core.files.kimi_file_store import KimiFileStore
from core.kimi import KimiEndpointMissing, KimiError, KimiFileRefused
from core.knowledge.documents import HTML_EXTENSIONS

log = structlog.get_logger(__name__)


class FileTextReader:
    """Reads the text of files for knowledge sets; uploads to Kimi are deleted afterwards."""

    def __init__(self, file_store: KimiFileStore | None, worker: FileWorker) -> None:
        """``file_store`` extracts PDF and Office files; None if Kimi is not configured."""
        self._file_store = file_store
        self._worker = worker

    async def inspect(self, path: Path, *, name: str, media_type: str = "") -> InspectedFile:
        """Return a file's format and size; the arguments are those of :meth:`read`.

        Raises:
            UnusableFile: its format cannot be read.
            OSError: it cannot be read from the disk.
        """
        attachment = Attachment(
            kind=AttachmentKind.FILE, name=name, media_type=media_type, size_bytes=0, source={}
        )
        seen = await self._worker.inspect(path, attachment)
        if seen.file_type is FileType.TEXT or seen.extension in HTML_EXTENSIONS:
            return seen
        if seen.file_type is not FileType.DOCUMENT:
            raise UnusableFile(FileFault.UNSUPPORTED)
        if self._file_store is None:
            raise UnusableFile(FileFault.PROVIDER_UNSUPPORTED)
        return seen

    async def read(self, path: Path, *, name: str, media_type: str = "") -> tuple[str, str]:
        """Return a file's format, as an extension, and its text.

        Args:
            path: the file on the disk.
            name: its name as people know it, which tells the format.
            media_type: as the platform declares it; "" if unknown.

        Raises:
            UnusableFile: it has no text, or its format cannot be read.
            KimiError: Kimi could not be asked.
            OSError: it cannot be read from the disk.
        """
        seen = await self.inspect(path, name=name, media_type=media_type)
        if self._file_store is None or seen.file_type is FileType.TEXT or seen.extension in HTML_EXTENSIONS:
            return seen.extension, await self._worker.read_text(path)
        return "md", await self._extract_text(self._file_store, path, seen)

    async def _extract_text(self, file_store: KimiFileStore, path: Path, inspected: InspectedFile) -> str:
        # Named by its content, so that an upload left by a crash is found and deleted the next time.
        name = f"knowledge-{inspected.hash[:24]}.{inspected.extension}"
        try:
            file = await file_store.find_by_name(name) or await file_store.upload(
                path,
                name=name,
                file_type=inspected.file_type,
                media_type=inspected.media_type,
                size_bytes=inspected.size_bytes,
            )
            text = await file_store.extract_text(file)
        except KimiEndpointMissing as exc:
            raise UnusableFile(FileFault.PROVIDER_UNSUPPORTED) from exc
        except KimiFileRefused as exc:
            raise UnusableFile(await refusal_fault(exc, inspected, path, self._worker)) from exc
        try:
            await file_store.delete(file.id)
        except KimiError as exc:
            # The text is there already, and one file left at Kimi does no harm.
            log.info("knowledge.kimi_file_not_deleted", code=exc.code)
        text = text.replace("\0", "").strip()
        if not text:
            raise UnusableFile(FileFault.NO_TEXT)
        return text
