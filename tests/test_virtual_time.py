"""The harness of tests on virtual time keeps its promises."""

import asyncio

import pytest
from sqlalchemy import text

from core.domain.clock import Clock
from core.store import Database

pytestmark = pytest.mark.virtual_time


async def test_an_hour_passes_at_once(loop_clock: Clock) -> None:
    """Pauses take no time of the machine, and their order is that of the clock."""
    woken: list[str] = []

    async def wake(name: str, after_s: float) -> None:
        await loop_clock.sleep(after_s)
        woken.append(name)

    await asyncio.gather(wake("late", 3600), wake("early", 1))

    assert woken == ["early", "late"]
    assert loop_clock.time() == 3600


async def test_a_database_answers_without_time_passing(virtual_database: Database, loop_clock: Clock) -> None:
    """Statements run on the loop; a timer that is due later does not fire meanwhile."""
    asyncio.get_running_loop().call_later(60, pytest.fail, "time has passed")
    async with virtual_database.begin() as tx:
        await tx.execute(text("CREATE TABLE numbers (n INTEGER)"))
        await tx.execute(text("INSERT INTO numbers VALUES (7)"))
    async with virtual_database.read() as tx:
        assert (await tx.execute(text("SELECT n FROM numbers"))).scalar_one() == 7
    assert loop_clock.time() == 0


async def test_work_for_a_thread_runs_inline() -> None:
    """``asyncio.to_thread`` returns results and raises errors as with a thread."""
    assert await asyncio.to_thread(len, "abc") == 3
    with pytest.raises(ZeroDivisionError):
        await asyncio.to_thread(lambda: 1 / 0)
