"""Reading of people's files, from the platform into the store.

::

    NEW ── download, inspect ── read ──▶ READY
     ▲                            ├────▶ FAILED
     └──── fault that may pass ───┘

Work that a crash interrupts starts again from NEW, twice at the most: a file that ends the process each
time it is read would otherwise end it for ever.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from core.access import Actor
from core.domain.file_states import RETRYABLE_FAULTS, FileFault, FileState
from core.files.attachment_downloader import AttachmentDownloader
from core.files.content_reader import ContentReader
from core.files.file_policy import UnusableFile
from core.files.file_worker import FileWorker
from core.files.upload_allowance import UploadAllowance
from core.kimi import KimiError
from core.store import Database, files
from core.store.conversations import Conversation
from core.store.files import File

log = structlog.get_logger(__name__)

MAX_READS_PER_QUESTION: Final = 4  #: files of one question that are read at the same time
MAX_ATTEMPTS: Final = 2  #: to read a file that end with the process
MAX_READS: Final = 8  #: files that this process reads at the same time


class Library:
    """Reads files and stores their content."""

    def __init__(
        self,
        database: Database,
        downloader: AttachmentDownloader,
        content_reader: ContentReader,
        worker: FileWorker,
        *,
        allowance: UploadAllowance | None = None,
    ) -> None:
        """``allowance`` bounds the files of one person per day; None: nothing does."""
        self._database = database
        self._downloader = downloader
        self._content_reader = content_reader
        self._allowance = allowance
        self._worker = worker
        self._read_slots = asyncio.Semaphore(MAX_READS)

    async def read(self, conversation: Conversation, new_files: Sequence[File]) -> Mapping[int, FileFault]:
        """Read files of a conversation; return file id → fault of those that could not be read.

        Raises:
            StoreUnavailable: a result could not be stored.
        """
        question_slots = asyncio.Semaphore(MAX_READS_PER_QUESTION)

        async def read_one(file: File) -> FileFault | None:
            async with question_slots, self._read_slots:
                return await self._read_file(conversation, file)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [(file.id, group.create_task(read_one(file))) for file in new_files]
        except ExceptionGroup as exc:
            raise exc.exceptions[0] from exc
        return {file_id: fault for file_id, task in tasks if (fault := task.result()) is not None}

    async def _read_file(self, conversation: Conversation, file: File) -> FileFault | None:
        fault: FileFault | None = None
        hash_ = ""
        async with self._database.begin() as tx:
            attempts = await files.begin_attempt(tx, file.id)
        try:
            if attempts > MAX_ATTEMPTS:
                log.error("file.given_up", file=file.id, attempts=attempts - 1)
                raise UnusableFile(FileFault.GAVE_UP)
            hash_ = await self._download_and_read(conversation, file)
        except asyncio.CancelledError:
            async with self._database.begin() as tx:
                await files.end_attempt(tx, file.id)
            raise
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
            await files.end_attempt(tx, file.id)
        log.info("file.read", file=file.id, state=state.value, fault=fault.value if fault else "")
        return fault

    async def _download_and_read(self, conversation: Conversation, file: File) -> str:
        """Read one file; return its content's hash.

        Raises:
            UnusableFile: it cannot be read.
            KimiError: Kimi could not be asked.
            OSError: the disk failed.
        """
        self._content_reader.check_size(file.attachment)
        if self._allowance is not None:
            await self._allowance.take(Actor.at(conversation.key, file.author_id))
        async with self._downloader.download(conversation.key.platform, file.attachment) as path:
            inspected = await self._worker.inspect(path, file.attachment)
            # The garbage collector deletes contents without a file, so the link is stored first.
            async with self._database.begin() as tx:
                await files.set_state(tx, file.id, state=FileState.NEW, hash_=inspected.hash)
            await self._content_reader.read(inspected, path, conversation, file.author_id)
        return inspected.hash
