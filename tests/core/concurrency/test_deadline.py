"""Racing work against a clock or an event, on virtual time."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from core.concurrency.deadline import (
    DeadlineExceeded,
    Interrupted,
    run_until,
    run_with_timeout,
    wait_for_event,
)
from core.domain.clock import Clock

Run = Callable[[Any], Any]


async def _return_after(delay_s: float, clock: Clock) -> str:
    await clock.sleep(delay_s)
    return "done"


async def _fail() -> None:
    raise ValueError("broken")


def test_work_that_ends_in_time_returns_its_result(run_virtually: Run, loop_clock: Clock) -> None:
    """The result comes as soon as it is there, not when the time is over."""

    async def main() -> None:
        assert await run_with_timeout(_return_after(2, loop_clock), 5, loop_clock) == "done"
        assert loop_clock.time() == 2

    run_virtually(main())


def test_work_that_takes_too_long_is_cancelled(run_virtually: Run, loop_clock: Clock) -> None:
    """It has ended, its cleanup included, when the error is raised."""
    ended = []

    async def work() -> None:
        try:
            await loop_clock.sleep(60)
        finally:
            await loop_clock.sleep(1)
            ended.append(loop_clock.time())

    async def main() -> None:
        with pytest.raises(DeadlineExceeded, match="no result within 5 s"):
            await run_with_timeout(work(), 5, loop_clock)
        assert ended == [6]

    run_virtually(main())


def test_an_exception_of_the_work_is_raised_as_it_is(run_virtually: Run, loop_clock: Clock) -> None:
    """A failure is not taken for the passing of time."""

    async def main() -> None:
        with pytest.raises(ValueError, match="broken"):
            await run_with_timeout(_fail(), 5, loop_clock)

    run_virtually(main())


def test_an_exception_of_the_stop_condition_is_raised(run_virtually: Run, loop_clock: Clock) -> None:
    """A stop condition that fails does not pass for one that came true."""

    async def main() -> None:
        with pytest.raises(ValueError, match="broken"):
            await run_until(_return_after(5, loop_clock), _fail())

    run_virtually(main())


def test_a_result_counts_if_the_stop_condition_comes_true_in_the_same_instant(
    run_virtually: Run, loop_clock: Clock
) -> None:
    """Finished work is never thrown away."""

    async def now() -> str:
        return "done"

    async def main() -> None:
        assert await run_until(now(), now()) == "done"

    run_virtually(main())


def test_a_cancelled_caller_leaves_nothing_running(run_virtually: Run, loop_clock: Clock) -> None:
    """Work and timer end with the task that waits for them."""

    async def main() -> None:
        waiting = asyncio.create_task(run_with_timeout(_return_after(60, loop_clock), 90, loop_clock))
        await loop_clock.sleep(1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert loop_clock.time() == 1

    run_virtually(main())


def test_a_result_that_nobody_receives_is_handed_over_for_release(
    run_virtually: Run, loop_clock: Clock
) -> None:
    """A permit that is granted in the instant of the interruption can be given back."""
    discarded: list[str] = []

    async def stubborn() -> str:
        try:
            await loop_clock.sleep(60)
        except asyncio.CancelledError:
            return "granted"
        return "late"

    async def main() -> None:
        with pytest.raises(Interrupted):
            await run_until(stubborn(), loop_clock.sleep(1), on_discard=discarded.append)
        assert discarded == ["granted"]

    run_virtually(main())


@pytest.mark.parametrize(("set_after_s", "expected"), [(2, (True, 2)), (20, (False, 5))])
def test_an_event_is_waited_for_up_to_the_limit(
    run_virtually: Run, loop_clock: Clock, set_after_s: float, expected: tuple[bool, float]
) -> None:
    """The wait says whether the event was set, and ends with it."""

    async def main() -> None:
        event = asyncio.Event()
        asyncio.get_running_loop().call_later(set_after_s, event.set)
        assert (await wait_for_event(event, 5, loop_clock), loop_clock.time()) == expected

    run_virtually(main())
