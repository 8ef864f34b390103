"""Replicas that share one platform's budget through the database never pass it together."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from core.delivery.dispatcher import DeliveryDispatcher
from core.delivery.shared_budget import BudgetRequest
from core.delivery.shared_budget_store import SharedBudgetStore
from core.domain.addresses import Address
from core.domain.bot_messages import MessageRef
from core.domain.clock import ScaledClock
from core.ports.platform import Budget
from core.store import Database
from core.store import delivery as rows

FACTOR = 5.0
BUDGET = Budget(key="fake:c", per_s=1.0, burst=3)


async def keep(_: Sequence[MessageRef]) -> None:
    """Store nothing."""


async def answer(
    courier: DeliveryDispatcher, clock: ScaledClock, surface: Any, address: Address, marker: str
) -> float:
    """Show eight seconds of words; return how long the whole text took after the last word."""
    delivery = courier.open(surface, address, idempotency_key=marker, on_refs_changed=keep)
    try:
        for index in range(160):
            delivery.append(f"word{index} ")
            await clock.sleep(0.05)
        said_at = clock.time()
        await delivery.finish()
        return clock.time() - said_at
    finally:
        delivery.close()


async def test_two_replicas_share_one_chat(
    database: Database, fake_surface: Any, address: Callable[..., Address]
) -> None:
    """Two answers in one chat by two replicas: no refusal, both whole, the last words soon."""
    clock = ScaledClock(FACTOR)
    surface = fake_surface(per_s=1.0, burst=3.0)
    enforced = fake_surface(per_s=FACTOR, burst=3.0)  # the same, by the loop's own time
    surface._call = enforced._call
    couriers = [
        DeliveryDispatcher(clock, shared_budgets=SharedBudgetStore(database, clock, replica))
        for replica in ("one", "other")
    ]
    for courier in couriers:
        courier.start()
    late_s = await asyncio.gather(
        *(answer(courier, clock, surface, address(), f"{index}") for index, courier in enumerate(couriers))
    )
    for courier in couriers:
        await courier.close()
    whole = "".join(f"word{index} " for index in range(160))
    assert enforced.refused == []
    assert [text.strip() for text in surface.screen.values()] == [whole.strip()] * 2
    assert max(late_s) < 3.0
    async with database.begin() as tx:
        _, kept = await rows.lock(tx, ["fake:c"])
    assert kept["fake:c"]["flying"] == {}


async def test_replies_are_told_by_themselves(database: Database) -> None:
    """A call that no further frame follows does not stay in the air for the others."""
    clock = ScaledClock(20)
    one = SharedBudgetStore(database, clock, "one")
    assert (await one.reserve([BudgetRequest(BUDGET)], 1)).granted
    one.complete([BUDGET], 1)
    await clock.sleep(4)
    async with database.begin() as tx:
        _, kept = await rows.lock(tx, [BUDGET.key])
    assert kept[BUDGET.key]["flying"] == {}
    await one.close()


async def test_a_refusal_is_known_to_all(database: Database) -> None:
    """What the platform refused one replica, the other does not try."""
    clock = ScaledClock(1)
    one, other = SharedBudgetStore(database, clock, "one"), SharedBudgetStore(database, clock, "other")
    await one.record_rate_limit(BUDGET, 30.0)
    verdict = await other.reserve([BudgetRequest(BUDGET)], 1)
    assert not verdict.granted
    assert verdict.wait_s == pytest.approx(30.5, abs=2)


async def test_a_store_that_is_gone_keeps_no_words_back(
    fake_surface: Any, address: Callable[..., Address]
) -> None:
    """Where the database does not answer, a replica goes by its own count."""
    clock = ScaledClock(FACTOR)
    gone = Database("postgresql://nobody@127.0.0.1:1/nothing")
    surface = fake_surface(per_s=FACTOR, burst=3.0)
    courier = DeliveryDispatcher(clock, shared_budgets=SharedBudgetStore(gone, clock, "one"))
    courier.start()
    delivery = courier.open(surface, address(), idempotency_key="7", on_refs_changed=keep)
    delivery.append("all of it")
    await delivery.finish()
    await courier.close()
    await gone.close()
    assert list(surface.screen.values()) == ["all of it"]


async def test_old_budgets_are_forgotten(database: Database) -> None:
    """A budget that nobody spends from leaves no row behind."""
    one = SharedBudgetStore(database, ScaledClock(1), "one")
    await one.reserve([BudgetRequest(BUDGET)], 1)
    async with database.begin() as tx:
        assert await rows.delete_unused(tx, unused_s=60) == 0
        assert await rows.delete_unused(tx, unused_s=-60) == 1
    await one.close()
