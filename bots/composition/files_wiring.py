"""Fourth stage: downloading, reading and deleting people's files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bots.composition.infrastructure import Infrastructure
from bots.composition.llm_wiring import LlmComponents, build_file_stores
from core.files.garbage_collector import FileGarbageCollector
from core.files.kimi_file_store import KimiFileStore
from core.files.library import Library
from core.files.reader import FileReader
from core.retention import Retention

DOWNLOAD_FOLDER: Final = "reading"  #: below the data folder


@dataclass(frozen=True, slots=True, kw_only=True)
class FileComponents:
    """The parts that handle files; new ones go to the first account that can be reached."""

    stores: Sequence[KimiFileStore]  #: one for each account, in the order of preference
    library: Library
    reader: FileReader
    garbage_collector: FileGarbageCollector
    retention: Retention


def build_files(base: Infrastructure, llm: LlmComponents) -> FileComponents:
    """Build the parts that handle files, and the retention that lets unused ones be deleted."""
    folder = Path(base.settings.data_dir, DOWNLOAD_FOLDER)
    stores = build_file_stores(base, llm)
    library = Library(
        base.database,
        stores[0],
        base.clock,
        downloads=base.abilities(lambda platform: platform.downloader),
        folder=folder,
        other_stores=stores[1:],
    )
    collector = FileGarbageCollector(
        base.database, stores[0], base.clock, folder=folder, other_stores=stores[1:]
    )
    return FileComponents(
        stores=stores,
        library=library,
        reader=FileReader(base.database, library),
        garbage_collector=collector,
        retention=Retention(
            base.database,
            base.clock,
            retention_days=base.settings.retention_days,
            collect_files=collector.collect_soon,
        ),
    )
