"""The file that ``moonthread backup`` writes: a tar archive of the database and the personas.

It holds ``backup.json`` (version, revision, time), ``moonthread.db`` (SQLite, whichever database it comes
from) and ``personas/*.md``. Secrets and settings are not in it.
"""

import errno
import io
import json
import os
import re
import shutil
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from core.domain.errors import SettingsError

DATABASE_NAME: Final = "moonthread.db"
ABOUT_NAME: Final = "backup.json"
MAX_SMALL_BYTES: Final = 1024 * 1024  #: of a persona, and of what says where a backup is from
MAX_PERSONAS: Final = 1_000
_PERSONA: Final = re.compile(r"personas/([\w-]{1,40}\.md)")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupInfo:
    """Origin of a backup."""

    version: str  #: of Moonthread
    revision: str  #: of the tables
    made_at: str  #: ISO 8601
    database: str  #: "sqlite" or "postgresql"


def write_archive(path: Path, info: BackupInfo, database: Path, personas: Sequence[Path]) -> None:
    """Write an archive that only this user can read; it appears under its name when it is whole.

    Raises:
        SettingsError: the file exists, or cannot be written.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        descriptor = os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=5) as archive:
                _add_bytes(archive, ABOUT_NAME, json.dumps(asdict(info), indent=2).encode())
                archive.add(database, DATABASE_NAME, filter=_plain_member)
                for persona in personas:
                    archive.add(persona, f"personas/{persona.name}", filter=_plain_member)
            file.flush()
            os.fsync(file.fileno())
        os.link(partial, path)  # refuses a name that is taken, also by a backup that ran meanwhile
    except FileExistsError as exc:
        raise SettingsError([f"{path}: exists; name another file"]) from exc
    except OSError as exc:
        raise SettingsError([f"{path}: cannot be written ({exc.strerror})"]) from exc
    finally:
        partial.unlink(missing_ok=True)


def _add_bytes(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), 0o600
    archive.addfile(member, io.BytesIO(content))


def _plain_member(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def read_archive(path: Path, database: Path) -> tuple[BackupInfo, Mapping[str, bytes]]:
    """Write an archive's database to ``database``; return its origin and the personas by file name.

    Members with other names are ignored, so that no archive writes anywhere else.

    Raises:
        SettingsError: the file cannot be read, is no backup, or its database does not fit on the disk.
    """
    info: BackupInfo | None = None
    personas: dict[str, bytes] = {}
    has_database = False
    try:
        with tarfile.open(path, mode="r:*") as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                if content is None:
                    continue
                _check_size(member, database.parent, personas)
                if member.name == ABOUT_NAME:
                    info = _parse_info(json.load(content))
                elif member.name == DATABASE_NAME:
                    with os.fdopen(
                        os.open(database, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb"
                    ) as file:
                        shutil.copyfileobj(content, file, 1024 * 1024)
                    has_database = True
                elif found := _PERSONA.fullmatch(member.name):
                    personas[found[1]] = content.read()
    except (tarfile.TarError, EOFError, ValueError, RecursionError, zlib.error) as exc:
        raise SettingsError([f"{path}: is no whole backup of moonthread"]) from exc
    except OSError as exc:
        raise SettingsError([f"{path}: cannot be read ({exc.strerror or exc})"]) from exc
    if info is None or not has_database:
        raise SettingsError([f"{path}: is no backup of moonthread"])
    return info, personas


def _check_size(member: tarfile.TarInfo, folder: Path, personas: Mapping[str, bytes]) -> None:
    """Check that a member has room: the database in its folder, everything else in the memory.

    Raises:
        ValueError: it is too large for what it claims to be, or there are too many personas.
        OSError: the disk is too small.
    """
    if member.name == DATABASE_NAME:
        if member.size > shutil.disk_usage(folder).free:
            raise OSError(errno.ENOSPC, f"its database has {member.size / 1e6:,.0f} MB; the disk is too full")
    elif member.size > MAX_SMALL_BYTES and (member.name == ABOUT_NAME or _PERSONA.fullmatch(member.name)):
        raise ValueError("too large")
    elif len(personas) > MAX_PERSONAS:
        raise ValueError("too many personas")


def _parse_info(found: Any) -> BackupInfo:
    match found:
        case {"version": str(version), "revision": str(revision), "made_at": str(at), "database": str(kind)}:
            return BackupInfo(version=version, revision=revision, made_at=at, database=kind)
        case _:
            raise ValueError("not our backup.json")
