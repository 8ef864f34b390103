"""Files that hold people's words or tokens: readable by their owner only.

On Windows nothing is done or reported: its permissions are not in the file's mode.
"""

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

from core.settings import Settings

JOURNAL_SUFFIXES: Final = ("-wal", "-shm", "-journal")
"""What SQLite adds to a database's name for its journals (https://www.sqlite.org/tempfiles.html)."""


def protect(settings: Settings) -> None:
    """Make a missing database file, and take other users' access to it and to the data folder away.

    SQLite gives a new journal the mode of its database file. Files of another user are left alone, and so
    is a folder that everybody may write to, such as /tmp.
    """
    if os.name != "posix":
        return
    if settings.sqlite_file is not None:
        with contextlib.suppress(OSError):  # it exists, or SQLite says why it cannot be made
            os.close(os.open(settings.sqlite_file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    for path in exposed_paths(settings):
        with contextlib.suppress(OSError):  # another user's; "moonthread check" names it
            mode = path.stat().st_mode
            if not mode & stat.S_ISVTX:
                path.chmod(stat.S_IMODE(mode) & ~0o077)


def exposed_paths(settings: Settings) -> list[Path]:
    """Return the data folder, the database and its journals as far as other users may read them."""
    paths = [Path(settings.data_dir)]
    if (file := settings.sqlite_file) is not None:
        paths += [file, *(file.with_name(file.name + suffix) for suffix in JOURNAL_SUFFIXES)]
    return [path for path in paths if is_readable_by_others(path)]


def is_readable_by_others(path: Path) -> bool:
    """Return whether other users may read a file or folder; False if there is none.

    The group counts if the file is this user's own. In another user's file it may be what lets us read it.
    """
    if os.name != "posix":
        return False
    try:
        found = path.stat()
    except OSError:
        return False
    mask = 0o077 if found.st_uid == os.getuid() else 0o007
    return bool(found.st_mode & mask)
