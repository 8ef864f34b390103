"""Virtual time for tests: an event loop whose clock jumps, and a SQLite driver that needs no threads.

A test marked ``virtual_time`` runs on :class:`VirtualLoop`: whenever nothing is left to do now, the
loop's clock jumps to the next timer. An hour of pauses takes milliseconds, in the same order each
time. Threads would break that, because the loop cannot know that one is still at work; so executors
and SQLite run inline.
"""

import asyncio
import os
import selectors
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import psycopg

from core.store.sqlite_connection import SQLiteConnection

ANSWER_S = 0.02  #: real seconds before the first look at what PostgreSQL does with our statements
LONGEST_ANSWER_S = 0.2  #: real seconds between two later looks
GONE_S = 10.0  #: real seconds without any answer after which the server is taken to be out of reach

postgres_servers: dict[str, psycopg.Connection[Any]] = {}
"""A connection to look with, by the address of each server that tests of this process started."""


class VirtualSelector(selectors.DefaultSelector):
    """Advances the clock instead of waiting for a timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.outside = 0  #: statements that PostgreSQL, another process, is working on

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Look for I/O without waiting, then jump to the loop's next timer.

        Raises:
            RuntimeError: every task waits for another one: on a real loop the test would hang.
        """
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if len(self.get_map()) > 1:  # more than the loop's own pipe: there are sockets
            os.sched_yield()  # the kernel delivers loopback traffic at once, or from a thread of its own
            ready = super().select(0)
            waited_s, answer_s = 0.0, ANSWER_S
            while not ready and self.outside and waited_s < GONE_S:
                ready = super().select(answer_s)
                if not ready and self.outside <= waiting_for_locks():
                    break
                waited_s += answer_s
                answer_s = min(LONGEST_ANSWER_S, 2 * answer_s)
        if not ready and timeout is None:
            raise RuntimeError("deadlock: nothing is scheduled and nothing can happen")
        self.now += 0.0 if ready or timeout is None else timeout
        return ready


def waiting_for_locks() -> int:
    """Return how many statements on our PostgreSQL wait for a lock, which time alone may have to end."""
    waiting = 0
    for admin in postgres_servers.values():
        found = admin.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        waiting += sum(row[0] for row in found)
    return waiting


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on virtual time, in seconds since it was made."""

    def __init__(self) -> None:
        self.virtual = VirtualSelector()
        super().__init__(self.virtual)

    def time(self) -> float:
        """Return virtual seconds since the loop was made."""
        return self.virtual.now

    def create_future(self) -> asyncio.Future[Any]:
        """Return a new future; one that psycopg waits on for an answer keeps the clock still."""
        future = super().create_future()
        caller = sys._getframe(1)
        if caller.f_globals.get("__name__") == "psycopg.waiting":
            generator = caller.f_locals.get("gen")
            if getattr(generator, "__name__", "") != "notifies":  # LISTEN waits for what may never come
                self.virtual.outside += 1
                future.add_done_callback(self._answered)
        return future

    def _answered(self, _: asyncio.Future[Any]) -> None:
        self.virtual.outside -= 1

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:
        """Run ``func`` at once, in the loop's own thread."""
        future = self.create_future()
        try:
            result = func(*args)
        except BaseException as error:  # noqa: BLE001 (as a thread does: into the future)
            future.set_exception(error)
        else:
            future.set_result(result)
        return future


class LoopClock:
    """The running loop's time as a :class:`core.domain.clock.Clock`."""

    def time(self) -> float:
        """Return the loop's time."""
        return asyncio.get_running_loop().time()

    async def sleep(self, delay_s: float) -> None:
        """Sleep on the loop."""
        await asyncio.sleep(delay_s)


class LoopCalendar:
    """Stands in for ``datetime`` in :mod:`core.store.clock`: dates pass as the running loop's time does."""

    def __init__(self) -> None:
        self._began = datetime.now(UTC)

    def now(self, tz: tzinfo) -> datetime:
        """Return the date."""
        return (self._began + timedelta(seconds=asyncio.get_running_loop().time())).astimezone(tz)


class _InlineQueue:
    """Stands in for aiosqlite's queue to its thread: runs each call when it is put in.

    The result arrives in the loop's next iteration, so that other tasks run between two statements,
    as they do with a thread.
    """

    def put_nowait(self, item: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        """Run one call of the driver."""
        future, function = item
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 (as the thread does: into the future)
            if future is not None:
                future.get_loop().call_soon(_settle, future, None, error)
        else:
            if future is not None:
                future.get_loop().call_soon(_settle, future, result, None)


class _NoThread:
    daemon = True

    def start(self) -> None:
        """Start nothing."""


def _settle(future: asyncio.Future[Any], result: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)


class InlineConnection(SQLiteConnection):
    """A connection to SQLite that runs its statements in the loop's own thread."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        parts: Any = self
        parts._tx, parts._thread = _InlineQueue(), _NoThread()
