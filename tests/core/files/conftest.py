"""A library with a real store, the real client and a strict stand-in for Kimi."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bots.simulator.kimi import KimiSimulator
from core.domain.addresses import ChatType, ThreadKey
from core.domain.clock import ScaledClock
from core.domain.errors import PlatformError
from core.domain.file_states import FileFault
from core.domain.message_content import Attachment, AttachmentKind
from core.files.attachment_downloader import AttachmentDownloader
from core.files.content_reader import ContentReader
from core.files.file_worker import FileWorker
from core.files.garbage_collector import FileGarbageCollector
from core.files.kimi_file_store import KimiFileStore
from core.files.library import Library
from core.files.reader import FileReader
from core.files.transcriber import Transcriber
from core.files.upload_allowance import UploadAllowance
from core.kimi import AsyncKimi, Timeouts
from core.store import Database, conversations, files
from core.store.conversations import Conversation
from core.store.files import File
from core.testing.inline_workers import InlineWorkers

#: A loaded machine, whose seconds are forty here, ends no request.
PATIENT = Timeouts(connect_s=1e5, first_byte_s=1e5, idle_s=1e5, whole_s=1e5)


@dataclass
class Platform:
    """A platform's downloads: bytes by id, and failures in order."""

    bytes_of: dict[str, bytes] = field(default_factory=dict)
    failures: list[PlatformError] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def download(self, attachment: Attachment, path: Path, *, limit_bytes: int) -> None:
        """Write the bytes, or fail as told."""
        file_id = attachment.source["id"]
        self.asked.append(file_id)
        if self.failures:
            raise self.failures.pop(0)
        await asyncio.to_thread(path.write_bytes, self.bytes_of[file_id])


@dataclass
class Desk:
    """Everything one process has for files."""

    database: Database
    kimi: KimiSimulator
    client: AsyncKimi
    clock: ScaledClock
    folder: Path
    platform: Platform
    seq: int = 0

    def __post_init__(self) -> None:
        self.workers = InlineWorkers()
        self.worker = FileWorker(self.workers)
        self.shelf = KimiFileStore(self.database, self.client.files, self.clock, account="a" * 32)
        self.library = self.library_of(self.shelf)
        self.collector = FileGarbageCollector([self.shelf], folder=self.folder)
        self.reader = FileReader(self.database, self.library, self.worker)

    def library_of(
        self,
        *stores: KimiFileStore,
        allowance: UploadAllowance | None = None,
        transcriber: Transcriber | None = None,
    ) -> Library:
        """Return a library that uploads to these accounts."""
        downloader = AttachmentDownloader(self.clock, {"slack": self.platform}, folder=self.folder)
        reader = ContentReader(self.database, stores, self.worker, transcriber=transcriber)
        return Library(self.database, downloader, reader, self.worker, allowance=allowance)

    async def talk(self, thread: str = "1") -> Conversation:
        """Return a conversation."""
        key = ThreadKey(platform="slack", tenant="T1", channel="C1", thread=thread)
        async with self.database.begin() as tx:
            return await conversations.get_or_create(tx, key, ChatType.GROUP)

    async def put(
        self, talk: Conversation, name: str, content: bytes, *, author: str = "U1", kind: str = "file"
    ) -> File:
        """Let somebody send a file."""
        self.seq += 1
        file_id = f"F{self.seq}"
        self.platform.bytes_of[file_id] = content
        attachment = Attachment(
            kind=AttachmentKind(kind), name=name, media_type="", size_bytes=0, source={"id": file_id}
        )
        async with self.database.begin() as tx:
            await files.add(
                tx, conversation_id=talk.id, seq=self.seq, author_id=author, attachments=[attachment]
            )
        return (await self.of(talk))[-1]

    async def of(self, talk: Conversation) -> list[File]:
        """Return all files of a conversation."""
        async with self.database.read() as tx:
            return list(await files.load(tx, talk.id, after_seq=-1, up_to_seq=2**62))

    async def read(self, talk: Conversation, *wanted: File) -> list[FileFault | None]:
        """Read files; return what is wrong with each."""
        faults = await self.library.read(talk, wanted)
        return [faults.get(file.id) for file in wanted]

    async def send(self, talk: Conversation, name: str, content: bytes, **how: str) -> FileFault | None:
        """Let somebody send a file, and read it."""
        (fault,) = await self.read(talk, await self.put(talk, name, content, **how))
        return fault


@pytest.fixture
async def kimi() -> AsyncIterator[KimiSimulator]:
    """A strict Kimi."""
    async with KimiSimulator(clock=ScaledClock(40)) as kimi:
        yield kimi


@pytest.fixture
async def client(kimi: KimiSimulator) -> AsyncIterator[AsyncKimi]:
    """The real client."""
    async with AsyncKimi(
        api_key="sk-test", base_url=kimi.base_url, clock=ScaledClock(40), timeouts=PATIENT
    ) as client:
        yield client


@pytest.fixture
async def desk(kimi: KimiSimulator, client: AsyncKimi, database: Database, tmp_path: Path) -> Desk:
    """A process's files, once on each kind of database."""
    return Desk(database, kimi, client, ScaledClock(40), tmp_path / "reading", Platform())
