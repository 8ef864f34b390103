"""Telegram's rich messages through the whole service."""

from typing import Any

import pytest

from bots.simulator.kimi import answer_with

ROWS = "| name | value |\n|---|---|\n| one | 1 |\n| two | 2 |"
ANSWER = f"Here are **two** rows:\n\n{ROWS}\n\nThat is all of it."

pytestmark = pytest.mark.parametrize("platform", ["telegram"])


@pytest.mark.parametrize("buttons", ["on", "off"])
@pytest.mark.parametrize("drafts", ["on", "off"])
async def test_a_finished_table_is_a_rich_message(world: Any, drafts: str, buttons: str) -> None:
    """The answer grows as text, and its last frame is the one with blocks; a follow-up knows it."""
    world.kimi.script = answer_with(ANSWER, chunks_per_s=8)
    await world.start(telegram_rich="on", telegram_drafts=drafts, buttons=buttons)
    room = world.direct()
    await room.ask("Two rows, please.")
    shown = await room.shows("two | 2\nThat is all of it.")
    assert await world.done(1) == ["complete"]
    assert [block["type"] for block in shown.blocks] == ["paragraph", "table", "paragraph"]
    assert len(room.answers) == 1
    kinds = [bool(frame.message.blocks) for frame in room.frames(shown)]
    assert kinds == [False] * (len(kinds) - 1) + [True]
    assert (len(kinds) == 1) is (drafts == "on")
    world.assert_calm()


async def test_a_server_without_rich_messages_shows_the_table_all_the_same(world: Any) -> None:
    """The refusal costs a moment and no word."""
    world.kimi.script = answer_with(ANSWER, chunks_per_s=8)
    await world.start(telegram_rich="on")
    world.sim.rich_available = False
    room = world.direct()
    await room.ask("Two rows, please.")
    shown = await room.shows("two  | 2\n\nThat is all of it.")
    assert await world.done(1) == ["complete"]
    assert "pre" in [entity["type"] for entity in shown.entities]
    assert len(room.answers) == 1
    assert world.sim.refused == []
