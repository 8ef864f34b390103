"""Approval of tool calls: the answer ends with a question, and the press goes on with it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bots.simulator.kimi import ScriptedCall, ScriptedReply, in_turn
from core.store import schema, turns
from core.store.clock import utc_now
from tests.service import approval_tools
from tests.service.approval_tools import ORDERS

CALLS = ScriptedReply(
    "Let me order.",
    tool_calls=(
        ScriptedCall(name="stock", arguments='{"article": "mug"}'),
        ScriptedCall(name="order", arguments='{"article": "mug"}'),
    ),
)


@pytest.mark.parametrize(("platform", "backend"), [("telegram", "sqlite"), ("slack", "postgresql")])
async def test_an_approval_goes_on_in_another_process(world: Any) -> None:
    """We chose: asked by one process, approved after its end, the call is made once, in the same message."""
    ORDERS.clear()
    world.kimi.script = in_turn(CALLS, ScriptedReply("Your mug is on its way."))
    await world.start(tools=(approval_tools.__name__,))
    room = world.direct("Ann")
    await room.ask("A mug, please.")
    card = await room.shows("needs your approval")
    assert '{"article": "mug"}' in card.text
    assert [label.split()[-1] for label, _ in card.buttons] == ["Approve", "here", "Deny"]
    assert await world.done(1) == ["approval"]
    assert ORDERS == []
    await world.stop()
    await world.start()
    await room.press("Approve")
    await room.shows("Let me order.\n\nUsing order: mug")
    shown = await room.shows("Your mug is on its way.")
    assert await world.done(2) == ["approval", "complete"]
    assert ORDERS == ["mug"]
    assert len(room.answers) == 1
    assert "Let me order." in shown.text
    assert "approved" in shown.text
    roles = [one["role"] for one in world.requests[-1].messages]
    assert roles[-3:] == ["assistant", "tool", "tool"]
    assert "mug is ordered" in str(world.requests[-1].messages[-1])


@pytest.mark.parametrize(("platform", "backend"), [("telegram", "sqlite")])
async def test_a_denied_call_is_not_made_and_always_asks_no_more(world: Any) -> None:
    """Deny is told to the model; after "Always here" the tool is called without a question."""
    ORDERS.clear()
    call = ScriptedReply("", tool_calls=CALLS.tool_calls[1:])
    world.kimi.script = in_turn(
        call, ScriptedReply("Then not."), call, ScriptedReply("Done."), call, ScriptedReply("Done again.")
    )
    await world.start(tools=(approval_tools.__name__,))
    room = world.direct("Ann")
    await room.ask("A mug, please.")
    await room.press("Deny")
    assert "denied" in (await room.shows("Then not.")).text
    assert "did not allow" in str(world.requests[-1].messages[-1])
    assert ORDERS == []
    await room.ask("A mug after all.")
    await room.press("Always here")
    await room.shows("Done.")
    await room.ask("And another.")
    await room.shows("Done again.")
    assert ORDERS == ["mug", "mug"]


async def test_others_decide_nothing_and_a_second_press_changes_nothing(world: Any) -> None:
    """In a group the asker decides, once; another member's press and a later one are as if not made."""
    ORDERS.clear()
    world.kimi.script = in_turn(CALLS, ScriptedReply("Your mug is on its way."))
    await world.start(tools=(approval_tools.__name__,))
    room = world.group("Ann", "Eve")
    await room.ask("A mug, please.")
    card = await room.shows("needs your approval")
    assert not any("Always" in label for label, _ in card.buttons)  # an admin's own question offers it
    assert await world.done(1) == ["approval"]
    for _, value in card.buttons:
        await world.forge(room, room.people[1], card, value)
    approve, deny = (value for _, value in card.buttons)
    await world.forge(room, room.people[0], card, approve.replace(":yes:", ":always:"))  # not offered
    await world.press(room, room.people[0], "Approve")
    await world.forge(room, room.people[0], card, deny)
    shown = await room.shows("Your mug is on its way.")
    assert await world.done(2) == ["approval", "complete"]
    assert "Ann approved" in shown.text
    assert ORDERS == ["mug"]
    assert len(world.requests) == 2
    assert await world.rows("SELECT 1 FROM chat_rules") == []
    assert approve != deny


async def test_the_conversation_goes_on_while_a_question_waits(world: Any) -> None:
    """We chose: later questions are answered at once and know of the call; a press goes on in its message."""
    ORDERS.clear()
    world.kimi.script = in_turn(CALLS, ScriptedReply("Green tea."), ScriptedReply("The mug is on its way."))
    await world.start(tools=(approval_tools.__name__,), kimi_concurrency=1)
    room = world.direct("Ann")
    await room.ask("A mug, please.")
    card = await room.shows("needs your approval")
    await world.queued(0)
    await room.ask("Which tea?")
    await room.shows("Green tea.")
    assert await world.done(2) == ["approval", "complete"]
    assert "Calls that wait for a person's approval" in str(world.question_of(1))
    approve = next(value for label, value in card.buttons if "Approve" in label)
    await world.forge(room, room.people[0], card, approve)
    shown = await room.shows("The mug is on its way.")
    assert shown.message_id == card.message_id
    assert await world.done(3) == ["approval", "complete", "complete"]
    assert "Which tea?" not in str(world.question_of(2))
    assert ORDERS == ["mug"]


@pytest.mark.parametrize("platform", ["telegram"])
async def test_a_press_after_the_time_says_that_it_is_over(world: Any) -> None:
    """Nothing is called, Kimi is told, and "Always here" allows nothing."""
    ORDERS.clear()
    world.kimi.script = in_turn(CALLS, ScriptedReply("Shall I ask again?"))
    await world.start(tools=(approval_tools.__name__,))
    room = world.direct("Ann")
    await room.ask("A mug, please.")
    await room.shows("needs your approval")
    async with world.service.database.begin() as tx:
        turn = await turns.get(tx, 1)
        past = replace(turn.approval, expires_at=utc_now() - timedelta(seconds=1))
        await tx.execute(update(schema.turns).values(approval=past))
    await room.press("Always here")
    shown = await room.shows("Shall I ask again?")
    assert "the time to approve was over" in shown.text
    assert "in time" in str(world.requests[-1].messages[-1])
    assert ORDERS == []
    assert await world.rows("SELECT 1 FROM conversation_settings") == []


@pytest.mark.parametrize(("platform", "backend"), [("slack", "postgresql")])
async def test_another_replica_goes_on_with_a_press(world: Any) -> None:
    """Asked by one replica, which then stops; the other one has run all the time and takes the press."""
    ORDERS.clear()
    world.kimi.script = in_turn(CALLS, ScriptedReply("Your mug is on its way."))
    other = type(world)(
        kimi=world.kimi, sim=world.sim, clock=world.clock, database_url=world.database_url, given=world.given
    )
    try:
        await world.start(tools=(approval_tools.__name__,))
        room = world.direct("Ann")
        await room.ask("A mug, please.")
        await room.shows("needs your approval")
        assert await world.done(1) == ["approval"]
        await other.start()
        await world.stop()
        await room.press("Approve")
        await room.shows("Your mug is on its way.")
        assert await other.done(2) == ["approval", "complete"]
    finally:
        await other.stop()
    assert ORDERS == ["mug"]
    assert len(room.answers) == 1
