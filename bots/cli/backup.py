"""``moonthread backup`` and ``moonthread restore``: everything that is stored, in one file and back."""

import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Annotated, Final

import typer

from bots.cli.backup_archive import BackupInfo, read_archive, write_archive
from bots.cli.private_files import JOURNAL_SUFFIXES
from bots.cli.terminal import run_async
from core.domain.errors import SettingsError
from core.settings import Requirement, Settings, load

PERSONAS_FOLDER: Final = "personas"  #: below the data folder


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, such as moonthread.tar.gz.")],
) -> None:
    """Write everything that is stored to one file, while the service runs.

    The file has the database and the personas, for "moonthread restore". It has no settings and no tokens.

    Example: moonthread backup "/var/backups/moonthread-$(date +%F).tar.gz"
    """
    settings = load(required=[Requirement.STORE])
    if file.exists():
        raise SettingsError([f"{file}: exists; name another file"])
    info = run_async(write_backup(settings, file))
    size_mb = file.stat().st_size / 1e6
    print(f"{file}: {size_mb:,.1f} MB, from {info.database}, tables at {info.revision}")


async def write_backup(settings: Settings, file: Path) -> BackupInfo:
    """Write a backup of the configured database and the personas; return its description.

    Raises:
        SettingsError: there is no database, or the file exists or cannot be written.
        StoreUnavailable: the database cannot be read.
    """
    from bots.cli.store import open_database
    from core.store import migrate
    from core.store.backup import copy_to_file

    with _temporary_folder(file.parent) as folder:
        copy = Path(folder, "copy.db")
        async with open_database(settings) as database:
            await copy_to_file(database, copy)
            info = BackupInfo(
                version=metadata.version("moonthread"),
                revision=await migrate.revision_of(database),
                made_at=datetime.now(UTC).isoformat(timespec="seconds"),
                database=database.dialect,
            )
        write_archive(file, info, copy, _list_personas(settings))
    return info


def _list_personas(settings: Settings) -> list[Path]:
    return sorted(Path(settings.data_dir, PERSONAS_FOLDER).glob("*.md"))


def restore(
    file: Annotated[Path, typer.Argument(help="A file that moonthread backup wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Set an existing SQLite database aside, and overwrite personas.")
    ] = False,
) -> None:
    """Restore a backup into the configured database, which must be empty; the service must be stopped.

    A backup of SQLite can be restored into PostgreSQL, and the other way round.

    Example: MOONTHREAD_DATA_DIR=/tmp/drill moonthread restore moonthread.tar.gz
    """
    settings = load(required=[Requirement.STORE])
    info, kept = run_async(restore_backup(settings, file, replace=replace))
    print(f"restored the backup of {info.made_at} (version {info.version}, tables at {info.revision})")
    if kept:
        print(f"personas that exist already were kept: {', '.join(kept)}; --replace overwrites them")


async def restore_backup(settings: Settings, file: Path, *, replace: bool) -> tuple[BackupInfo, list[str]]:
    """Restore a backup into the configured database; return its description and the personas left alone.

    Args:
        settings: name the database and the data folder.
        file: the backup.
        replace: set an existing SQLite database aside, and overwrite personas.

    Raises:
        SettingsError: the file is no backup, is of a newer version, or the database exists.
        StoreUnavailable: the database cannot be written, or a process of ours runs on it.
        TransferRefused: the PostgreSQL database is not empty.
    """
    folder = settings.sqlite_file.parent if settings.sqlite_file else settings.data_dir
    with _temporary_folder(folder) as temporary:
        database = Path(temporary, "restored.db")
        info, personas = read_archive(file, database)
        await _restore(settings, database, replace=replace)
    kept = _write_personas(Path(settings.data_dir, PERSONAS_FOLDER), personas, replace=replace)
    return info, kept


async def _restore(settings: Settings, database: Path, *, replace: bool) -> None:
    from core.store import Database, migrate
    from core.store.database_transfer import DatabaseTransfer
    from core.store.file_lock import FileLock

    url = f"sqlite:///{database}"
    if (await migrate.status(url)).newer:
        raise SettingsError(["the backup is of a newer version; install that version first"])
    await migrate.upgrade(url)
    target = Database(settings.database_url.get_secret_value())
    try:
        if settings.sqlite_file is None:
            source = Database(url)
            try:
                await DatabaseTransfer(source, target, lambda _: None).run()
            finally:
                await source.close()
            return
        lock = FileLock(target)
        lock.acquire()
        try:
            _put_in_place(database, settings.sqlite_file, replace=replace)
        finally:
            lock.release()
    finally:
        await target.close()


def _put_in_place(database: Path, target: Path, *, replace: bool) -> None:
    """Move a restored database to its place; the one that was there keeps its journals under a new name."""
    if target.exists() and target.stat().st_size:
        if not replace:
            raise SettingsError(
                [f"{target}: exists; --replace sets it aside, MOONTHREAD_DATA_DIR names another folder"]
            )
        aside = f"{target.name}.{datetime.now(UTC):%Y%m%d-%H%M%S}"
        for suffix in ("", *JOURNAL_SUFFIXES):
            if (old := target.with_name(target.name + suffix)).exists():
                old.rename(target.with_name(aside + suffix))
        print(f"the former database is now {target.with_name(aside)}")
    for suffix in JOURNAL_SUFFIXES:
        if (journal := database.with_name(database.name + suffix)).exists():
            journal.rename(target.with_name(target.name + suffix))
    database.rename(target)


def _write_personas(folder: Path, personas: Mapping[str, bytes], *, replace: bool) -> list[str]:
    """Write personas that are missing; return the names of those that differ and were kept."""
    kept: list[str] = []
    for name, content in sorted(personas.items()):
        path = folder / name
        if path.exists() and path.read_bytes() != content and not replace:
            kept.append(name)
            continue
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(content)
    return kept


def _temporary_folder(beside: Path) -> tempfile.TemporaryDirectory[str]:
    """Return a folder on the same file system as ``beside``, readable by this user only."""
    try:
        beside.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(dir=beside, prefix=".moonthread-")
    except OSError as exc:
        raise SettingsError([f"{beside}: cannot be written ({exc.strerror})"]) from exc
