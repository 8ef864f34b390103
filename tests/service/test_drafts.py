"""Telegram's native drafts through the whole service: seen at once, kept as one message."""

from typing import Any

import pytest

from bots.simulator.kimi import answer_with

LONG = " ".join(f"word{number}" for number in range(1, 121)) + "."

pytestmark = pytest.mark.parametrize("platform", ["telegram"])


def drafts(world: Any) -> list[Any]:
    """Return the calls that showed a draft."""
    return [call for call in world.sim.calls if call.method == "sendMessageDraft"]


async def test_an_answer_grows_as_a_draft_and_ends_as_one_message(world: Any) -> None:
    """Many drafts, one message with the whole answer and its buttons, no edit, no refused call."""
    world.kimi.script = answer_with(LONG, chunks_per_s=20)
    await world.start(telegram_drafts="on")
    room = world.direct()
    await room.ask("Count for me, please.")
    shown = await room.shows(LONG, exactly=True)
    assert await world.done(1) == ["complete"]
    assert len(drafts(world)) > 6
    assert [frame.kind for frame in room.frames(shown)] == ["posted"]
    assert [value for _, value in shown.buttons] == ["retry", "good", "bad"]
    seen = [frame.status for frame in world.screen.frames if frame.kind == "status" and " " in frame.status]
    assert all(LONG.startswith(words) for words in seen)
    assert world.screen.frames[-2].kind == "status"  # the draft went as the message came
    assert len(room.answers) == 1
    world.assert_calm()


async def test_in_a_group_nothing_changes(world: Any) -> None:
    """A group sees a message that is edited."""
    world.kimi.script = answer_with(LONG, chunks_per_s=20)
    await world.start(telegram_drafts="on")
    room = world.group()
    await room.ask("Count for me, please.")
    shown = await room.shows(LONG, exactly=True)
    assert len(room.frames(shown)) >= 3
    assert drafts(world) == []


async def test_stop_under_the_draft_keeps_what_was_said(world: Any) -> None:
    """Telegram's own Stop ends the answer; its words stand in a message."""
    world.kimi.script = answer_with(LONG, chunks_per_s=8)
    await world.start(telegram_drafts="on")
    room = world.direct()
    await room.ask("Count for me, please.")
    await world.until(lambda: len(drafts(world)) >= 3, "a draft stands")
    await world.sim.stop_draft(int(room.channel), room.people[0])
    shown = await room.shows("(stopped)")
    assert await world.done(1) == ["stopped"]
    assert shown.text.startswith("word1 word2")
    assert len(room.answers) == 1


@pytest.mark.parametrize("available", [True, False])
async def test_a_refused_draft_loses_nothing(world: Any, available: bool) -> None:
    """Where drafts are refused, at first or in the middle, the answer goes on as a message."""
    world.kimi.script = answer_with(LONG, chunks_per_s=20)
    await world.start(telegram_drafts="on")
    world.sim.drafts_available = available
    room = world.direct()
    await room.ask("Count for me, please.")
    if available:
        await world.until(lambda: len(drafts(world)) >= 3, "a draft stands")
        world.sim.drafts_available = False
    shown = await room.shows(LONG, exactly=True)
    assert await world.done(1) == ["complete"]
    assert len(room.frames(shown)) >= 3
    assert len(room.answers) == 1
    assert world.sim.refused == []


async def test_a_flooded_draft_goes_over_to_a_message(world: Any) -> None:
    """A 429 for drafts delays nothing: the chat's own budget is another."""
    world.kimi.script = answer_with(LONG, chunks_per_s=20)
    await world.start(telegram_drafts="on")
    room = world.direct()
    world.sim.faults.next("sendMessageDraft", "429", seconds=120)
    await room.ask("Count for me, please.")
    shown = await room.shows(LONG, exactly=True)
    assert len(room.frames(shown)) >= 3
    assert len(drafts(world)) == 1


async def test_a_restart_in_the_middle_of_a_draft(world: Any) -> None:
    """What a process had shown as a draft only is said by the next one, once."""
    world.kimi.script = answer_with(LONG, chunks_per_s=10)
    await world.start(telegram_drafts="on", shutdown_grace_s=0.1)
    room = world.direct()
    await room.ask("Count for me, please.")
    await world.until(lambda: len(drafts(world)) >= 4, "a draft stands")
    await world.stop()
    assert room.answers == []
    await world.start()
    await room.shows(LONG, exactly=True)
    assert await world.done(1) == ["complete"]
    assert len(room.answers) == 1
    assert len({call.params["draft_id"] for call in drafts(world)}) == 1
