"""What Kimi keeps for us: uploads, their words, and room among the account's 1000 files."""

from dataclasses import replace
from pathlib import Path, PurePath

import structlog

from core.domain.clock import Clock
from core.domain.file_states import FileType
from core.kimi import (
    FAILED_STATUSES,
    MAX_FILES,
    UNFINISHED_STATUSES,
    FilePurpose,
    KimiEndpointMissing,
    KimiError,
    KimiFile,
    KimiFileMissing,
    KimiFileRefused,
    KimiFiles,
    KimiTimeout,
)
from core.store import Database, files
from core.store.files import FileContent

log = structlog.get_logger(__name__)

MAX_STORED_FILES = MAX_FILES * 9 // 10  #: of ours at once; the account may have files of others
MAX_STORED_BYTES = 9 * 1024**3  #: of the account's 10 GB
EVICTION_BATCH = 20  #: files that go where the account is full
EXTRACT_TIMEOUT_S = 180.0
POLL_EVERY_S = 1.5
DELETE_BATCH = 50

_PURPOSES: dict[FileType, FilePurpose] = {FileType.PICTURE: "image", FileType.VIDEO: "video"}


def kimi_file_name(hash_: str) -> str:
    """Return the name, without an ending, under which Kimi keeps these bytes: nobody's own name for them."""
    return hash_[:32]


class KimiFileStore:
    """One account's files, as far as they are ours."""

    def __init__(self, database: Database, kimi: KimiFiles, clock: Clock, *, account: str) -> None:
        """``account`` stands for the account in the database, as a hash."""
        self._database = database
        self._kimi = kimi
        self._clock = clock
        self.account = account

    def owns(self, content: FileContent) -> bool:
        """Tell whether a content is kept by this account."""
        return content.account == self.account

    def with_kimi_file(self, content: FileContent, file: KimiFile) -> FileContent:
        """Return a content that Kimi keeps as ``file``."""
        return replace(content, account=self.account, kimi_id=file.id)

    async def upload(
        self, path: Path, *, name: str, file_type: FileType, media_type: str, size_bytes: int
    ) -> KimiFile:
        """Give Kimi a file; the account's least lately used ones make room for it where they must.

        Raises:
            KimiError: it is not there, or it is and is found by its name (:meth:`find`).
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
            # The reply was lost, not necessarily the file.
            if (found := await self.find_by_name(name)) is not None:
                return found
            raise

    async def find_by_name(self, name: str) -> KimiFile | None:
        """Look for a file that was uploaded under ``name``.

        Raises:
            KimiError: Kimi could not be asked.
        """
        return next((file for file in await self._kimi.list_all() if file.name == name), None)

    async def extract_text(self, file: KimiFile) -> str:
        """Return a document's words, waiting until Kimi has read it; where it cannot, it is deleted.

        Raises:
            KimiFileRefused: it cannot be read.
            KimiError: Kimi could not be asked, or takes too long.
        """
        deadline = self._clock.time() + EXTRACT_TIMEOUT_S
        file_id = file.id
        try:
            while file.status in UNFINISHED_STATUSES:
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
        """Delete a file; one that is gone already is deleted.

        Raises:
            KimiError: Kimi could not be asked.
        """
        try:
            await self._kimi.delete(file_id)
        except KimiFileMissing:
            log.info("file.kimi_file_missing")

    async def collect(self) -> int:
        """Delete everything that no conversation refers to any more; return how many contents.

        Raises:
            KimiError: Kimi could not be asked; the rest is deleted next time.
            StoreUnavailable: the same.
        """
        gone = 0
        while True:
            async with self._database.begin() as tx:
                doomed = await files.mark_unreferenced(tx, account=self.account, limit=DELETE_BATCH)
            if not doomed:
                return gone
            for content in doomed:
                await self._delete_content(content)
                async with self._database.begin() as tx:
                    await files.remove_content(tx, content.hash)
            gone += len(doomed)
            log.info("file.contents_deleted", contents=len(doomed))

    async def _delete_content(self, content: FileContent) -> None:
        if content.kimi_id:
            await self.delete(content.kimi_id)
        elif content.tokens == 0:  # its process died while Kimi received it
            for file in await self._kimi.list_all():
                if PurePath(file.name).stem == kimi_file_name(content.hash):
                    await self.delete(file.id)

    async def _evict_for(self, *, size_bytes: int) -> None:
        async with self._database.read() as tx:
            kept = await files.load_uploaded(tx, self.account)
        total = sum(content.size_bytes for content in kept) + size_bytes
        surplus = len(kept) + 1 - MAX_STORED_FILES
        for content in kept:
            if surplus <= 0 and total <= MAX_STORED_BYTES:
                return
            await self._evict(content)
            surplus -= 1
            total -= content.size_bytes

    async def _evict_oldest(self, count: int) -> bool:
        async with self._database.read() as tx:
            kept = await files.load_uploaded(tx, self.account)
        for content in kept[:count]:
            await self._evict(content)
        return bool(kept)

    async def _evict(self, content: FileContent) -> None:
        await self.delete(content.kimi_id)
        async with self._database.begin() as tx:
            await files.mark_deleted_at_kimi(tx, content.hash)
