"""``/tools`` on both platforms: a chat's admin switches tools with buttons; nobody else can."""

from typing import Any

import pytest

from bots.simulator.kimi import ScriptedReply, in_turn
from tests.service import approval_tools
from tests.service.approval_tools import ORDERS
from tests.service.test_approvals import CALLS


def offered(world: Any) -> list[str]:
    """The tools that Kimi's latest request offers."""
    return [one["function"]["name"] for one in world.requests[-1].body.get("tools", ())]


async def test_an_admin_switches_a_tool_off_for_the_whole_group(world: Any) -> None:
    """The next answer is not offered it; a member who is no admin sees the list without switches."""
    await world.start(tools=(approval_tools.__name__,))
    if world.name == "telegram":
        room, boss, eve = world.group("Boss", "Eve"), 0, 1  # the first one owns it
    else:
        room, boss, eve = world.group("Eve"), 1, 0
        room.people.append(world.sim.add_person("Boss", admin=True))
        await world.sim.join(room.channel, room.people[1])
    await room.ask("Hello?", person=eve)
    await room.shows("Hello there.")
    assert offered(world) == ["order", "stock"]
    await room.order("tools own", person=eve)
    shown = await room.shows("asks each time")
    assert [label for label, _ in shown.buttons] == ["‹ Back"]
    await world.queued(0)
    await room.order("tools", person=boss)
    await world.until(lambda: any("this service" in label for label, _ in room.answers[-1].buttons), "a menu")
    await world.queued(0)
    await room.press("this service", person=boss)
    await room.press("✓ order", person=boss)
    await world.until(lambda: any(label == "order" for label, _ in room.answers[-1].buttons), "it is off")
    await world.queued(0)
    await room.ask("And now?", person=eve)
    await world.until(lambda: len(world.requests) == 2 and world.requests[-1].finished, "Kimi answers")
    assert offered(world) == ["stock"]


@pytest.mark.parametrize("platform", ["telegram"])
async def test_always_here_ends_with_a_press_under_tools(world: Any) -> None:
    """What a person allowed for good is asked for again after they took it back."""
    ORDERS.clear()
    call = ScriptedReply("", tool_calls=CALLS.tool_calls[1:])
    world.kimi.script = in_turn(call, ScriptedReply("Done."), call)
    await world.start(tools=(approval_tools.__name__,))
    room = world.direct("Ann")
    await room.ask("A mug, please.")
    await room.press("Always here")
    await room.shows("Done.")
    await room.order("tools own")
    await room.press("Ask again: order")
    await world.until(lambda: "asks each time" in room.answers[-1].text, "it is taken back")
    await world.queued(0)
    await room.ask("And another.")
    await world.until(lambda: any("Approve" in label for label, _ in room.answers[-1].buttons), "it asks")
    assert ORDERS == ["mug"]
