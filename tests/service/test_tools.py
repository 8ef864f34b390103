"""Tools in a real conversation: searched, told, and with links under the answer."""

from typing import Any

import pytest

from bots.simulator.kimi import Faults, ScriptedCall, ScriptedReply, in_turn
from core.store import answer_steps


@pytest.fixture(params=["direct", "group"])
async def room(world: Any, request: pytest.FixtureRequest) -> Any:
    """A conversation of each kind."""
    return getattr(world, request.param)()


def searching(query: str) -> ScriptedReply:
    """A reply that searches the web."""
    return ScriptedReply(
        "", tool_calls=(ScriptedCall(name="web_search", arguments=f'{{"query": "{query}"}}'),)
    )


async def test_a_question_is_searched_for_and_its_sources_stand_under_the_answer(
    world: Any, room: Any
) -> None:
    """With search on, Kimi searches, a failing search is survived, and the pages are linked."""
    world.kimi.script = in_turn(
        searching("moon tea"), searching("green tea"), ScriptedReply("Tea helps, people say.")
    )
    await world.start(web_search="on")
    world.kimi.formulas.failing.append("timeout")
    await room.ask("Does tea help?")
    await world.done(1)
    (text,) = room.texts
    assert text.startswith("Tea helps, people say.")
    assert "Sources" in text
    assert "green tea: an overview" in text
    assert [arguments["query"] for _, arguments in world.kimi.formulas.fibers] == ["moon tea", "green tea"]
    assert "failed" in str(world.requests[1].messages[-1])
    async with world.service.database.read() as tx:
        (calls,) = (await answer_steps.load_tool_calls(tx, [1])).values()
    assert [(one.name, one.outcome.value) for one in calls] == [
        ("web_search", "failed"),
        ("web_search", "done"),
    ]
    world.assert_calm()


async def test_a_stream_that_breaks_in_the_middle_of_a_tool_turn_goes_on(world: Any, room: Any) -> None:
    """Two rounds, one of which fails, and a cut: the answer is whole once, nothing is searched twice."""
    cut = ScriptedReply("Tea helps, people say.", chunk_chars=2, faults=Faults(cut_after_chars=10))
    world.kimi.script = in_turn(
        searching("moon tea"), searching("green tea"), cut, ScriptedReply(" people say.")
    )
    await world.start(web_search="on")
    world.kimi.formulas.failing.append("timeout")
    await room.ask("Does tea help?")
    assert await world.done(1) == ["complete"]
    (text,) = room.texts
    assert text.startswith("Tea helps, people say.")
    assert text.count("Tea helps") == 1
    assert "Sources" in text
    assert [arguments["query"] for _, arguments in world.kimi.formulas.fibers] == ["moon tea", "green tea"]
    roles = [one["role"] for one in world.requests[-1].messages]
    assert roles[-5:] == ["assistant", "tool", "assistant", "tool", "assistant"]
    assert world.requests[-1].messages[-1]["partial"] is True
    world.assert_calm()


async def test_a_host_without_a_search_is_not_said_to_search(world: Any) -> None:
    """Ace Data Cloud has no formulas: `/search on` says what would help instead of promising a search."""
    room = world.direct()
    await world.start(kimi_base_url=world.kimi.ace_url)
    await room.order("search on")
    await room.shows("This Kimi cannot search the web while it thinks. After")


async def test_search_is_off_until_a_conversation_switches_it_on(world: Any) -> None:
    """By default no tool is offered; `/search on` offers the official ones, in this conversation only."""
    room, other = world.direct(), world.direct()
    await world.start()
    await room.ask("Hello?")
    await world.done(1)
    await room.order("search on")
    await world.done(2)
    await room.ask("And now?")
    await world.done(3)
    await other.ask("And here?")
    await world.done(4)
    offered = [
        [tool["function"]["name"] for tool in request.body.get("tools", [])] for request in world.requests
    ]
    assert offered == [[], ["web_search", "fetch"], []]
    world.assert_calm()


@pytest.mark.parametrize(("platform", "cards"), [("slack", True), ("slack", False), ("telegram", False)])
async def test_a_call_is_seen_while_it_runs(world: Any, cards: bool) -> None:
    """As a card of Slack's streams, else as a line below the growing text, which goes away again."""
    asking = ScriptedReply("Let me look.", tool_calls=searching("moon tea").tool_calls)
    world.kimi.script = in_turn(asking, ScriptedReply("Tea helps."))
    world.kimi.formulas.delay_s = 5.0
    if world.name == "slack":
        world.sim.workspace.cards_available = cards
        world.sim.streaming_available = cards
    await world.start(web_search="on")
    room = world.group()
    await room.ask("Does tea help?")
    await world.done(1)
    (shown,) = room.answers
    assert shown.text.startswith("Let me look.\n\nTea helps.")
    assert "Searching" not in shown.text
    frames = [frame.message for frame in room.frames(shown)]
    if cards:
        assert shown.tasks == (("Searching: moon tea", "complete"),)
        assert any(one.tasks == (("Searching: moon tea", "in_progress"),) for one in frames)
    else:
        assert any(one.text == "Let me look.\n\nSearching: moon tea" for one in frames)
    world.assert_calm()
