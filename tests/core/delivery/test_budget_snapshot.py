"""A process that restarts knows what its predecessor has spent."""

import pytest

from core.delivery.budget_pool import BudgetPool
from core.delivery.budget_snapshot import SAVE_INTERVAL_S, BudgetSnapshotter
from core.domain.clock import Clock
from core.ports.platform import Budget
from core.store import Database
from core.store.shared_state import DELIVERY_BUDGETS

pytestmark = pytest.mark.virtual_time

BUCKET = Budget(key="b", per_s=0.01, burst=3)
WINDOW = Budget(key="w", per_s=20 / 60, burst=20, window_s=60)


async def restart(database: Database, clock: Clock) -> BudgetPool:
    """Return the pool of a process that starts now."""
    pool = BudgetPool()
    snapshotter = BudgetSnapshotter(database, clock, pool)
    await snapshotter.start()
    await snapshotter.close()
    return pool


async def test_a_restart_continues_with_what_was_spent(virtual_database: Database, loop_clock: Clock) -> None:
    """Bucket and window are as empty after a restart as before it."""
    pool = BudgetPool()
    snapshotter = BudgetSnapshotter(virtual_database, loop_clock, pool)
    await snapshotter.start()
    for _ in range(3):
        pool.complete(pool.start((BUCKET, WINDOW), loop_clock.time()), loop_clock.time())
    await snapshotter.close()

    after = await restart(virtual_database, loop_clock)

    now = loop_clock.time()
    assert after.bucket(BUCKET, now).level(now) == pytest.approx(0.0, abs=0.2)
    assert after.bucket(WINDOW, now).level(now) == 17


async def test_a_crash_loses_the_last_second_only(virtual_database: Database, loop_clock: Clock) -> None:
    """What was spent is stored every second."""
    pool = BudgetPool()
    snapshotter = BudgetSnapshotter(virtual_database, loop_clock, pool)
    await snapshotter.start()
    pool.complete(pool.start((WINDOW,), loop_clock.time()), loop_clock.time())
    await loop_clock.sleep(SAVE_INTERVAL_S + 0.1)

    after = await restart(virtual_database, loop_clock)  # nobody closed the one before

    assert after.bucket(WINDOW, loop_clock.time()).level(loop_clock.time()) == 19
    await snapshotter.close()


async def test_nothing_is_stored_if_all_budgets_are_full_again(
    virtual_database: Database, loop_clock: Clock
) -> None:
    """Calls that were spent and have refilled since leave no row."""
    pool = BudgetPool()
    snapshotter = BudgetSnapshotter(virtual_database, loop_clock, pool)
    await snapshotter.start()
    pool.acquire((BUCKET,), 0.0)
    pool.calls_started += 1
    pool.release((BUCKET,), 0.0)
    await snapshotter.close()

    async with virtual_database.read() as tx:
        assert await DELIVERY_BUDGETS.load_all(tx) == {}


async def test_calls_whose_replies_never_came_count(virtual_database: Database, loop_clock: Clock) -> None:
    """A call that was in flight at the crash is taken as made."""
    pool = BudgetPool()
    snapshotter = BudgetSnapshotter(virtual_database, loop_clock, pool)
    await snapshotter.start()
    pool.start((WINDOW,), loop_clock.time())
    await snapshotter.close()

    after = await restart(virtual_database, loop_clock)

    now = loop_clock.time()
    assert after.bucket(WINDOW, now).level(now) == 19
    assert list(after.bucket(WINDOW, now).in_flight) == []
