"""Fourth stage: downloading, reading and deleting people's files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bots.composition.infrastructure import Infrastructure
from bots.composition.llm_wiring import LlmComponents, build_file_stores
from bots.composition.settings_mapping import build_worker_limits
from bots.composition.speech_wiring import build_speech, build_transcriber
from core.concurrency.worker_pool import WorkerPool
from core.files.attachment_downloader import AttachmentDownloader
from core.files.content_reader import ContentReader
from core.files.file_worker import FileWorker
from core.files.garbage_collector import FileGarbageCollector
from core.files.kimi_file_store import KimiFileStore
from core.files.library import Library
from core.files.reader import FileReader
from core.files.upload_allowance import UploadAllowance
from core.ports.speech import SpeechToText
from core.retention import Retention
from core.turns.hearing import RecordingHearer

DOWNLOAD_FOLDER: Final = "reading"  #: below the data folder


@dataclass(frozen=True, slots=True, kw_only=True)
class FileComponents:
    """The parts that handle files; new ones go to the first account that can be reached."""

    stores: Sequence[KimiFileStore]  #: one for each account, in the order of preference
    downloader: AttachmentDownloader
    allowance: UploadAllowance
    reader: FileReader
    workers: WorkerPool
    worker: FileWorker
    hearer: RecordingHearer | None  #: None if recordings are not heard
    speech: SpeechToText | None
    garbage_collector: FileGarbageCollector
    retention: Retention

    async def close(self) -> None:
        """Close what hears recordings."""
        if self.speech is not None:
            await self.speech.close()


def build_files(base: Infrastructure, llm: LlmComponents) -> FileComponents:
    """Build the parts that handle files, and the retention that lets unused ones be deleted.

    Raises:
        SettingsError: recordings are to be heard, and what hears them is missing.
    """
    folder = Path(base.settings.data_dir, DOWNLOAD_FOLDER)
    stores = build_file_stores(base, llm)
    downloader = AttachmentDownloader(
        base.clock, base.abilities(lambda platform: platform.downloader), folder=folder
    )
    allowance = UploadAllowance(base.database, base.access, files_per_day=base.settings.files_per_day)
    speech = build_speech(base.settings, base.clock)
    transcriber = None
    if speech is not None:
        transcriber = build_transcriber(base.settings, speech, base.database, base.clock, base.access)
    workers = WorkerPool(build_worker_limits(base.settings))
    worker = FileWorker(workers)
    content_reader = ContentReader(base.database, stores, worker, transcriber=transcriber)
    library = Library(base.database, downloader, content_reader, worker, allowance=allowance)
    collector = FileGarbageCollector(stores, folder=folder)
    return FileComponents(
        stores=stores,
        downloader=downloader,
        allowance=allowance,
        reader=FileReader(base.database, library, worker),
        workers=workers,
        worker=worker,
        hearer=RecordingHearer(base.database, library) if speech is not None else None,
        speech=speech,
        garbage_collector=collector,
        retention=Retention(
            base.database,
            base.clock,
            retention_days=base.settings.retention_days,
            tenants=base.served_tenants,
            collect_files=collector.collect_soon,
        ),
    )
