"""Adds files to knowledge sets for ``moonthread knowledge add``, with progress on a terminal."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

from rich.console import Console

from bots.cli.knowledge_vectors import embed_pending
from bots.cli.question import open_kimi
from bots.cli.store import open_database
from bots.cli.terminal import print_error
from bots.composition.settings_mapping import build_worker_limits
from core.answering.file_notices import FAULT_TEXTS
from core.concurrency.worker_pool import WorkerPool
from core.domain.clock import SystemClock
from core.domain.file_states import FileFault
from core.files.file_policy import UnusableFile
from core.files.file_worker import FileWorker
from core.files.formats import extension_of, file_type_of
from core.files.kimi_file_store import KimiFileStore
from core.kimi import KimiError
from core.knowledge.file_text import FileTextReader
from core.knowledge.indexing import index_document
from core.llm import account_name
from core.settings import Settings
from core.store import Database
from core.store.knowledge import Owner


def expand_files(path: Path) -> Sequence[Path]:
    """Return a file itself, or the files of a folder in a format that can be read."""
    if not path.is_dir():
        return [path]
    return sorted(
        inner for inner in path.iterdir() if inner.is_file() and file_type_of(extension_of(inner.name, ""))
    )


def count_text(count: int, noun: str) -> str:
    """Return a number with its noun, such as "2 passages"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


async def add_files(settings: Settings, owner: Owner, name: str, paths: Sequence[Path], url: str) -> bool:
    """Add files to a set and print a line for each; return False if one could not be added.

    Files that cannot be read are named before the first one is added.
    """
    with closing(WorkerPool(build_worker_limits(settings))) as workers:
        return await _add_with(FileWorker(workers), settings, owner, name, paths, url)


async def _add_with(
    worker: FileWorker, settings: Settings, owner: Owner, name: str, paths: Sequence[Path], url: str
) -> bool:
    async with (
        open_database(settings, create=True) as database,
        _open_text_reader(settings, database, worker) as reader,
    ):
        readable = [path for path in paths if await _is_readable(reader, path, settings)]
        done = len(readable) == len(paths)
        with Console(stderr=True).status("") as status:  # shows nothing if there is no terminal
            for number, path in enumerate(readable, start=1):
                status.update(f"{path.name} ({number} of {len(readable)})")
                done &= await _add(database, reader, worker, owner, name, path, url, settings)
        await embed_pending(settings, database)
    return done


async def _is_readable(reader: FileTextReader, path: Path, settings: Settings) -> bool:
    """Return whether a file's format and content can be read; print why if not."""
    try:
        await reader.inspect(path, name=path.name)
    except UnusableFile as exc:
        print_error(_failure_text(exc, path, settings))
    except OSError as exc:
        print_error(f"{path}: {exc.strerror}")
    else:
        return True
    return False


async def _add(
    database: Database,
    reader: FileTextReader,
    worker: FileWorker,
    owner: Owner,
    name: str,
    path: Path,
    url: str,
    settings: Settings,
) -> bool:
    """Add one file and print a line about it; return False if it could not be added."""
    try:
        extension, text = await reader.read(path, name=path.name)
        document = await index_document(
            database, owner, name, name=path.name, text=text, extension=extension, url=url, worker=worker
        )
    except UnusableFile as exc:
        print_error(_failure_text(exc, path, settings))
        return False
    except (OSError, KimiError) as exc:
        print_error(f"{path}: {exc}")
        return False
    state = f"version {document.version}" if document.changed else "unchanged"
    print(f"{name}: {document.name}, {count_text(document.passage_count, 'passage')}, {state}")
    return True


@asynccontextmanager
async def _open_text_reader(
    settings: Settings, database: Database, worker: FileWorker
) -> AsyncIterator[FileTextReader]:
    """Yield a reader of files; without a key it cannot read PDFs, which Kimi reads."""
    key = settings.kimi_api_key
    async with contextlib.AsyncExitStack() as stack:
        file_store = None
        if key is not None:
            kimi = await stack.enter_async_context(open_kimi(settings))
            account = account_name(settings.kimi_base_url, key.get_secret_value())
            file_store = KimiFileStore(database, kimi.files, SystemClock(), account=account)
        yield FileTextReader(file_store, worker)


def _failure_text(unusable: UnusableFile, path: Path, settings: Settings) -> str:
    if unusable.fault is FileFault.PROVIDER_UNSUPPORTED and settings.kimi_api_key is None:
        return f"{path}: Kimi reads such files; set KIMI_API_KEY"
    if unusable.fault is FileFault.MISLABELLED and path.suffix.lower() in (".csv", ".tsv"):
        return f"{path}: its first line must name the columns question and answer"
    return FAULT_TEXTS[unusable.fault][1].format(name=path)
