"""What one process alone had in the account outlives it."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import event
from structlog.testing import capture_logs

from core.domain.errors import StoreUnavailable
from core.llm import WriteBehindStore
from core.llm.limiter_state import LimiterState
from core.llm.write_behind_store import FLUSH_AFTER_S
from core.store import Database, migrate
from core.store.shared_state import LLM_LIMITER_STATE


def counted(state: LimiterState, _: float) -> tuple[LimiterState, int]:
    """Raise a number by one, and return it."""
    return replace(state, seq=state.seq + 1), state.seq + 1


async def test_the_process_after_goes_on(database: Database) -> None:
    """State and version of a ledger that was closed are those that the next one begins with."""
    first = WriteBehindStore(database, "account")
    for _ in range(3):
        await first.update(counted)
    await first.close()
    second = WriteBehindStore(database, "account")
    assert await second.version() == 3
    assert await second.update(counted) == (4, 4)
    await second.close()


async def test_a_crash_forgets_a_moment_at_most(database: Database) -> None:
    """What was changed longer ago than a moment is stored, though nobody closed the ledger."""
    ledger = WriteBehindStore(database, "account")
    await ledger.update(counted)
    async with asyncio.timeout(20 * FLUSH_AFTER_S):
        while True:
            async with database.read() as tx:
                if await LLM_LIMITER_STATE.load_version(tx, "account") == 1:
                    break
            await asyncio.sleep(0.01)
    await ledger.close()


async def test_many_changes_are_stored_together(database: Database) -> None:
    """A rush of changes is a handful of writes, and none of them waits for one."""
    ledger = WriteBehindStore(database, "account")
    await ledger.version()
    written: list[str] = []
    event.listen(
        database.engine.sync_engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: written.append(statement),
    )
    for _ in range(500):
        await ledger.update(counted)
    await ledger.close()
    saves = [statement for statement in written if statement.startswith("INSERT INTO llm_limiter_state")]
    assert 1 <= len(saves) <= 20


async def test_a_database_that_is_away_holds_nobody_up(sqlite_url: str) -> None:
    """Changes go on while nothing can be stored; who never could read the state is told so."""
    database = Database(sqlite_url)
    ledger = WriteBehindStore(database, "account")
    with pytest.raises(StoreUnavailable):
        await ledger.update(counted)  # no tables yet
    await migrate.upgrade(sqlite_url)
    await ledger.update(counted)
    async with database.begin() as tx:
        await tx.exec_driver_sql("DROP TABLE llm_limiter_state")
    with capture_logs() as logs:
        assert (await ledger.update(counted))[0] == 2
        assert logs == []  # nobody waited for an attempt to store it
        await ledger.close()
    assert [line["event"] for line in logs] == ["limiter.save_failed"]
    await database.close()
