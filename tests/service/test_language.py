"""One language of the bot's own texts for one person, on both platforms."""

from typing import Any

import pytest

from bots.simulator.kimi import answer_with


@pytest.fixture(params=["direct", "group"])
async def room(world: Any, request: pytest.FixtureRequest) -> Any:
    """A conversation of each kind."""
    return getattr(world, request.param)()


async def test_a_person_chooses_the_language_and_keeps_it(world: Any, room: Any) -> None:
    """The choice is stored for the person in all their conversations, and concerns nobody else."""
    await world.start()
    await room.ask("Hi, what can you do?")
    await world.done(1)
    await room.order("language")
    await room.shows("which is English now")
    await room.press("中文")
    await room.shows("用中文")
    await room.order("stop")
    await room.shows("现在没有正在写的回答")
    await room.order("language auto")
    await room.shows("which is English now")


async def test_a_latin_answer_of_kimi_changes_nothing(world: Any, room: Any) -> None:
    """Whoever writes Chinese is spoken to in Chinese, whatever the answers and single questions are in."""
    world.kimi.script = answer_with("A long English answer about goroutines. " * 20)
    await world.start()
    for number, text in enumerate(("请用英文解释 goroutine", "再详细一点", "translate: good morning"), 1):
        await room.ask(text)
        await world.done(number)
    await room.order("stop")
    await room.shows("现在没有正在写的回答")
    await room.order("language klingon")
    await room.shows("我自己只会说中文")
