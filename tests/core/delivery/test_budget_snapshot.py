"""A process that restarts knows what the one before it has spent."""

from pathlib import Path

import pytest

from core.delivery.budget_snapshot import BudgetSnapshotter
from core.delivery.scheduler import DeliveryScheduler
from core.domain.clock import SystemClock
from core.ports.platform import Budget
from core.store import Database, migrate
from core.store import delivery as rows

BUCKET = Budget(key="b", per_s=0.01, burst=3)
WINDOW = Budget(key="w", per_s=20 / 60, burst=20, window_s=60)


@pytest.fixture
async def sqlite_database(tmp_path: Path) -> Database:
    """An open, migrated SQLite file."""
    url = f"sqlite:///{tmp_path / 'kept.db'}"
    await migrate.upgrade(url)
    return Database(url)


def spend(scheduler: DeliveryScheduler, calls: int, now: float) -> None:
    """Spend calls of both budgets whose replies are there."""
    for call in range(calls):
        for budget in (BUCKET, WINDOW):
            bucket = scheduler.bucket(budget, now)
            bucket.start(call, now)
            bucket.complete(call, now)
    scheduler.calls_made += calls


async def test_a_restart_goes_on_with_what_was_spent(sqlite_database: Database) -> None:
    """Bucket and window are as empty after a restart as before it."""
    clock = SystemClock()
    before = DeliveryScheduler()
    keeper = BudgetSnapshotter(sqlite_database, clock, before)
    await keeper.start()
    spend(before, 3, clock.time())
    await keeper.close()
    after = DeliveryScheduler()
    again = BudgetSnapshotter(sqlite_database, clock, after)
    await again.start()
    now = clock.time()
    assert after.bucket(BUCKET, now).level(now) == pytest.approx(0.0, abs=0.2)
    assert after.bucket(WINDOW, now).level(now) == 17
    await again.close()
    await sqlite_database.close()


async def test_nothing_is_kept_where_all_budgets_are_full_again(sqlite_database: Database) -> None:
    """Calls that were spent, and have refilled since, leave nothing to store."""
    before = DeliveryScheduler()
    keeper = BudgetSnapshotter(sqlite_database, SystemClock(), before)
    await keeper.start()
    before.calls_made += 1
    await keeper.close()
    async with sqlite_database.read() as tx:
        assert await rows.load_all(tx) == {}
    await sqlite_database.close()


async def test_calls_whose_replies_nobody_hears_count(sqlite_database: Database) -> None:
    """A call that was in the air at the crash is taken as made."""
    clock = SystemClock()
    before = DeliveryScheduler()
    keeper = BudgetSnapshotter(sqlite_database, clock, before)
    await keeper.start()
    before.bucket(WINDOW, clock.time()).start("lost", clock.time())
    before.calls_made += 1
    await keeper.close()
    after = DeliveryScheduler()
    again = BudgetSnapshotter(sqlite_database, clock, after)
    await again.start()
    bucket = after.bucket(WINDOW, clock.time())
    assert bucket.level(clock.time()) == 19
    assert list(bucket.in_flight) == []
    await again.close()
    await sqlite_database.close()
