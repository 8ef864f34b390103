"""Two replicas on one PostgreSQL answer in one workspace: its budgets hold for both together."""

import asyncio
from typing import Any

import pytest

from bots.simulator.kimi import answer_with

LONG = " ".join(f"word{number}" for number in range(1, 1001)) + "."


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["slack"])
@pytest.mark.parametrize("backend", ["postgresql"])
async def test_answers_of_two_replicas_never_pass_slacks_limits_together(world: Any) -> None:
    """A dozen answers at once, by two replicas: all whole, each once, and nothing is refused."""
    world.kimi.script = answer_with(LONG, chunks_per_s=20)
    other = type(world)(
        kimi=world.kimi, sim=world.sim, clock=world.clock, database_url=world.database_url, given=world.given
    )
    try:
        await world.start()
        await other.start()
        rooms = [world.group(f"Ann {index}") for index in range(12)]
        await asyncio.gather(*(room.ask("Count for me, please.") for room in rooms))
        for room in rooms:
            await room.shows(LONG, exactly=True)
        assert await world.done(12) == ["complete"] * 12
    finally:
        await other.stop()
    assert [len(room.answers) for room in rooms] == [1] * 12
    assert len(world.requests) == 12
    assert world.sim.refused == []
    both = await world.rows("SELECT state FROM delivery_budgets")
    assert len({name for (row,) in both for name in row["loads"]}) == 2
    world.assert_calm()
