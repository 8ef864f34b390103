"""The embedded engine's promise: no second process works on the same SQLite file."""

import fcntl
import os
from pathlib import Path

from core.domain.errors import StoreUnavailable
from core.store.database import Database


class FileLock:
    """Held from :meth:`take` to :meth:`release`; the operating system frees it when we die."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            StoreUnavailable: another process holds it.
        """
        if self._database.url.database not in (None, "", ":memory:"):
            self._lock_file(Path(f"{self._database.url.database}.lock"))

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _lock_file(self, path: Path) -> None:
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise StoreUnavailable(
                f"another Moonthread process is using {path.with_suffix('')}: stop it first, "
                "or give this one a MOONTHREAD_DATA_DIR of its own"
            ) from exc
        except OSError as exc:
            raise StoreUnavailable(f"cannot lock {path}: {exc.strerror}") from exc
