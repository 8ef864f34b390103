"""Background tasks, kept referenced until they end and ended with their owner."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from contextvars import Context
from typing import Any, Generic, TypeVar

import structlog

log = structlog.get_logger(__name__)

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


def current_task() -> asyncio.Task[Any]:
    """Return the task that runs the caller.

    Raises:
        RuntimeError: the caller does not run in a task.
    """
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("not called from a task")
    return task


class TaskSet:
    """The background tasks of one owner.

    The event loop holds only weak references to tasks; a set of this kind holds each until it ends.
    An exception that ends a task is logged.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        """Return the number of tasks that have not ended."""
        return len(self._tasks)

    def spawn(
        self, work: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None
    ) -> "asyncio.Task[T]":
        """Start ``work`` in a task of its own and return the task.

        Args:
            work: the coroutine to run.
            name: the task's name in logs and debuggers.
            context: the context variables it runs with; the current ones if None.
        """
        task = asyncio.create_task(work, name=name, context=context)
        self.add(task)
        return task

    def add(self, task: "asyncio.Task[Any]") -> None:
        """Keep a task that was started elsewhere until it ends."""
        self._tasks.add(task)
        task.add_done_callback(self._discard)

    def cancel(self) -> None:
        """Request the cancellation of every task, without waiting for their ends."""
        for task in list(self._tasks):
            task.cancel()

    async def wait_idle(self) -> None:
        """Wait until no task is left, including those that are spawned meanwhile.

        Cancelling this wait leaves the tasks running.
        """
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Cancel every task and wait until all have ended."""
        self.cancel()
        await self.wait_idle()

    def _discard(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("concurrency.task_failed", task=task.get_name(), exc_info=error)


class KeyedTasks(Generic[K, T]):
    """At most one running task a key; callers that ask meanwhile share it."""

    def __init__(self) -> None:
        self._tasks: dict[K, asyncio.Task[T]] = {}

    def get(self, key: K) -> "asyncio.Task[T] | None":
        """Return the running task of ``key``; None if there is none."""
        return self._tasks.get(key)

    def get_or_spawn(
        self, key: K, work: Callable[[], Coroutine[Any, Any, T]], *, name: str | None = None
    ) -> "asyncio.Task[T]":
        """Return the running task of ``key``, or start ``work`` and return its task.

        Await it with ``asyncio.shield``: a cancelled caller must not cancel it for the others.
        """
        task = self._tasks.get(key)
        if task is None:
            task = self._tasks[key] = asyncio.create_task(work(), name=name)
            task.add_done_callback(lambda _: self._tasks.pop(key, None))
        return task

    async def wait_idle(self) -> None:
        """Wait until no task is left; cancelling this wait leaves the tasks running."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def close(self) -> None:
        """Cancel every task and wait until all have ended."""
        for task in list(self._tasks.values()):
            task.cancel()
        await self.wait_idle()
