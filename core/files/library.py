"""Files on their way in: from the platform to the disk, from there to words or to Kimi, once.

::

    new ── fetch, check ── read here ───────────────┐
     │                 └── upload, extract at Kimi ─┴── ready
     └── what cannot be read ── failed

Whatever a crash interrupts is "new" again. A file that Kimi may have received without our knowing
its id is found again by its name there, which is made of its bytes' hash.
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

import structlog

from core.domain.clock import Clock
from core.domain.errors import DownloadRefused, PlatformError, PlatformRateLimited
from core.domain.file_states import RETRYABLE_FAULTS, ContentState, FileFault, FileState, FileType
from core.domain.message_content import Attachment
from core.files.extract import InspectedFile, inspect_file, is_encrypted, read_text
from core.files.file_policy import (
    MAX_FILE_BYTES,
    MAX_INLINE_BYTES_WITHOUT_STORE,
    MAX_INLINE_PICTURE_BYTES,
    UnusableFile,
    expected_type,
)
from core.files.kimi_file_store import KimiFileStore, kimi_file_name
from core.kimi import KimiEndpointMissing, KimiError, KimiFile, KimiFileRefused
from core.ports.platform import Downloader
from core.store import Database, files
from core.store.conversations import Conversation
from core.store.files import File, FileContent
from core.text.tokens import MEDIA_TOKENS, estimate_tokens

log = structlog.get_logger(__name__)

MAX_READS_PER_QUESTION = 4  #: files of one question that are read at the same time
MAX_READS = 8  #: files of all questions
DOWNLOAD_ATTEMPTS = 4
BACKOFF_S = 1.0  #: before the second try, doubled with each further one
MAX_BACKOFF_S = 30.0

_FAULTS: Mapping[str, FileFault] = {
    "too_large": FileFault.TOO_LARGE,
    "gone": FileFault.GONE,
    "forbidden": FileFault.FORBIDDEN,
    "external": FileFault.EXTERNAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadContent:
    """What was learnt of one file."""

    content: FileContent
    text: str | None = None
    data: bytes | None = None


class Library:
    """Reads files and keeps what was read."""

    def __init__(
        self,
        database: Database,
        file_store: KimiFileStore,
        clock: Clock,
        *,
        downloads: Mapping[str, Downloader],
        folder: Path,
        other_stores: Sequence[KimiFileStore] = (),
    ) -> None:
        """``downloads`` are by platform; ``folder`` holds what is being read, and nothing else.

        ``others`` are further accounts' shelves: they are used while the first cannot be.
        """
        self._database = database
        self._file_stores = (file_store, *other_stores)
        self._clock = clock
        self._downloads = downloads
        self._folder = folder
        self._read_slots = asyncio.Semaphore(MAX_READS)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def read(self, conversation: Conversation, new_files: Sequence[File]) -> Mapping[int, FileFault]:
        """Read files, and return what is wrong with those that cannot be read, by their ids.

        Raises:
            StoreUnavailable: what was read could not be stored.
        """
        turnstile = asyncio.Semaphore(MAX_READS_PER_QUESTION)

        async def one(file: File) -> FileFault | None:
            async with turnstile, self._read_slots:
                return await self._read_one(conversation, file)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [(file.id, group.create_task(one(file))) for file in new_files]
        except ExceptionGroup as exc:
            raise exc.exceptions[0] from exc
        return {file_id: fault for file_id, task in tasks if (fault := task.result()) is not None}

    async def _read_one(self, conversation: Conversation, file: File) -> FileFault | None:
        fault: FileFault | None = None
        hash_ = ""
        try:
            hash_ = await self._download_and_read(conversation, file)
        except UnusableFile as exc:
            fault = exc.fault
        except KimiError as exc:
            log.warning(
                "file.read_failed", file=file.id, code=exc.code, request_id=exc.request_id, error=str(exc)
            )
            fault = FileFault.UNREACHABLE
        except OSError as exc:
            log.error("file.disk_failed", file=file.id, error=f"{type(exc).__name__}: {exc.strerror}")
            fault = FileFault.UNREACHABLE
        if fault is None:
            state = FileState.READY
        else:
            state = FileState.NEW if fault in RETRYABLE_FAULTS else FileState.FAILED
        async with self._database.begin() as tx:
            await files.set_state(tx, file.id, state=state, fault=fault, hash_=hash_)
        log.info("file.read", file=file.id, state=state.value, fault=fault.value if fault else "")
        return fault

    async def _download_and_read(self, conversation: Conversation, file: File) -> str:
        """Fetch a file and keep what it says; return its hash.

        Raises:
            Unusable: it cannot be read.
            KimiError: Kimi could not be asked.
            OSError: the disk failed.
        """
        attachment = file.attachment
        async with self.downloaded(conversation, attachment) as path:
            seen = await asyncio.to_thread(inspect_file, path, attachment)
            async with self._database.begin() as tx:  # from here on the content is no orphan
                await files.set_state(tx, file.id, state=FileState.NEW, hash_=seen.hash)
            async with self._locks.setdefault(seen.hash, asyncio.Lock()):
                if not await self._is_read_already(seen):
                    await self._read_content(seen, path)
        return seen.hash

    @asynccontextmanager
    async def downloaded(self, conversation: Conversation, attachment: Attachment) -> AsyncIterator[Path]:
        """Give the bytes of what was sent in a conversation, as a file that is there within the block.

        Raises:
            Unusable: it cannot be had, or is nothing that is read.
            OSError: the disk failed.
        """
        sort = expected_type(attachment)
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "file"
            await self._download(conversation, attachment, path, limit_bytes=MAX_FILE_BYTES[sort])
            yield path

    async def _download(
        self, conversation: Conversation, attachment: Attachment, path: Path, *, limit_bytes: int
    ) -> None:
        downloads = self._downloads.get(conversation.key.platform)
        if downloads is None:
            raise UnusableFile(FileFault.GONE)
        for attempt in range(1, DOWNLOAD_ATTEMPTS + 1):
            try:
                await downloads.download(attachment, path, limit_bytes=limit_bytes)
            except DownloadRefused as exc:
                log.warning("file.download_refused", platform=conversation.key.platform, reason=exc.reason)
                raise UnusableFile(_FAULTS[exc.reason]) from exc
            except PlatformError as exc:
                log.info("file.download_failed", platform=conversation.key.platform, error=type(exc).__name__)
                if attempt == DOWNLOAD_ATTEMPTS:
                    raise UnusableFile(FileFault.UNREACHABLE) from exc
                told_s = exc.retry_after_s if isinstance(exc, PlatformRateLimited) else 0.0
                await self._clock.sleep(min(MAX_BACKOFF_S, max(told_s, BACKOFF_S * 2 ** (attempt - 1))))
            else:
                return

    async def _is_read_already(self, inspected: InspectedFile) -> bool:
        async with self._database.read() as tx:
            content = await files.get_content(tx, inspected.hash)
        if content is None or content.state is not ContentState.READY:
            return False
        if not content.kimi_id or content.kind is FileType.DOCUMENT:
            return True
        # A video that an account keeps which is no longer ours is of no use.
        return any(shelf.owns(content) for shelf in self._file_stores)

    async def _read_content(self, inspected: InspectedFile, path: Path) -> None:
        match inspected.file_type:
            case FileType.TEXT:
                read = _document_content(inspected, await asyncio.to_thread(read_text, path))
            case FileType.DOCUMENT:
                read = await self._extract_document(inspected, path)
            case FileType.PICTURE | FileType.VIDEO:
                read = await self._read_media(inspected, path)
        async with self._database.begin() as tx:
            await files.save_content(tx, read.content, text=read.text, data=read.data)

    async def _extract_document(self, inspected: InspectedFile, path: Path) -> ReadContent:
        """Let Kimi take the words out of a document."""
        try:
            shelf, file = await self._upload(inspected, path)
            text = await shelf.extract_text(file)
        except KimiEndpointMissing as exc:
            raise UnusableFile(FileFault.PROVIDER_UNSUPPORTED) from exc
        except KimiFileRefused as exc:
            log.info("file.kimi_refused", reason=exc.reason, error=str(exc))
            raise UnusableFile(await self._fault_of(exc, inspected, path)) from exc
        text = text.replace("\0", "").strip()
        if not text:
            await shelf.delete(file.id)
            raise UnusableFile(FileFault.NO_TEXT)
        return _document_content(inspected, text, account=shelf.account, kimi_id=file.id)

    async def _fault_of(self, error: KimiFileRefused, inspected: InspectedFile, path: Path) -> FileFault:
        match error.reason:
            case "too_large":
                return FileFault.TOO_LARGE
            case "full":
                log.error("file.kimi_storage_full")  # with files that are not ours
                return FileFault.UNREACHABLE
            case _ if await asyncio.to_thread(is_encrypted, path, inspected.extension):
                return FileFault.ENCRYPTED
            case "empty":
                return FileFault.NO_TEXT
            case _:
                return FileFault.CORRUPT

    async def _read_media(self, inspected: InspectedFile, path: Path) -> ReadContent:
        """Keep a picture or a video: small pictures here, all else at Kimi."""
        content = FileContent(
            hash=inspected.hash,
            kind=inspected.file_type,
            media_type=inspected.media_type,
            size_bytes=inspected.size_bytes,
            state=ContentState.READY,
            tokens=MEDIA_TOKENS,
        )
        if inspected.file_type is FileType.PICTURE and inspected.size_bytes <= MAX_INLINE_PICTURE_BYTES:
            return ReadContent(content=content, data=await asyncio.to_thread(path.read_bytes))
        small = inspected.size_bytes <= MAX_INLINE_BYTES_WITHOUT_STORE
        try:
            shelf, file = await self._upload(inspected, path)
        except KimiEndpointMissing as exc:
            if not small:
                raise UnusableFile(FileFault.TOO_LARGE) from exc
            return ReadContent(content=content, data=await asyncio.to_thread(path.read_bytes))
        except KimiFileRefused as exc:
            raise UnusableFile(await self._fault_of(exc, inspected, path)) from exc
        # Another account cannot see this one's files: it is shown the bytes themselves.
        copied = small and len(self._file_stores) > 1
        data = await asyncio.to_thread(path.read_bytes) if copied else None
        return ReadContent(content=shelf.with_kimi_file(content, file), data=data)

    async def _upload(self, inspected: InspectedFile, path: Path) -> tuple[KimiFileStore, KimiFile]:
        """Give the first account that can be reached a file; return whose it is now.

        Raises:
            KimiError: none took it; what the first one said.
        """
        refused: KimiError | None = None
        for shelf in self._file_stores:
            try:
                return shelf, await self._upload_to(shelf, inspected, path)
            except KimiFileRefused:
                raise  # it is the file's fault
            except KimiError as exc:
                missing = isinstance(refused, KimiEndpointMissing)
                refused = exc if refused is None or missing else refused
        raise refused or KimiEndpointMissing("no account keeps files")

    async def _upload_to(self, file_store: KimiFileStore, inspected: InspectedFile, path: Path) -> KimiFile:
        """Give an account a file, or find it there where an earlier run gave it."""
        name = f"{kimi_file_name(inspected.hash)}.{inspected.extension}"
        async with self._database.read() as tx:
            before = await files.get_content(tx, inspected.hash)
        if before is not None:
            if before.kimi_id and file_store.owns(before):
                await file_store.delete(before.kimi_id)  # doomed, and its deletion is under way
            elif (found := await file_store.find_by_name(name)) is not None:
                return found
        async with self._database.begin() as tx:
            await files.save_content(
                tx,
                FileContent(
                    hash=inspected.hash,
                    kind=inspected.file_type,
                    media_type=inspected.media_type,
                    size_bytes=inspected.size_bytes,
                    state=ContentState.UPLOADING,
                    tokens=0,
                    account=file_store.account,
                ),
            )
        return await file_store.upload(
            path,
            name=name,
            file_type=inspected.file_type,
            media_type=inspected.media_type,
            size_bytes=inspected.size_bytes,
        )


def _document_content(
    inspected: InspectedFile, text: str, *, account: str = "", kimi_id: str = ""
) -> ReadContent:
    content = FileContent(
        hash=inspected.hash,
        kind=FileType.DOCUMENT,
        media_type=inspected.media_type,
        size_bytes=inspected.size_bytes,
        state=ContentState.READY,
        tokens=estimate_tokens(text),
        account=account,
        kimi_id=kimi_id,
    )
    return ReadContent(content=content, text=text)
