"""State that replicas share is swapped or locked, and its commits wait for no disk."""

from sqlalchemy import text

from core.store import Database, Transaction
from core.store.shared_state import DELIVERY_BUDGETS

KEY = "telegram:1:all"


async def waits_for_disk(tx: Transaction) -> bool:
    """Return whether the commit of a transaction will wait until it is on the disk."""
    if tx.dialect.name == "sqlite":
        return True
    return (await tx.execute(text("SHOW synchronous_commit"))).scalar() != "off"


async def test_only_transactions_on_shared_state_do_not_wait_for_the_disk(database: Database) -> None:
    """PostgreSQL may lose the last half second of limits in a crash, and of nothing else (we chose)."""
    on_sqlite = database.dialect == "sqlite"
    async with database.begin() as tx:
        if not on_sqlite:
            await tx.execute(text("SET LOCAL synchronous_commit = on"))
        await DELIVERY_BUDGETS.lock(tx, [KEY])
        assert await waits_for_disk(tx) is on_sqlite
        await DELIVERY_BUDGETS.save(tx, {KEY: (1, {"a": 1})})
    async with database.begin() as tx:
        if not on_sqlite:
            await tx.execute(text("SET LOCAL synchronous_commit = on"))
        assert await waits_for_disk(tx)
        assert await DELIVERY_BUDGETS.compare_and_swap(tx, KEY, {"a": 2}, version=1)
        assert await waits_for_disk(tx) is on_sqlite


async def test_a_row_that_has_changed_is_not_swapped(database: Database) -> None:
    """The version tells."""
    async with database.begin() as tx:
        await DELIVERY_BUDGETS.lock(tx, [KEY])
        await DELIVERY_BUDGETS.save(tx, {KEY: (1, {"a": 1})})
        assert await DELIVERY_BUDGETS.compare_and_swap(tx, KEY, {"a": 2}, version=1)
        assert not await DELIVERY_BUDGETS.compare_and_swap(tx, KEY, {"a": 3}, version=1)
    async with database.read() as tx:
        assert await DELIVERY_BUDGETS.load_all(tx) == {KEY: {"a": 2}}
