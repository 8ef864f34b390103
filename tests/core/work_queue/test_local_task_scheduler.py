"""Periodic tasks of one process.

``tests/contracts/test_periodic_tasks.py`` has what both schedulers promise.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from core.domain.errors import StoreUnavailable
from core.ports.periodic_tasks import PeriodicTask
from core.work_queue.local_task_scheduler import RETRY_S, LocalTaskScheduler
from tests.virtual_time import LoopClock

pytestmark = pytest.mark.virtual_time

HOUR_S = 3600.0
Rounds = list[float]


@pytest.fixture
async def scheduler(loop_clock: LoopClock) -> AsyncIterator[LocalTaskScheduler]:
    """A scheduler that is closed at the end."""
    made = LocalTaskScheduler(loop_clock)
    yield made
    await made.close()


@pytest.fixture
def rounds() -> Rounds:
    """The times at which rounds began."""
    return []


def task(rounds: Rounds, clock: LoopClock, fail: Callable[[int], Exception | None]) -> PeriodicTask:
    """Return an hourly task; ``fail`` tells by the round's number how it fails."""

    async def run() -> None:
        rounds.append(clock.time())
        if (error := fail(len(rounds))) is not None:
            raise error

    return PeriodicTask(name="sweep", every_s=HOUR_S, run=run)


async def test_a_round_at_the_start_and_then_in_its_interval(
    scheduler: LocalTaskScheduler, rounds: Rounds, loop_clock: LoopClock
) -> None:
    """The first round needs no waiting."""
    scheduler.schedule(task(rounds, loop_clock, lambda _: None))
    scheduler.start()
    await loop_clock.sleep(2.5 * HOUR_S)
    assert rounds == pytest.approx([0.0, HOUR_S, 2 * HOUR_S])


@pytest.mark.parametrize("error", [StoreUnavailable("gone"), ValueError("a defect")])
async def test_a_round_that_failed_comes_again_sooner(
    scheduler: LocalTaskScheduler, rounds: Rounds, loop_clock: LoopClock, error: Exception
) -> None:
    """After five minutes, not after the whole interval; the next one has its usual interval again."""
    scheduler.schedule(task(rounds, loop_clock, lambda number: error if number == 1 else None))
    scheduler.start()
    await loop_clock.sleep(RETRY_S + 1.5 * HOUR_S)
    assert rounds == pytest.approx([0.0, RETRY_S, RETRY_S + HOUR_S])


async def test_a_round_can_be_asked_for(
    scheduler: LocalTaskScheduler, rounds: Rounds, loop_clock: LoopClock
) -> None:
    """It runs at once, and the interval counts from it."""
    scheduler.schedule(task(rounds, loop_clock, lambda _: None))
    scheduler.start()
    await loop_clock.sleep(600)
    scheduler.run_soon("sweep")
    scheduler.run_soon("unknown")
    await loop_clock.sleep(HOUR_S + 1)
    assert rounds == pytest.approx([0.0, 600.0, 600.0 + HOUR_S])


async def test_a_round_that_is_asked_for_during_another_follows_it(
    scheduler: LocalTaskScheduler, loop_clock: LoopClock
) -> None:
    """What changed while a round ran is seen by the next one, and no two run at once."""
    began: Rounds = []

    async def run() -> None:
        began.append(loop_clock.time())
        await loop_clock.sleep(10)

    scheduler.schedule(PeriodicTask(name="sweep", every_s=HOUR_S, run=run))
    scheduler.start()
    await loop_clock.sleep(5)
    scheduler.run_soon("sweep")
    await loop_clock.sleep(60)
    assert began == pytest.approx([0.0, 10.0])


async def test_closing_cuts_a_round_off(scheduler: LocalTaskScheduler, loop_clock: LoopClock) -> None:
    """A round can be done at the next start; the process shall end now."""
    cut = asyncio.Event()

    async def run() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cut.set()
            raise

    scheduler.schedule(PeriodicTask(name="sweep", every_s=HOUR_S, run=run))
    scheduler.start()
    await loop_clock.sleep(1)
    await scheduler.close()
    assert cut.is_set()
