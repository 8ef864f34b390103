"""Approval of tool calls: the answer ends with a question, and the press goes on with it."""

from typing import Any

import pytest

from bots.simulator.kimi import ScriptedCall, ScriptedReply, in_turn
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
