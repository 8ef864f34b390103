"""Reading of downloaded files: text here, documents by Kimi, pictures and videos stored for the prompt.

Identical files are read once. A document or video goes to the first account that can be reached; an
upload whose response was lost is found again by its name, which is derived from the content's hash.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from weakref import WeakValueDictionary

import structlog

from core.domain.file_states import ContentState, FileFault, FileType
from core.domain.message_content import Attachment, AttachmentKind
from core.files.extract import InspectedFile
from core.files.file_policy import (
    MAX_INLINE_BYTES_WITHOUT_STORE,
    MAX_INLINE_PICTURE_BYTES,
    UnusableFile,
)
from core.files.file_worker import FileWorker
from core.files.kimi_file_store import KimiFileStore, kimi_file_name
from core.files.transcriber import Transcriber
from core.kimi import KimiEndpointMissing, KimiError, KimiFile, KimiFileRefused
from core.store import Database, file_blobs
from core.store.conversations import Conversation
from core.store.file_blobs import FileContent
from core.text.tokens import MEDIA_TOKENS, estimate_tokens

log = structlog.get_logger(__name__)


class ContentReader:
    """Reads and stores the content of files."""

    def __init__(
        self,
        database: Database,
        file_stores: Sequence[KimiFileStore],
        worker: FileWorker,
        *,
        transcriber: Transcriber | None = None,
    ) -> None:
        """Build the reader.

        Args:
            database: the store.
            file_stores: one per account, at least one, in order of preference.
            worker: reads files in processes that can be killed.
            transcriber: hears recordings; None: they cannot be heard.
        """
        self._transcriber = transcriber
        self._database = database
        self._file_stores = file_stores
        self._worker = worker
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def check_size(self, attachment: Attachment) -> None:
        """Check the size that the platform gives of a recording, before it is downloaded.

        Raises:
            UnusableFile: it is too large to be heard.
        """
        if self._transcriber is not None and attachment.kind is AttachmentKind.AUDIO:
            self._transcriber.check_size(attachment.size_bytes)

    async def read(
        self, inspected: InspectedFile, path: Path, conversation: Conversation, author_id: str
    ) -> None:
        """Read a file and store its content; return at once if identical bytes were read before.

        Args:
            inspected: the file.
            path: its bytes.
            conversation: where it was sent.
            author_id: who sent it; a recording counts as heard of them.

        Raises:
            UnusableFile: it cannot be read.
            KimiError: Kimi could not be asked.
            OSError: it cannot be read from the disk.
        """
        async with self._locks.setdefault(inspected.hash, asyncio.Lock()):
            if await self._is_stored(inspected.hash):
                return
            match inspected.file_type:
                case FileType.TEXT:
                    await self._save_text(inspected, await self._worker.read_text(path))
                case FileType.DOCUMENT:
                    await self._read_document(inspected, path)
                case FileType.PICTURE | FileType.VIDEO:
                    await self._read_media(inspected, path)
                case FileType.SOUND if self._transcriber is not None:
                    await self._transcriber.transcribe(inspected, path, conversation, author_id)
                case FileType.SOUND:
                    raise UnusableFile(FileFault.UNSUPPORTED)

    async def _is_stored(self, hash_: str) -> bool:
        async with self._database.read() as tx:
            content = await file_blobs.get_content(tx, hash_)
        if content is None or content.state is not ContentState.READY:
            return False
        if not content.kimi_id or content.file_type is FileType.DOCUMENT:
            return True
        # A video that only a former account of ours holds has to be uploaded again.
        return any(store.owns(content) for store in self._file_stores)

    async def _read_document(self, inspected: InspectedFile, path: Path) -> None:
        """Store the text that Kimi extracts from a document."""
        try:
            store, file = await self._upload(inspected, path)
            text = await store.extract_text(file)
        except KimiEndpointMissing as exc:
            raise UnusableFile(FileFault.PROVIDER_UNSUPPORTED) from exc
        except KimiFileRefused as exc:
            raise UnusableFile(await refusal_fault(exc, inspected, path, self._worker)) from exc
        text = text.replace("\0", "").strip()
        if not text:
            await store.delete(file.id)
            raise UnusableFile(FileFault.NO_TEXT)
        await self._save_text(inspected, text, account=store.account, kimi_id=file.id)

    async def _save_text(
        self,
        inspected: InspectedFile,
        text: str,
        *,
        account: str = "",
        kimi_id: str = "",
    ) -> None:
        content = _ready_content(
            inspected,
            file_type=FileType.DOCUMENT,
            tokens=estimate_tokens(text),
            account=account,
            kimi_id=kimi_id,
        )
        async with self._database.begin() as tx:
            await file_blobs.save_content(tx, content, text=text)

    async def _read_media(self, inspected: InspectedFile, path: Path) -> None:
        """Store small pictures in the database, all other pictures and videos at Kimi."""
        small = inspected.size_bytes <= MAX_INLINE_BYTES_WITHOUT_STORE
        if inspected.file_type is FileType.PICTURE and inspected.size_bytes <= MAX_INLINE_PICTURE_BYTES:
            await self._save_media(inspected, path, with_data=True)
            return
        try:
            store, file = await self._upload(inspected, path)
        except KimiEndpointMissing as exc:
            if not small:
                raise UnusableFile(FileFault.TOO_LARGE) from exc
            await self._save_media(inspected, path, with_data=True)
        except KimiFileRefused as exc:
            raise UnusableFile(await refusal_fault(exc, inspected, path, self._worker)) from exc
        else:
            # Other accounts cannot see this one's files; they are sent the bytes themselves.
            await self._save_media(
                inspected,
                path,
                with_data=small and len(self._file_stores) > 1,
                account=store.account,
                kimi_id=file.id,
            )

    async def _save_media(
        self,
        inspected: InspectedFile,
        path: Path,
        *,
        with_data: bool,
        account: str = "",
        kimi_id: str = "",
    ) -> None:
        content = _ready_content(
            inspected, file_type=inspected.file_type, tokens=MEDIA_TOKENS, account=account, kimi_id=kimi_id
        )
        data = await asyncio.to_thread(path.read_bytes) if with_data else None
        async with self._database.begin() as tx:
            await file_blobs.save_content(tx, content, data=data)

    async def _upload(self, inspected: InspectedFile, path: Path) -> tuple[KimiFileStore, KimiFile]:
        """Upload a file to the first account that accepts it; return the account's store and the file.

        Raises:
            KimiError: no account accepted it; the first account's error.
        """
        first_error: KimiError | None = None
        for store in self._file_stores:
            try:
                return store, await self._upload_to(store, inspected, path)
            except KimiFileRefused:
                raise  # another account would refuse the same bytes
            except KimiError as exc:
                if first_error is None or isinstance(first_error, KimiEndpointMissing):
                    first_error = exc
        raise first_error or KimiEndpointMissing("no account keeps files")

    async def _upload_to(self, store: KimiFileStore, inspected: InspectedFile, path: Path) -> KimiFile:
        """Upload a file to one account, or return the file of an earlier, interrupted upload."""
        name = f"{kimi_file_name(inspected.hash)}.{inspected.extension}"
        async with self._database.read() as tx:
            earlier = await file_blobs.get_content(tx, inspected.hash)
        if earlier is not None:
            if earlier.kimi_id and store.owns(earlier):
                await store.delete(earlier.kimi_id)  # unreferenced, and about to be deleted anyway
            elif (file := await store.find_by_name(name)) is not None:
                return file
        async with self._database.begin() as tx:
            await file_blobs.save_content(
                tx,
                FileContent(
                    hash=inspected.hash,
                    file_type=inspected.file_type,
                    media_type=inspected.media_type,
                    size_bytes=inspected.size_bytes,
                    state=ContentState.UPLOADING,
                    tokens=0,
                    account=store.account,
                ),
            )
        return await store.upload(
            path,
            name=name,
            file_type=inspected.file_type,
            media_type=inspected.media_type,
            size_bytes=inspected.size_bytes,
        )


async def refusal_fault(
    error: KimiFileRefused, inspected: InspectedFile, path: Path, worker: FileWorker
) -> FileFault:
    """Return the fault of a file that Kimi refused.

    Raises:
        UnusableFile: the file takes too long to be searched for a password's marks.
        OSError: the file cannot be read from the disk.
    """
    log.info("file.kimi_refused", reason=error.reason, error=str(error))
    match error.reason:
        case "too_large":
            return FileFault.TOO_LARGE
        case "full":
            log.error("file.kimi_storage_full")  # with files of others: ours were evicted before
            return FileFault.UNREACHABLE
        case _ if await worker.is_encrypted(path, inspected.extension):
            return FileFault.ENCRYPTED
        case "empty":
            return FileFault.NO_TEXT
        case _:
            return FileFault.CORRUPT


def _ready_content(
    inspected: InspectedFile, *, file_type: FileType, tokens: int, account: str, kimi_id: str
) -> FileContent:
    return FileContent(
        hash=inspected.hash,
        file_type=file_type,
        media_type=inspected.media_type,
        size_bytes=inspected.size_bytes,
        state=ContentState.READY,
        tokens=tokens,
        account=account,
        kimi_id=kimi_id,
    )
