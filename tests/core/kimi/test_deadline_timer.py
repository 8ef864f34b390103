"""The time limit for waiting."""

import asyncio

import pytest

from core.kimi.deadline_timer import DeadlineTimer
from tests.virtual_time import LoopClock

pytestmark = pytest.mark.virtual_time


async def test_a_wait_in_time_has_its_result() -> None:
    """What ends before the limit is returned, wait after wait."""
    watch = DeadlineTimer(LoopClock())
    for number in range(100):
        assert await watch.wait(asyncio.sleep(0, number), deadline=watch.deadline_in(30)) == number
    watch.stop()


async def test_a_wait_too_long_is_cancelled_and_the_task_lives_on() -> None:
    """The limit ends the wait only: the task is not left cancelled."""
    watch = DeadlineTimer(LoopClock())
    await watch.wait(asyncio.sleep(0), deadline=watch.deadline_in(1000))
    with pytest.raises(TimeoutError):
        await watch.wait(asyncio.Event().wait(), deadline=watch.deadline_in(3))
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    await asyncio.sleep(0)


async def test_later_limits_replace_earlier_ones() -> None:
    """A timer that was set for an earlier wait does not end a later one."""
    watch = DeadlineTimer(LoopClock())
    await watch.wait(asyncio.sleep(0), deadline=watch.deadline_in(3))
    assert await watch.wait(asyncio.sleep(10, "late"), deadline=watch.deadline_in(1000)) == "late"
    await asyncio.sleep(10)  # nobody waits now
    with pytest.raises(TimeoutError):
        await watch.wait(asyncio.Event().wait(), deadline=watch.deadline_in(3))


async def test_a_cancellation_from_outside_stays_one() -> None:
    """Only the watch's own interruption becomes a time-out."""
    watch = DeadlineTimer(LoopClock())
    task = asyncio.create_task(watch.wait(asyncio.Event().wait(), deadline=watch.deadline_in(30)))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    watch.stop()
