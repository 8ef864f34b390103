"""A small account in the whole service: a short line that people see, not errors."""

import asyncio
from typing import Any

import pytest

from bots.simulator.kimi import Account, Faults, KimiSimulator, ScriptedReply, SeenRequest
from bots.simulator.kimi.refusal import UNAVAILABLE


def answered(seen: SeenRequest) -> ScriptedReply:
    """Repeat the question, word by word."""
    return ScriptedReply(f"An answer to: {seen.question}", chunks_per_s=10.0)


async def test_ten_people_at_once_at_tier_zero(world: Any) -> None:
    """All are answered in the order they asked, none is refused, and whoever waits sees their place."""
    world.kimi.account, world.kimi.script = Account.tier(0), answered
    await world.start(kimi_tier=0)
    rooms = [world.direct(f"Person{number}") for number in range(10)]
    for number, room in enumerate(rooms):
        await room.ask(f"问题 {number}？" if number == 9 else f"Question {number}?")
        while len(await world.rows("SELECT id FROM turns")) <= number:  # noqa: ASYNC110 (rows tell no event)
            await asyncio.sleep(0.01)  # each stands in line before the next one asks
    for number, room in enumerate(rooms[:9]):
        await room.shows(f"An answer to: Question {number}?", exactly=True)
    await rooms[9].shows("An answer to: 问题 9？", exactly=True)
    assert await world.done(10) == ["complete"] * 10
    assert world.kimi.refusals == []
    asked = [seen.question for seen in world.requests]
    assert asked == [f"Question {number}?" for number in range(9)] + ["问题 9？"]
    for number, room in enumerate(rooms):
        (answer,) = room.answers
        seen = [frame.message.text for frame in room.frames(answer)]
        if number >= 4:
            assert any("in line, about" in text or "你排在第" in text for text in seen), seen
    assert any("你排在第" in frame.message.text for frame in rooms[9].frames(rooms[9].answers[0]))
    world.assert_calm()


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["telegram"])
async def test_an_outage_of_the_first_provider_under_load(world: Any) -> None:
    """Through outage and return everybody gets one whole answer, from either provider, and no notice."""
    down = False

    def first(seen: SeenRequest) -> ScriptedReply:
        return ScriptedReply("", faults=Faults(refuse=UNAVAILABLE)) if down else answered(seen)

    world.kimi.script = first
    async with KimiSimulator(clock=world.clock, script=answered) as second:
        await world.start(kimi_tier=1, kimi_api_key_2="sk-test", kimi_base_url_2=second.base_url)
        rooms = [world.direct(f"Person{number}") for number in range(18)]
        for number, room in enumerate(rooms):
            down = 4 <= number < 10
            question = f"Question {number}?"
            await room.ask(question)
            await world.until(
                lambda question=question: (
                    question in [seen.question for seen in (*world.requests, *second.requests)]
                ),
                "somebody was asked while it was as it should be",
            )
            await world.clock.sleep(4.0)
        for number, room in enumerate(rooms):
            await room.shows(f"An answer to: Question {number}?", exactly=True)
        assert await world.done(18) == ["complete"] * 18
    assert all(len(room.answers) == 1 for room in rooms)
    served = [
        seen.question for seen in (*world.requests, *second.requests) if seen.finished and not seen.refusal
    ]
    assert sorted(served) == sorted(f"Question {number}?" for number in range(18))
    assert "Question 6?" in [seen.question for seen in second.requests]
    assert world.requests[-1].question == "Question 17?"
    world.assert_calm()
