"""Racing work against a clock or an event."""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from core.domain.clock import Clock

T = TypeVar("T")


class DeadlineExceeded(TimeoutError):
    """The limit passed before the work ended; the work has been cancelled."""


class Interrupted(Exception):
    """The stop condition came true before the work ended; the work has been cancelled."""


async def run_with_timeout(work: Coroutine[Any, Any, T], timeout_s: float, clock: Clock) -> T:
    """Return the result of ``work``, which may take ``timeout_s`` seconds of ``clock``.

    ``asyncio.timeout`` knows only the event loop's time; this knows a scaled or virtual clock.

    Raises:
        DeadlineExceeded: the time passed; ``work`` was cancelled and has ended.
    """
    try:
        return await run_until(work, clock.sleep(timeout_s))
    except Interrupted:
        raise DeadlineExceeded(f"no result within {timeout_s:g} s") from None


async def wait_for_event(event: asyncio.Event, timeout_s: float, clock: Clock) -> bool:
    """Wait until ``event`` is set, ``timeout_s`` seconds of ``clock`` at most; return whether it is set."""
    with contextlib.suppress(DeadlineExceeded):
        await run_with_timeout(event.wait(), timeout_s, clock)
    return event.is_set()


async def run_until(
    work: Coroutine[Any, Any, T],
    stop: Coroutine[Any, Any, object],
    *,
    on_discard: Callable[[T], None] | None = None,
) -> T:
    """Return the result of ``work``, unless ``stop`` returns first.

    If both have ended, the result of ``work`` counts. Both have ended when this returns or raises,
    also if the caller is cancelled.

    Args:
        work: runs in a task of its own.
        stop: runs in a task of its own; its result is ignored, its exception is raised.
        on_discard: receives a result that ``work`` returned although it was cancelled or the caller
            was, so that a resource in it can be released.

    Raises:
        Interrupted: ``stop`` returned first.
    """
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop)
    delivered = False
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            delivered = True
            return working.result()
        stopping.result()
        raise Interrupted
    finally:
        working.cancel()
        stopping.cancel()
        result, _ = await asyncio.gather(working, stopping, return_exceptions=True)
        if not (delivered or isinstance(result, BaseException) or on_discard is None):
            on_discard(result)
