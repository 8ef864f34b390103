"""Replicas that share a platform's budget through the database never exceed it together.

The rules themselves are tested in ``test_shared_budget.py`` and, over whole answers, in
``test_budgeted_calls.py``; this is the store under them, on both databases.
"""

import asyncio

import pytest

from core.delivery.budget_codec import decode_budget
from core.delivery.shared_budget import BudgetRequest
from core.delivery.shared_budget_store import REPORT_AFTER_S, SharedBudgetStore
from core.domain.clock import FakeClock
from core.domain.errors import StoreUnavailable
from core.ports.platform import Budget
from core.store import Database
from core.store.shared_state import DELIVERY_BUDGETS

BUDGET = Budget(key="fake:c", per_s=0.001, burst=3)
REQUEST = BudgetRequest(BUDGET)


async def calls_in_flight(database: Database) -> list[object]:
    """Return the ids of the stored budget's calls in flight."""
    async with database.begin() as tx:
        found = await DELIVERY_BUDGETS.lock(tx, [BUDGET.key])
    stored = decode_budget(found[BUDGET.key].state)
    return [] if stored is None else list(stored.state.in_flight)


async def test_concurrent_calls_of_two_replicas_get_no_more_than_the_burst(database: Database) -> None:
    """Ten calls at once in a budget of three: three are granted, whoever asks first."""
    one, other = (SharedBudgetStore(database, FakeClock(), name) for name in ("one", "other"))

    reservations = await asyncio.gather(
        *(replica.reserve([REQUEST], call) for call in range(5) for replica in (one, other))
    )

    assert sorted(reservation.granted for reservation in reservations) == [False] * 7 + [True] * 3
    assert all(one.wait_s > 0 for one in reservations if not one.granted)
    assert len(await calls_in_flight(database)) == 3
    await one.close()
    await other.close()


async def test_replies_are_reported_without_a_further_call(database: Database) -> None:
    """A call that no further call follows does not stay in flight for the others."""
    clock = FakeClock()
    one = SharedBudgetStore(database, clock, "one")
    await one.reserve([REQUEST], 1)
    one.complete([BUDGET], 1)
    await asyncio.sleep(0)  # the reporting task begins to wait
    assert await calls_in_flight(database) == ["one:1"]

    clock.advance(REPORT_AFTER_S)

    async with asyncio.timeout(100):
        while await calls_in_flight(database):
            pass
    await one.close()


async def test_replies_are_reported_with_the_next_call(database: Database) -> None:
    """One transaction does both."""
    one = SharedBudgetStore(database, FakeClock(), "one")
    await one.reserve([REQUEST], 1)
    one.complete([BUDGET], 1)

    await one.reserve([REQUEST], 2)

    assert await calls_in_flight(database) == ["one:2"]
    await one.close()


async def test_an_album_is_reported_with_all_of_its_messages(database: Database) -> None:
    """Its replies are stored with the next call, which may be an album too."""
    one = SharedBudgetStore(database, FakeClock(), "one")
    await one.reserve([REQUEST] * 2, 1)
    assert await calls_in_flight(database) == ["one:1", "one:1.1"]
    one.complete([BUDGET] * 2, 1)

    await one.reserve([REQUEST] * 2, 2)

    assert await calls_in_flight(database) == ["one:2", "one:2.1"]
    await one.close()


async def test_a_close_reports_all_replies(database: Database) -> None:
    """The others need not wait for the calls of a replica that ended."""
    one = SharedBudgetStore(database, FakeClock(), "one")
    await one.reserve([REQUEST], 1)
    one.complete([BUDGET], 1)

    await one.close()

    assert await calls_in_flight(database) == []


async def test_a_rate_limit_is_known_to_all(database: Database) -> None:
    """What the platform refused one replica, the other does not try."""
    one, other = (SharedBudgetStore(database, FakeClock(), name) for name in ("one", "other"))
    await one.record_rate_limit(BUDGET, 30.0)

    reservation = await other.reserve([REQUEST], 1)

    assert not reservation.granted
    assert reservation.wait_s == pytest.approx(30.5, abs=2)
    await one.close()
    await other.close()


async def test_unused_budgets_are_deleted(database: Database) -> None:
    """A budget that nobody spends from leaves no row behind."""
    one = SharedBudgetStore(database, FakeClock(), "one")
    await one.reserve([REQUEST], 1)
    async with database.begin() as tx:
        assert await DELIVERY_BUDGETS.delete_unused(tx, unused_s=60) == 0
        assert await DELIVERY_BUDGETS.delete_unused(tx, unused_s=-60) == 1
    await one.close()


async def test_a_database_that_is_gone_is_told() -> None:
    """The caller then goes by its own count, and replies are kept for later."""
    gone = Database("postgresql://nobody@127.0.0.1:1/nothing")
    one = SharedBudgetStore(gone, FakeClock(), "one")

    with pytest.raises(StoreUnavailable):
        await one.reserve([REQUEST], 1)

    one.complete([BUDGET], 1)
    await one.close()
    await gone.close()
