"""The real process is killed while words go between customers and a desk, and started again."""

import asyncio
import random
from typing import Any

import pytest

pytestmark = pytest.mark.slow  # processes that are killed many times

KILLS = 3
WORDS = 9  #: that each side says in all
PATIENCE_S = 100.0
MARK = "word number"


def numbers(shown: list[Any]) -> list[int]:
    """The numbers of the copies that stand in a room, in order of appearance."""
    copies = [one for one in shown if one.by_bot and MARK in one.text and "#1" not in one.text]
    return [int(one.text.rsplit(" ", 1)[1]) for one in copies]


async def until(found: Any, what: str) -> Any:
    """Wait until ``found`` returns something true."""
    deadline = asyncio.get_running_loop().time() + PATIENCE_S
    while not (result := found()):
        assert asyncio.get_running_loop().time() < deadline, what
        await asyncio.sleep(0.02)
    return result


@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
async def test_each_word_has_one_copy_whenever_the_process_dies(
    process: Any, stand_ins: Any, backend: str, request: pytest.FixtureRequest
) -> None:
    """Killed between any two steps, both directions go on in order, nothing lost and nothing doubled."""
    _, _, slack = stand_ins
    if backend == "postgres":
        process.environ["DATABASE_URL"] = request.getfixturevalue("postgres_url")
    ann, lin = slack.add_person("Ann"), slack.add_person("Lin")
    room, desk = slack.open_dm(ann), slack.add_channel("desk", [lin])
    process.environ["MOONTHREAD_DESK"] = f"slack:{desk}"
    chance = random.Random(20261121)  # noqa: S311 - no secret hangs on it
    await process.start()
    await slack.say(room, ann, "I want to talk to a human")
    card = await until(
        lambda: next((one for one in slack.screen.in_channel(desk, by_bot=True) if "#1" in one.text), None),
        "the card stands",
    )
    for first in range(0, WORDS, WORDS // KILLS):
        stood = len(slack.screen.in_channel(desk, by_bot=True))
        for number in range(first, first + WORDS // KILLS):
            await slack.say(room, ann, f"customer's {MARK} {number}")
            await slack.say(desk, lin, f"team's {MARK} {number}", card.message_id)
        await until(
            lambda stood=stood: len(slack.screen.in_channel(desk, by_bot=True)) > stood, "something goes on"
        )
        await asyncio.sleep(chance.uniform(0.0, 0.3))
        await process.kill()
        await process.start()

    def all_stand() -> bool:
        rooms = (numbers(slack.screen.in_channel(channel)) for channel in (room, desk))
        return all(set(found) >= set(range(WORDS)) for found in rooms)

    await until(all_stand, "everything stands")
    assert await process.end() == 0
    for channel in (room, desk):
        assert sorted(numbers(slack.screen.in_channel(channel))) == list(range(WORDS))
    told = [one.text for one in slack.screen.in_channel(room, by_bot=True)]
    assert sum("asked our team" in text for text in told) == 1
    assert len([one for one in slack.screen.in_channel(desk, by_bot=True) if "#" in one.text]) == 1
