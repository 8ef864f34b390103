"""Our files in one Kimi account: upload, text extraction, deletion, and eviction at the account's limits."""

from pathlib import Path, PurePath

import structlog

from core.domain.clock import Clock
from core.domain.file_states import FileType
from core.kimi import (
    FAILED_STATUSES,
    MAX_FILES,
    READY_STATUSES,
    FilePurpose,
    KimiEndpointMissing,
    KimiError,
    KimiFile,
    KimiFileMissing,
    KimiFileRefused,
    KimiFiles,
    KimiTimeout,
)
from core.store import Database, file_blobs
from core.store.file_blobs import FileContent

log = structlog.get_logger(__name__)

MAX_STORED_FILES = MAX_FILES * 9 // 10  #: the account may have files of others too
MAX_STORED_BYTES = 9 * 1024**3  #: of the account's 10 GB
EVICTION_BATCH = 20  #: files that are evicted if Kimi says that the account is full
EXTRACT_TIMEOUT_S = 180.0
POLL_EVERY_S = 1.5
DELETE_BATCH = 50

_PURPOSES: dict[FileType, FilePurpose] = {FileType.PICTURE: "image", FileType.VIDEO: "video"}


def kimi_file_name(hash_: str) -> str:
    """Return the file name (no extension) used at Kimi: a content hash, so the user's never leaves us."""
    return hash_[:32]


class KimiFileStore:
    """Files that this deployment has in one account."""

    def __init__(self, database: Database, kimi: KimiFiles, clock: Clock, *, account: str) -> None:
        """``account`` identifies the account in the database; it is a hash of its key."""
        self._database = database
        self._kimi = kimi
        self._clock = clock
        self.account = account

    def owns(self, content: FileContent) -> bool:
        """Return whether this account has a content."""
        return content.account == self.account

    async def upload(
        self, path: Path, *, name: str, file_type: FileType, media_type: str, size_bytes: int
    ) -> KimiFile:
        """Upload a file; evict the least recently used ones if the account has no room for it.

        Raises:
            KimiError: the upload failed, or its response was lost; :meth:`find_by_name` tells them apart.
        """
        purpose = _PURPOSES.get(file_type, "file-extract")
        await self._evict_for(size_bytes=size_bytes)
        try:
            return await self._kimi.upload(path, name=name, purpose=purpose, media_type=media_type)
        except KimiFileRefused as exc:
            if exc.reason != "full" or not await self._evict_oldest(EVICTION_BATCH):
                raise
            return await self._kimi.upload(path, name=name, purpose=purpose, media_type=media_type)
        except KimiEndpointMissing:
            raise
        except KimiError as exc:
            if exc.status is not None:
                raise
            # The response was lost, but the file may have arrived.
            if (file := await self.find_by_name(name)) is not None:
                return file
            raise

    async def find_by_name(self, name: str) -> KimiFile | None:
        """Return the file that was uploaded under ``name``; None if there is none.

        Raises:
            KimiError: Kimi could not be asked.
        """
        return next((file for file in await self._kimi.list_all() if file.name == name), None)

    async def extract_text(self, file: KimiFile) -> str:
        """Return a document's text once Kimi has extracted it; delete a document that it cannot read.

        Raises:
            KimiFileRefused: Kimi cannot read it.
            KimiError: Kimi could not be asked, or takes longer than ``EXTRACT_TIMEOUT_S``.
        """
        deadline = self._clock.time() + EXTRACT_TIMEOUT_S
        file_id = file.id
        try:
            while file.status not in READY_STATUSES | FAILED_STATUSES:
                if self._clock.time() > deadline:
                    raise KimiTimeout("a file's text is not ready", phase="whole")
                await self._clock.sleep(POLL_EVERY_S)
                file = await self._kimi.get(file_id)
            if file.status in FAILED_STATUSES:
                raise KimiFileRefused(f"status {file.status}", reason="unreadable")
            return await self._kimi.content(file_id)
        except KimiFileRefused:
            await self.delete(file_id)
            raise

    async def delete(self, file_id: str) -> None:
        """Delete a file; a missing file counts as deleted.

        Raises:
            KimiError: Kimi could not be asked.
        """
        try:
            await self._kimi.delete(file_id)
        except KimiFileMissing:
            log.info("file.kimi_file_missing")

    async def collect(self) -> int:
        """Delete the contents that no message refers to, at Kimi and in the store; return their number.

        Raises:
            KimiError: Kimi could not be asked; the next run deletes the rest.
            StoreUnavailable: the store could not be asked; the next run deletes the rest.
        """
        deleted = 0
        while True:
            async with self._database.begin() as tx:
                unreferenced = await file_blobs.mark_unreferenced(
                    tx, account=self.account, limit=DELETE_BATCH
                )
            if not unreferenced:
                return deleted
            for content in unreferenced:
                await self._delete_content(content)
                async with self._database.begin() as tx:
                    await file_blobs.remove_content(tx, content.hash)
            deleted += len(unreferenced)
            log.info("file.contents_deleted", contents=len(unreferenced))

    async def _delete_content(self, content: FileContent) -> None:
        if content.kimi_id:
            await self.delete(content.kimi_id)
        elif content.tokens == 0:  # a process died during its upload
            for file in await self._kimi.list_all():
                if PurePath(file.name).stem == kimi_file_name(content.hash):
                    await self.delete(file.id)

    async def _evict_for(self, *, size_bytes: int) -> None:
        async with self._database.read() as tx:
            uploaded = await file_blobs.load_uploaded(tx, self.account)
        total_bytes = sum(content.size_bytes for content in uploaded) + size_bytes
        surplus = len(uploaded) + 1 - MAX_STORED_FILES
        for content in uploaded:
            if surplus <= 0 and total_bytes <= MAX_STORED_BYTES:
                return
            await self._evict(content)
            surplus -= 1
            total_bytes -= content.size_bytes

    async def _evict_oldest(self, count: int) -> bool:
        async with self._database.read() as tx:
            uploaded = await file_blobs.load_uploaded(tx, self.account)
        for content in uploaded[:count]:
            await self._evict(content)
        return bool(uploaded)

    async def _evict(self, content: FileContent) -> None:
        await self.delete(content.kimi_id)
        async with self._database.begin() as tx:
            await file_blobs.mark_deleted_at_kimi(tx, content.hash)
