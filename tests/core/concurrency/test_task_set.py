"""Sets of background tasks, on virtual time."""

import asyncio
import contextvars
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.concurrency.task_set import KeyedTasks, TaskSet
from core.domain.clock import Clock

Run = Callable[[Any], Any]


def test_a_task_is_kept_until_it_ends(run_virtually: Run, loop_clock: Clock) -> None:
    """The set counts what runs and waits for it."""

    async def main() -> None:
        tasks = TaskSet()
        tasks.spawn(loop_clock.sleep(3))
        assert len(tasks) == 1
        await tasks.wait_idle()
        assert (len(tasks), loop_clock.time()) == (0, 3)

    run_virtually(main())


def test_waiting_includes_tasks_that_are_spawned_meanwhile(run_virtually: Run, loop_clock: Clock) -> None:
    """A task may start the next one before it ends."""

    async def main() -> None:
        tasks = TaskSet()

        async def first() -> None:
            await loop_clock.sleep(1)
            tasks.spawn(loop_clock.sleep(5))

        tasks.spawn(first())
        await tasks.wait_idle()
        assert loop_clock.time() == 6

    run_virtually(main())


def test_a_cancelled_wait_leaves_the_tasks_running(run_virtually: Run, loop_clock: Clock) -> None:
    """A caller whose patience ends gives up only its wait."""

    async def main() -> None:
        tasks = TaskSet()
        task = tasks.spawn(loop_clock.sleep(3))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                await tasks.wait_idle()
        assert not task.done()
        await task

    run_virtually(main())


def test_closing_cancels_and_waits_for_the_cleanup(run_virtually: Run, loop_clock: Clock) -> None:
    """Nothing of the set runs once it is closed."""
    cleaned_up = []

    async def work() -> None:
        try:
            await loop_clock.sleep(60)
        finally:
            await loop_clock.sleep(1)
            cleaned_up.append(True)

    async def main() -> None:
        tasks = TaskSet()
        tasks.spawn(work())
        await loop_clock.sleep(1)
        await tasks.close()
        assert (cleaned_up, len(tasks), loop_clock.time()) == ([True], 0, 2)

    run_virtually(main())


def test_an_exception_that_ends_a_task_is_logged_at_once(run_virtually: Run) -> None:
    """A background failure is not lost, and does not wait for the garbage collector."""

    async def fail() -> None:
        raise ValueError("broken")

    async def main() -> None:
        tasks = TaskSet()
        with capture_logs() as logs:
            tasks.spawn(fail(), name="doomed")
            await tasks.wait_idle()
            await asyncio.sleep(0)
        assert [(entry["event"], entry["task"]) for entry in logs] == [("concurrency.task_failed", "doomed")]

    run_virtually(main())


def test_a_task_runs_with_the_context_it_is_given(run_virtually: Run) -> None:
    """Context variables of a delivery, not those of the caller, apply to its calls."""
    variable = ContextVar("variable", default="caller")

    async def read() -> str:
        return variable.get()

    async def main() -> None:
        context = contextvars.copy_context()
        context.run(variable.set, "delivery")
        assert await TaskSet().spawn(read(), context=context) == "delivery"

    run_virtually(main())


def test_callers_of_one_key_share_its_task(run_virtually: Run, loop_clock: Clock) -> None:
    """The work of a key runs once at a time, and again once it has ended."""
    started: list[str] = []

    async def main() -> None:
        tasks: KeyedTasks[str, str] = KeyedTasks()

        async def load() -> str:
            started.append("a")
            await loop_clock.sleep(1)
            return "A"

        first, second = tasks.get_or_spawn("a", load), tasks.get_or_spawn("a", load)
        assert first is second is tasks.get("a")
        assert await first == "A"
        await tasks.wait_idle()
        assert tasks.get("a") is None
        await tasks.get_or_spawn("a", load)
        assert started == ["a", "a"]

    run_virtually(main())


def test_closing_keyed_tasks_cancels_them(run_virtually: Run, loop_clock: Clock) -> None:
    """No task is left, and no time passes."""

    async def main() -> None:
        tasks: KeyedTasks[int, None] = KeyedTasks()
        task = tasks.get_or_spawn(1, lambda: loop_clock.sleep(60))
        await tasks.close()
        assert task.cancelled()
        assert tasks.get(1) is None
        assert loop_clock.time() == 0

    run_virtually(main())
