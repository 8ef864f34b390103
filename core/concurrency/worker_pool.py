"""Runs functions on foreign bytes in processes, a few at a time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Final, Protocol, TypeVar

from core.concurrency.worker_process import (
    WorkerDied,
    WorkerFailed,
    WorkerGone,
    WorkerLimits,
    WorkerPoolClosed,
    WorkerProcess,
    WorkerTimeout,
)

Result = TypeVar("Result")

DEFAULT_SIZE: Final = 2


class Workers(Protocol):
    """Something that runs functions as :class:`WorkerPool` does."""

    async def run(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Return a function's result; raises what :meth:`WorkerPool.run` raises."""


class WorkerPool:
    """Gives each call a process to itself, and kills it when its caller is cancelled.

    A process is started for the first call and kept for the next ones, as long as its calls succeed.
    Threads only wait for the processes, so that each of them ends when its process is killed.
    """

    def __init__(self, limits: WorkerLimits | None = None, *, size: int = DEFAULT_SIZE) -> None:
        """Start nothing yet; ``size`` is how many functions run at the same time."""
        self._limits = limits or WorkerLimits()
        self._slots = asyncio.Semaphore(size)
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="worker")
        self._idle: list[WorkerProcess] = []
        self._running: set[WorkerProcess] = set()
        self._ending: set[WorkerProcess] = set()  #: killed, and waited for by a thread
        self._closed = False

    async def run(self, function: Callable[..., Result], *args: Any, **kwargs: Any) -> Result:
        """Return a function's result, of the types that :meth:`WorkerProcess.call` lists.

        Raises:
            WorkerTimeout: it took too long.
            WorkerDied: the process ended without a reply.
            WorkerPoolClosed: the pool is closed, before or during the call.
            WorkerFailed: the function has a defect.
            OSError: the function raised it, or no process could be started.
        """
        async with self._slots:
            try:
                while self._idle:
                    with suppress(WorkerGone):
                        return await self._run_in(self._idle.pop(), function, args, kwargs)
                return await self._run_in(WorkerProcess(self._limits), function, args, kwargs)
            except WorkerGone as exc:
                raise WorkerDied(str(exc)) from exc

    def close(self) -> None:
        """Kill what runs and refuse what comes."""
        self._closed = True
        for worker in self._running:
            worker.kill()
        for worker in [*self._idle, *self._ending]:
            worker.end()
        self._idle.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _run_in(
        self,
        worker: WorkerProcess,
        function: Callable[..., Result],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> Result:
        if self._closed:
            worker.end()
            raise WorkerPoolClosed
        self._running.add(worker)
        keep = False
        loop = asyncio.get_running_loop()
        try:
            result = await loop.run_in_executor(
                self._threads, partial(worker.call, function, *args, **kwargs)
            )
            keep = True
        except (WorkerFailed, OSError):  # the function's own errors: the process is well
            keep = True
            raise
        except (WorkerDied, WorkerGone, WorkerTimeout) as exc:
            if self._closed:
                raise WorkerPoolClosed from exc
            raise
        finally:
            self._running.discard(worker)
            if keep and worker.is_usable and not self._closed:
                self._idle.append(worker)
            else:
                worker.kill()  # which ends the call, if one is going on
                if not self._closed:
                    self._ending.add(worker)
                    self._threads.submit(self._end, worker)
        return result

    def _end(self, worker: WorkerProcess) -> None:
        worker.end()
        self._ending.discard(worker)
