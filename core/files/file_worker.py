"""Reads the bytes of foreign files in worker processes, and turns their ends into faults."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import structlog

from core.concurrency.worker_pool import Workers
from core.concurrency.worker_process import WorkerDied, WorkerFailed, WorkerPoolClosed, WorkerTimeout
from core.domain.file_states import FileFault
from core.domain.message_content import Attachment
from core.files import file_jobs
from core.files.excerpt import Excerpt, build_excerpt, first_pieces
from core.files.extract import InspectedFile, is_encrypted
from core.files.file_policy import UnusableFile

log = structlog.get_logger(__name__)

Result = TypeVar("Result")


class FileWorker:
    """Runs the functions of :mod:`core.files.file_jobs`, each in a process with limits."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers

    async def inspect(self, path: Path, attachment: Attachment) -> InspectedFile:
        """Return the type, size and hash of a downloaded file.

        Raises:
            UnusableFile: it cannot be read, or takes more time or memory than a file may.
            OSError: the disk failed.
        """
        return await self.run(file_jobs.inspect, path, attachment)

    async def read_text(self, path: Path) -> str:
        """Return the whole text of a plain text file.

        Raises:
            UnusableFile: it has none, or takes more time or memory than a file may.
            OSError: the disk failed.
        """
        return (await self.run(file_jobs.extract_text, path)).text

    async def is_encrypted(self, path: Path, extension: str) -> bool:
        """Return whether a document that could not be read is probably protected by a password.

        Raises:
            UnusableFile: looking for it took too long.
            OSError: the disk failed.
        """
        return await self.run(is_encrypted, path, extension)

    async def build_excerpt(self, text: str, question: str, *, budget_tokens: int) -> Excerpt:
        """Return the pieces of a text that match a question best; its first ones if that takes too long."""
        try:
            return await self.run(build_excerpt, text, question, budget_tokens=budget_tokens)
        except UnusableFile:
            return first_pieces(text, budget_tokens=budget_tokens)

    async def run(self, function: Callable[..., Result | FileFault], *args: Any, **kwargs: Any) -> Result:
        """Run a function in a worker process and return its result.

        Args:
            function: returns a fault instead of raising :class:`UnusableFile`.
            args: as :meth:`core.concurrency.worker_process.WorkerProcess.call` takes them.
            kwargs: in the same way.

        Raises:
            UnusableFile: with the fault that it returned, or as it took too much time or memory.
            OSError: the function raised it.
        """
        try:
            result = await self._workers.run(function, *args, **kwargs)
        except (WorkerTimeout, WorkerDied) as exc:
            log.warning("file.worker_killed", error=str(exc), reason=type(exc).__name__)
            raise UnusableFile(FileFault.TOO_COMPLEX) from exc
        except WorkerPoolClosed as exc:  # the service is stopping: the file is read after the next start
            raise UnusableFile(FileFault.UNREACHABLE) from exc
        except WorkerFailed as exc:
            log.error("file.worker_failed", error=str(exc))
            raise UnusableFile(FileFault.CORRUPT) from exc
        if isinstance(result, FileFault):
            raise UnusableFile(result)
        return result
