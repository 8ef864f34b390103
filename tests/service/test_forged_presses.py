"""Presses that no button offered: a changed client can send any data for any message that it sees."""

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import pytest

CORPUS = tomllib.loads((Path(__file__).parents[1] / "attacks" / "attacks.toml").read_text(encoding="utf-8"))
FORGED: list[str] = CORPUS["button_data"]["texts"]
UNTOUCHED = ("conversation_settings", "chat_rules", "blocked_people", "handoffs", "canned_responses")


async def stored_feedback(world: Any) -> None:
    """Wait until a verdict is stored: everything that was pressed before it has been handled."""
    async with asyncio.timeout(60):
        while True:
            if await world.rows("SELECT * FROM feedback"):
                return
            await asyncio.sleep(0.05)


async def forge(world: Any, room: Any, person: int, message: Any, data: list[str]) -> None:
    """Press each of ``data`` under a message."""
    for one in data:
        await world.forge(room, room.people[person], message, one)


async def test_forged_data_leaves_an_answer_as_it_is(world: Any) -> None:
    """Another member's presses show nothing, change nothing and never write over the answer."""
    await world.start(group_changes="everyone")
    room = world.group("Ann", "Mallory")
    await room.ask("Why?")
    await world.done(1)
    answer = room.answers[-1]
    before, asked = len(world.screen.frames), len(world.requests)

    await forge(world, room, 1, answer, FORGED)
    await forge(world, room, 1, answer, ["retry"])  # offered, but to the person who asked
    await forge(world, room, 0, answer, ["good"])
    await stored_feedback(world)

    assert room.answers[-1].text == answer.text
    assert len(room.answers) == 1
    assert [frame.kind for frame in world.screen.frames[before:]] == []
    assert len(world.requests) == asked
    for table in UNTOUCHED:
        assert await world.rows(f"SELECT * FROM {table}") == [], table  # noqa: S608 (our own names)
    assert await world.outcomes() == ["complete"]


async def test_the_askers_own_forged_data_leaves_the_answer_too(world: Any) -> None:
    """Under an answer a command is no choice, not even for the person who asked: they can type it."""
    await world.start(group_changes="everyone")
    room = world.direct()
    await room.ask("Why?")
    await world.done(1)
    answer = room.answers[-1]
    await forge(world, room, 0, answer, FORGED)
    await forge(world, room, 0, answer, ["good"])
    await stored_feedback(world)
    assert [shown.text for shown in room.answers] == [answer.text]
    assert await world.outcomes() == ["complete"]


@pytest.mark.parametrize("platform", ["telegram"])
async def test_another_members_press_leaves_a_menu_as_it_is(world: Any) -> None:
    """A menu is for the person who gave the command; its own data from somebody else does nothing."""
    await world.start(group_changes="everyone")
    room = world.group("Ann", "Mallory")
    await room.order("model", person=0)
    menu = await room.shows("kimi-k3.1-pro")
    data = [value for _, value in menu.buttons]
    await forge(world, room, 1, menu, data)
    await room.press("kimi-k3.1-pro-highspeed", person=0)
    told = await room.shows("answers from the next question on")
    assert told.message_id == menu.message_id
    rows = await world.rows("SELECT value FROM conversation_settings WHERE name = 'model'")
    assert [row.value for row in rows] == ["kimi-k3.1-pro-highspeed"]
