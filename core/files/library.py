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
from core.domain.errors import DownloadRefused, SurfaceError, SurfaceRateLimited
from core.domain.events import Attachment
from core.files.extract import Inspected, inspect, is_locked, read_text
from core.files.formats import Sort
from core.files.kimi_file_store import Shelf, name_of
from core.files.policy import (
    INLINE_BYTES,
    INLINE_BYTES_WITHOUT_SHELF,
    MOST_BYTES,
    PASSING,
    Fault,
    Unusable,
    expected,
)
from core.kimi import KimiEndpointMissing, KimiError, KimiFile, KimiFileRefused
from core.ports.platform import Downloads
from core.store import Database, files
from core.store.conversations import Conversation
from core.store.files import Content, File
from core.text.tokens import MEDIA_TOKENS, estimate_tokens

log = structlog.get_logger(__name__)

AT_ONCE = 4  #: files of one question that are read at the same time
MOST_AT_ONCE = 8  #: files of all questions
DOWNLOAD_TRIES = 4
BACKOFF_S = 1.0  #: before the second try, doubled with each further one
MOST_WAIT_S = 30.0

_FAULTS: Mapping[str, Fault] = {
    "too_large": Fault.TOO_LARGE,
    "gone": Fault.GONE,
    "forbidden": Fault.FORBIDDEN,
    "external": Fault.EXTERNAL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What was learnt of one file."""

    content: Content
    text: str | None = None
    data: bytes | None = None


class Library:
    """Reads files and keeps what was read."""

    def __init__(
        self,
        database: Database,
        shelf: Shelf,
        clock: Clock,
        *,
        downloads: Mapping[str, Downloads],
        folder: Path,
        others: Sequence[Shelf] = (),
    ) -> None:
        """``downloads`` are by platform; ``folder`` holds what is being read, and nothing else.

        ``others`` are further accounts' shelves: they are used while the first cannot be.
        """
        self._database = database
        self._shelves = (shelf, *others)
        self._clock = clock
        self._downloads = downloads
        self._folder = folder
        self._places = asyncio.Semaphore(MOST_AT_ONCE)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def read(self, conversation: Conversation, wanted: Sequence[File]) -> Mapping[int, Fault]:
        """Read files, and return what is wrong with those that cannot be read, by their ids.

        Raises:
            StoreUnavailable: what was read could not be stored.
        """
        turnstile = asyncio.Semaphore(AT_ONCE)

        async def one(file: File) -> Fault | None:
            async with turnstile, self._places:
                return await self._read(conversation, file)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [(file.id, group.create_task(one(file))) for file in wanted]
        except ExceptionGroup as exc:
            raise exc.exceptions[0] from exc
        return {file_id: fault for file_id, task in tasks if (fault := task.result()) is not None}

    async def _read(self, conversation: Conversation, file: File) -> Fault | None:
        fault: Fault | None = None
        hash_ = ""
        try:
            hash_ = await self._learn(conversation, file)
        except Unusable as exc:
            fault = exc.fault
        except KimiError as exc:
            log.warning("file_unread", file=file.id, code=exc.code, request_id=exc.request_id, error=str(exc))
            fault = Fault.UNREACHABLE
        except OSError as exc:
            log.error("file_folder_failed", file=file.id, error=f"{type(exc).__name__}: {exc.strerror}")
            fault = Fault.UNREACHABLE
        state = "ready" if fault is None else "new" if fault in PASSING else "failed"
        async with self._database.begin() as tx:
            await files.became(tx, file.id, state=state, fault=fault or "", hash_=hash_)
        log.info("file_read", file=file.id, state=state, fault=fault or "")
        return fault

    async def _learn(self, conversation: Conversation, file: File) -> str:
        """Fetch a file and keep what it says; return its hash.

        Raises:
            Unusable: it cannot be read.
            KimiError: Kimi could not be asked.
            OSError: the disk failed.
        """
        attachment = file.attachment
        async with self.fetched(conversation, attachment) as path:
            seen = await asyncio.to_thread(inspect, path, attachment)
            async with self._database.begin() as tx:  # from here on the content is no orphan
                await files.became(tx, file.id, state="new", hash_=seen.hash)
            async with self._locks.setdefault(seen.hash, asyncio.Lock()):
                if not await self._is_known(seen):
                    await self._keep(seen, path)
        return seen.hash

    @asynccontextmanager
    async def fetched(self, conversation: Conversation, attachment: Attachment) -> AsyncIterator[Path]:
        """Give the bytes of what was sent in a conversation, as a file that is there within the block.

        Raises:
            Unusable: it cannot be had, or is nothing that is read.
            OSError: the disk failed.
        """
        sort = expected(attachment)
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self._folder, ignore_cleanup_errors=True) as folder:
            path = Path(folder) / "file"
            await self._fetch(conversation, attachment, path, limit_bytes=MOST_BYTES[sort])
            yield path

    async def _fetch(
        self, conversation: Conversation, attachment: Attachment, path: Path, *, limit_bytes: int
    ) -> None:
        downloads = self._downloads.get(conversation.key.platform)
        if downloads is None:
            raise Unusable(Fault.GONE)
        for attempt in range(1, DOWNLOAD_TRIES + 1):
            try:
                await downloads.download(attachment, path, limit_bytes=limit_bytes)
            except DownloadRefused as exc:
                log.warning("download_refused", platform=conversation.key.platform, reason=exc.reason)
                raise Unusable(_FAULTS[exc.reason]) from exc
            except SurfaceError as exc:
                log.info("download_failed", platform=conversation.key.platform, error=type(exc).__name__)
                if attempt == DOWNLOAD_TRIES:
                    raise Unusable(Fault.UNREACHABLE) from exc
                told_s = exc.retry_after_s if isinstance(exc, SurfaceRateLimited) else 0.0
                await self._clock.sleep(min(MOST_WAIT_S, max(told_s, BACKOFF_S * 2 ** (attempt - 1))))
            else:
                return

    async def _is_known(self, seen: Inspected) -> bool:
        async with self._database.read() as tx:
            content = await files.content(tx, seen.hash)
        if content is None or content.state != "ready":
            return False
        if not content.kimi_id or content.kind == "document":
            return True
        # A video that an account keeps which is no longer ours is of no use.
        return any(shelf.owns(content) for shelf in self._shelves)

    async def _keep(self, seen: Inspected, path: Path) -> None:
        match seen.sort:
            case Sort.TEXT:
                read = _document(seen, await asyncio.to_thread(read_text, path))
            case Sort.DOCUMENT:
                read = await self._extracted(seen, path)
            case Sort.PICTURE | Sort.VIDEO:
                read = await self._seen(seen, path)
        async with self._database.begin() as tx:
            await files.keep(tx, read.content, text=read.text, data=read.data)

    async def _extracted(self, seen: Inspected, path: Path) -> Read:
        """Let Kimi take the words out of a document."""
        try:
            shelf, file = await self._uploaded(seen, path)
            text = await shelf.text(file)
        except KimiEndpointMissing as exc:
            raise Unusable(Fault.NOT_HERE) from exc
        except KimiFileRefused as exc:
            log.info("file_refused", reason=exc.reason, error=str(exc))
            raise Unusable(await self._why(exc, seen, path)) from exc
        text = text.replace("\0", "").strip()
        if not text:
            await shelf.delete(file.id)
            raise Unusable(Fault.NO_TEXT)
        return _document(seen, text, account=shelf.account, kimi_id=file.id)

    async def _why(self, refused: KimiFileRefused, seen: Inspected, path: Path) -> Fault:
        match refused.reason:
            case "too_large":
                return Fault.TOO_LARGE
            case "full":
                log.error("kimi_files_full")  # with files that are not ours
                return Fault.UNREACHABLE
            case _ if await asyncio.to_thread(is_locked, path, seen.ending):
                return Fault.ENCRYPTED
            case "empty":
                return Fault.NO_TEXT
            case _:
                return Fault.CORRUPT

    async def _seen(self, seen: Inspected, path: Path) -> Read:
        """Keep a picture or a video: small pictures here, all else at Kimi."""
        kind = "picture" if seen.sort is Sort.PICTURE else "video"
        content = Content(
            hash=seen.hash,
            kind=kind,
            media_type=seen.media_type,
            size_bytes=seen.size_bytes,
            state="ready",
            tokens=MEDIA_TOKENS,
        )
        if kind == "picture" and seen.size_bytes <= INLINE_BYTES:
            return Read(content=content, data=await asyncio.to_thread(path.read_bytes))
        small = seen.size_bytes <= INLINE_BYTES_WITHOUT_SHELF
        try:
            shelf, file = await self._uploaded(seen, path)
        except KimiEndpointMissing as exc:
            if not small:
                raise Unusable(Fault.TOO_LARGE) from exc
            return Read(content=content, data=await asyncio.to_thread(path.read_bytes))
        except KimiFileRefused as exc:
            raise Unusable(await self._why(exc, seen, path)) from exc
        # Another account cannot see this one's files: it is shown the bytes themselves.
        copied = small and len(self._shelves) > 1
        data = await asyncio.to_thread(path.read_bytes) if copied else None
        return Read(content=shelf.kept(content, file), data=data)

    async def _uploaded(self, seen: Inspected, path: Path) -> tuple[Shelf, KimiFile]:
        """Give the first account that can be reached a file; return whose it is now.

        Raises:
            KimiError: none took it; what the first one said.
        """
        refused: KimiError | None = None
        for shelf in self._shelves:
            try:
                return shelf, await self._uploaded_to(shelf, seen, path)
            except KimiFileRefused:
                raise  # it is the file's fault
            except KimiError as exc:
                missing = isinstance(refused, KimiEndpointMissing)
                refused = exc if refused is None or missing else refused
        raise refused or KimiEndpointMissing("no account keeps files")

    async def _uploaded_to(self, shelf: Shelf, seen: Inspected, path: Path) -> KimiFile:
        """Give an account a file, or find it there where an earlier run gave it."""
        name = f"{name_of(seen.hash)}.{seen.ending}"
        async with self._database.read() as tx:
            before = await files.content(tx, seen.hash)
        if before is not None:
            if before.kimi_id and shelf.owns(before):
                await shelf.delete(before.kimi_id)  # doomed, and its deletion is under way
            elif (found := await shelf.find(name)) is not None:
                return found
        async with self._database.begin() as tx:
            await files.keep(
                tx,
                Content(
                    hash=seen.hash,
                    kind="document" if seen.sort is Sort.DOCUMENT else seen.sort.value,
                    media_type=seen.media_type,
                    size_bytes=seen.size_bytes,
                    state="uploading",
                    tokens=0,
                    account=shelf.account,
                ),
            )
        return await shelf.upload(
            path, name=name, sort=seen.sort, media_type=seen.media_type, size_bytes=seen.size_bytes
        )


def _document(seen: Inspected, text: str, *, account: str = "", kimi_id: str = "") -> Read:
    content = Content(
        hash=seen.hash,
        kind="document",
        media_type=seen.media_type,
        size_bytes=seen.size_bytes,
        state="ready",
        tokens=estimate_tokens(text),
        account=account,
        kimi_id=kimi_id,
    )
    return Read(content=content, text=text)
