"""The embedded engine's promise: no second process works on the same database."""

import fcntl
import os
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import StoreUnavailable
from core.store import Database
from core.store.database import translated

#: PostgreSQL's advisory lock of the one embedded engine; any fixed number will do.
ENGINE_LOCK = 0x6D6F6F6F


class Exclusive:
    """Held from :meth:`take` to :meth:`release`; the operating system frees it when we die."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._file: int | None = None
        self._connection: AsyncConnection | None = None

    async def take(self) -> None:
        """Take the lock.

        Raises:
            StoreUnavailable: another process holds it.
        """
        if self._database.dialect == "postgresql":
            await self._take_advisory()
        elif self._database.url.database not in (None, "", ":memory:"):
            self._take_file(Path(f"{self._database.url.database}.lock"))

    async def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._connection is not None:
            # Not handed back to the pool: the lock belongs to the session and would live on there.
            await self._connection.invalidate()
            await self._connection.close()
            self._connection = None

    def _take_file(self, path: Path) -> None:
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

    async def _take_advisory(self) -> None:
        async with translated():
            self._connection = await self._database.engine.connect()
            await self._connection.execution_options(isolation_level="AUTOCOMMIT")
            taken = await self._connection.scalar(
                text("SELECT pg_try_advisory_lock(:lock)"), {"lock": ENGINE_LOCK}
            )
        if not taken:
            await self.release()
            raise StoreUnavailable("another Moonthread process is using this PostgreSQL database: stop it")
